import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import type { Account } from "../../../sdk/types.ts";
import { messageOf } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Loading } from "../ui/page.tsx";
import { toast } from "../ui/toast.tsx";
import { DeleteAccount } from "./delete-account.tsx";
import { PasswordForm } from "./password-form.tsx";
import { StopButton } from "./stop-button.tsx";
import { TierForm } from "./tier-form.tsx";

/** Everything that an administrator may do to one account, with what it means. */
type Doing = "password" | "delete";

export function AccountDialog(props: {
  account: Account;
  /** Those of the accounts one sees. */
  tiers: string[];
  onClose: () => void;
}) {
  const { account, onClose } = props;
  const [doing, setDoing] = useState<Doing | null>(null);
  if (doing === "password") return <PasswordForm account={account} onClose={onClose} />;
  if (doing === "delete") return <DeleteAccount account={account} onClose={onClose} />;
  return (
    <Dialog title={account.name} onClose={onClose}>
      <ul className="divide-y divide-line">
        {account.email !== null && (
          <Choice note="A temporary one is made; every device is signed out.">
            <Button onClick={() => setDoing("password")}>New password</Button>
          </Choice>
        )}
        <li>
          <TierForm account={account} tiers={props.tiers} onDone={onClose} />
        </li>
        <Standing account={account} onDone={onClose} />
        <Links account={account} />
        <Choice note="For good. You choose what happens to its links.">
          <Button kind="danger" icon="trash" onClick={() => setDoing("delete")}>
            Delete…
          </Button>
        </Choice>
      </ul>
    </Dialog>
  );
}

function Choice(props: { note: string; children: ReactNode }) {
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-2 py-3">
      <p className="min-w-0 grow basis-48 text-[0.8125rem] text-muted">{props.note}</p>
      {props.children}
    </li>
  );
}

function Standing(props: { account: Account; onDone: () => void }) {
  const { account } = props;
  const queries = useQueryClient();
  const disabled = account.disabled_at !== null;
  const change = useMutation({
    mutationFn: () => stoa.accounts.update(account.id, { disabled: !disabled }),
    onSuccess: async () => {
      toast(`${account.name} is ${disabled ? "enabled" : "disabled"}`);
      await queries.invalidateQueries({ queryKey: ["accounts"] });
      props.onDone();
    },
    onError: (error) => toast(messageOf(error), "error"),
  });
  const note = disabled
    ? "Lets it sign in again. Its keys work again too."
    : "Nobody gets in, by password or key. Its links go on redirecting.";
  return (
    <Choice note={note}>
      <Button
        kind={disabled ? "plain" : "danger"}
        busy={change.isPending}
        onClick={() => change.mutate()}
      >
        {disabled ? "Enable" : "Disable"}
      </Button>
    </Choice>
  );
}

function Links({ account }: { account: Account }) {
  const found = useQuery({
    queryKey: ["lookup", `account:${account.id}`],
    queryFn: ({ signal }) => stoa.safety.lookUp({ owner_id: account.id }, { signal }),
  });
  if (found.isPending) {
    return (
      <li className="py-3">
        <Loading rows={1} />
      </li>
    );
  }
  const stopped = found.data?.owner?.stopped ?? null;
  const note =
    stopped === null
      ? "Visitors of all its links see a warning instead of being sent on."
      : `All its links are stopped: ${stopped}`;
  return (
    <Choice note={note}>
      <StopButton what={{ kind: "owner", id: account.id, name: account.name, stopped }} />
    </Choice>
  );
}
