import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Domain, Quarantine } from "../../../sdk/types.ts";
import { date, messageOf } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button, CopyButton } from "../ui/button.tsx";
import { Confirm } from "../ui/dialog.tsx";
import { Badge, Card, Notice } from "../ui/page.tsx";
import { toast } from "../ui/toast.tsx";

/** One domain: how it stands, and what is left to do until it serves links. */
export function DomainCard(props: { domain: Domain; onEdit: () => void }) {
  const { domain } = props;
  const queries = useQueryClient();
  const [removing, setRemoving] = useState(false);
  const refresh = () => queries.invalidateQueries({ queryKey: ["domains"] });
  const verify = useMutation({
    mutationFn: () => stoa.domains.verify(domain.id),
    onSuccess: async () => {
      toast(`${domain.host} is yours and serves links`);
      await refresh();
    },
  });
  const remove = async () => {
    try {
      await stoa.domains.delete(domain.id);
    } catch (error) {
      toast(messageOf(error), "error");
      throw error;
    }
    await refresh();
  };
  return (
    <Card>
      <header className="flex flex-wrap items-center gap-2">
        <h2 className="grow font-semibold">{domain.host}</h2>
        {domain.quarantine && <Badge kind="danger">stopped</Badge>}
        {domain.verified_at ? (
          <Badge kind="good">proved {date(domain.verified_at)}</Badge>
        ) : (
          <Badge kind="warn">not proved yet</Badge>
        )}
        <Button icon="edit" onClick={props.onEdit}>
          Edit
        </Button>
        <Button kind="danger" icon="trash" onClick={() => setRemoving(true)}>
          Remove
        </Button>
      </header>
      {domain.quarantine && <Stopped by={domain.quarantine} />}
      {domain.verified_at ? (
        <Facts domain={domain} />
      ) : (
        <Proof domain={domain} busy={verify.isPending} onVerify={() => verify.mutate()} />
      )}
      {verify.error && (
        <p role="alert" className="mt-3 text-danger">
          {messageOf(verify.error)}
        </p>
      )}
      {removing && (
        <Confirm
          title={`Remove ${domain.host}?`}
          action="Remove domain"
          onConfirm={remove}
          onClose={() => setRemoving(false)}
        >
          Stoa stops answering for this host. A domain that has links cannot be removed.
        </Confirm>
      )}
    </Card>
  );
}

function Facts({ domain }: { domain: Domain }) {
  return (
    <dl className="mt-3 grid gap-x-4 gap-y-1 text-[0.8125rem] sm:grid-cols-[10rem_1fr]">
      <dt className="text-muted">Its front page</dt>
      <dd>{domain.root_url ?? "Stoa's own page"}</dd>
      <dt className="text-muted">Unknown codes</dt>
      <dd>{domain.not_found_url ?? "Stoa's own page"}</dd>
      <dt className="text-muted">Codes</dt>
      <dd>{domain.alphabet === "people" ? "for people" : "short"}</dd>
    </dl>
  );
}

function Stopped({ by }: { by: Quarantine }) {
  return (
    <div className="mt-3">
      <Notice kind="danger">
        {by.of === "owner" ? "Your account" : "This domain"} is stopped ({by.reason}): visitors of
        its links see a warning. Ask an administrator to release it.
      </Notice>
    </div>
  );
}

function Proof(props: { domain: Domain; busy: boolean; onVerify: () => void }) {
  const { txt_name, txt_value, well_known_url } = props.domain.verification;
  return (
    <div className="mt-3 flex flex-col gap-3 text-[0.8125rem]">
      <p>
        Prove that the host is yours: add this <b>TXT record</b> to its DNS, or serve the value as a
        file at <span className="code">{well_known_url}</span>
      </p>
      <ul className="grid gap-2">
        {(
          [
            ["Name", txt_name],
            ["Value", txt_value],
          ] as const
        ).map(([label, value]) => (
          <li key={label} className="flex items-center gap-2">
            <span className="w-12 shrink-0 text-muted">{label}</span>
            <code className="code min-w-0 grow">{value}</code>
            <CopyButton text={value} what={label} />
          </li>
        ))}
      </ul>
      <div className="flex flex-wrap items-center gap-3">
        <Button kind="primary" busy={props.busy} onClick={props.onVerify}>
          Check now
        </Button>
        <span className="hint">
          DNS can take a few minutes to show the record to everybody. Leave it there: while it
          stands, nobody else can take the host over.
        </span>
      </div>
    </div>
  );
}
