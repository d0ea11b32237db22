import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Domain } from "../../../sdk/types.ts";
import { fieldErrors } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Field, Select } from "../ui/field.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";
import { Empty, Failed, Loading, Page } from "../ui/page.tsx";
import { DomainCard } from "./domain-card.tsx";
import { useDomains } from "./quick-create.tsx";

/** Hosts of one's own that serve short links. */
const alphabets = [
  { value: "base62", label: "Short: Ab3xK9q, letters and digits" },
  { value: "people", label: "For people: no look-alikes, typos are noticed" },
] as const;

export function DomainsPage() {
  const domains = useDomains();
  const [editing, setEditing] = useState<Domain | "new" | null>(null);
  const add = (
    <Button kind="primary" icon="plus" onClick={() => setEditing("new")}>
      Add a domain
    </Button>
  );
  return (
    <Page
      title="Domains"
      lead="Short links under your own name. Point the host at Stoa, prove that it is yours, and use it."
      actions={add}
    >
      {domains.isPending ? (
        <Loading rows={2} height="card" />
      ) : domains.isError ? (
        <Failed what="Your domains" error={domains.error} retry={() => void domains.refetch()} />
      ) : domains.data.items.length === 0 ? (
        <Empty icon="domains" title="Links under your own name" action={add}>
          go.example.com/sale is trusted more than a stranger's host. It takes one DNS record.
        </Empty>
      ) : (
        <div className="flex flex-col gap-4">
          {domains.data.items.map((domain) => (
            <DomainCard key={domain.id} domain={domain} onEdit={() => setEditing(domain)} />
          ))}
        </div>
      )}
      {editing && (
        <DomainDialog
          domain={editing === "new" ? null : editing}
          onClose={() => setEditing(null)}
        />
      )}
    </Page>
  );
}

function DomainDialog(props: { domain: Domain | null; onClose: () => void }) {
  const { domain } = props;
  const queries = useQueryClient();
  const [host, setHost] = useState("");
  const [alphabet, setAlphabet] = useState(domain?.alphabet ?? "base62");
  const [root, setRoot] = useState(domain?.root_url ?? "");
  const [notFound, setNotFound] = useState(domain?.not_found_url ?? "");
  const save = useMutation({
    mutationFn: () => {
      const settings = { alphabet, root_url: root || null, not_found_url: notFound || null };
      return domain
        ? stoa.domains.update(domain.id, settings)
        : stoa.domains.create({ host: host.trim(), ...settings });
    },
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["domains"] });
      props.onClose();
    },
  });
  const errors = fieldErrors(save.error);
  return (
    <FormDialog
      title={domain ? domain.host : "Add a domain"}
      action={domain ? "Save" : "Add"}
      busy={save.isPending}
      error={save.error}
      onSubmit={() => save.mutate()}
      onClose={props.onClose}
    >
      {!domain && (
        <Field
          label="Host"
          autoFocus
          required
          placeholder="go.example.com"
          autoCapitalize="off"
          spellCheck={false}
          value={host}
          error={errors["host"]}
          onChange={(event) => setHost(event.target.value)}
        />
      )}
      <Select label="Codes" value={alphabet} options={alphabets} onChange={setAlphabet} />
      <Field
        label="Visitors of the front page go to"
        inputMode="url"
        placeholder="https://example.com"
        value={root}
        error={errors["root_url"]}
        onChange={(event) => setRoot(event.target.value)}
      />
      <Field
        label="Visitors with an unknown code go to"
        inputMode="url"
        placeholder="https://example.com/not-found"
        value={notFound}
        error={errors["not_found_url"]}
        onChange={(event) => setNotFound(event.target.value)}
      />
    </FormDialog>
  );
}
