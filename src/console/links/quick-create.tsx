import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link as RouteLink } from "wouter";
import type { Link } from "../../../sdk/types.ts";
import { withoutScheme } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button, CopyButton, IconButton } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field, Select } from "../ui/field.tsx";
import { useShorten } from "./use-shorten.ts";

/** One field and one key: paste, press Enter, and the short link is on the clipboard. */
export function QuickCreate(props: { autoFocus?: boolean; onCreated?: (link: Link) => void }) {
  const [more, setMore] = useState(false);
  const { draft, set, errors, busy, submit } = useShorten(props.onCreated);
  return (
    <form onSubmit={submit} noValidate className="flex flex-col gap-3">
      <div className="flex items-start gap-2">
        <div className="grow">
          <Field
            label="Long URL"
            hideLabel
            data-shortcut="create"
            autoFocus={props.autoFocus}
            placeholder="Paste a long URL and press Enter"
            inputMode="url"
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            value={draft.url}
            error={errors.url}
            onChange={(event) => set("url", event.target.value)}
            className="min-h-10"
          />
        </div>
        <IconButton
          kind="plain"
          icon="settings"
          label="Alias, domain and tags"
          aria-expanded={more}
          className="size-10 min-h-10"
          onClick={() => setMore(!more)}
        />
        <Button kind="primary" type="submit" busy={busy} className="min-h-10">
          Shorten
        </Button>
      </div>
      {more && (
        <div className="grid gap-3 sm:grid-cols-3">
          <Field
            label="Alias"
            placeholder="spring-sale"
            value={draft.alias}
            error={errors.alias}
            hint="Empty: a short random code."
            autoCapitalize="off"
            spellCheck={false}
            onChange={(event) => set("alias", event.target.value)}
          />
          <DomainSelect value={draft.domain} onChange={(value) => set("domain", value)} />
          <Field
            label="Tags"
            placeholder="spring, mail"
            hint="Separated by commas."
            value={draft.tags}
            onChange={(event) => set("tags", event.target.value)}
          />
        </div>
      )}
    </form>
  );
}

export function QuickCreateDialog(props: { onClose: () => void }) {
  const [made, setMade] = useState<Link | null>(null);
  return (
    <Dialog title={made ? "Your short link" : "New link"} wide onClose={props.onClose}>
      {made ? (
        <>
          <div className="flex flex-wrap items-center gap-2 rounded-lg bg-accent-soft p-3">
            <a href={made.short_url} target="_blank" rel="noreferrer" className="grow font-medium">
              {withoutScheme(made.short_url)}
            </a>
            <CopyButton text={made.short_url} what="Short link" label="Copy" />
          </div>
          <p className="hint mt-2 truncate">leads to {withoutScheme(made.url)}</p>
          <div className="mt-5 flex flex-wrap justify-end gap-2">
            <Button onClick={() => setMade(null)}>Make another</Button>
            <RouteLink
              href={`/links/${made.id}`}
              onClick={props.onClose}
              className="btn btn-primary"
            >
              Open the link
            </RouteLink>
          </div>
        </>
      ) : (
        <QuickCreate autoFocus onCreated={setMade} />
      )}
    </Dialog>
  );
}

export function useDomains() {
  return useQuery({
    queryKey: ["domains"],
    queryFn: ({ signal }) => stoa.domains.list({ signal }),
  });
}

function DomainSelect(props: { value: string; onChange: (value: string) => void }) {
  const domains = useDomains();
  const proved = (domains.data?.items ?? []).filter((domain) => domain.verified_at);
  const own = { value: "", label: location.host };
  return (
    <Select
      label="Domain"
      value={props.value}
      options={[own, ...proved.map(({ host }) => ({ value: host, label: host }))]}
      hint={proved.length === 0 ? "Your own can be added under Domains." : undefined}
      onChange={props.onChange}
    />
  );
}
