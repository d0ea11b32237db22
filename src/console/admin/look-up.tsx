import { useQuery } from "@tanstack/react-query";
import { useState, type FormEvent, type ReactNode } from "react";
import { Link as RouteLink } from "wouter";
import type { Lookup } from "../../../sdk/types.ts";
import { messageOf, withoutScheme } from "../messages.ts";
import { StateBadge } from "../links/link-row.tsx";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { Badge, Loading, Notice } from "../ui/page.tsx";
import { StopButton, type Stoppable } from "./stop-button.tsx";

/** From a short link, a domain or an account to all that belongs together, and to stopping it. */
export function LookUp(props: { text: string; onText: (text: string) => void }) {
  const [text, setText] = useState(props.text);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    props.onText(text.trim());
  };
  return (
    <>
      <form onSubmit={submit} className="mb-4 flex items-start gap-2">
        <div className="min-w-0 grow">
          <Field
            label="Short link or domain"
            hideLabel
            type="search"
            autoCapitalize="off"
            spellCheck={false}
            placeholder="Paste a short link, or type a domain"
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </div>
        <Button type="submit" icon="search">
          Look up
        </Button>
      </form>
      {props.text && <Result text={props.text} />}
    </>
  );
}

/** `account:123` comes from a report; a host has no path; everything else is a short link. */
function queryOf(text: string) {
  const account = /^account:(\d+)$/.exec(text)?.[1];
  if (account) return { owner_id: account };
  const bare = withoutScheme(text);
  if (!bare.includes("/")) return { host: bare };
  return { short_url: /^https?:/.test(text) ? text : `${location.protocol}//${text}` };
}

function Result({ text }: { text: string }) {
  const found = useQuery({
    queryKey: ["lookup", text],
    queryFn: ({ signal }) => stoa.safety.lookUp(queryOf(text), { signal }),
  });
  if (found.isPending) return <Loading rows={3} />;
  if (found.isError) return <Notice kind="warn">{messageOf(found.error)}</Notice>;
  return (
    <ul className="card divide-y divide-line">
      {itemsOf(found.data).map((item) => (
        <li key={item.what.kind} className="flex flex-wrap items-center gap-3 px-4 py-3">
          <div className="min-w-0 grow basis-64">
            <p className="text-xs text-muted">{item.title}</p>
            <p className="flex flex-wrap items-center gap-2 font-semibold break-all">
              {item.shown}
              {item.what.stopped !== null && <Badge kind="danger">stopped</Badge>}
            </p>
            <p className="text-[0.8125rem] break-all text-muted">{item.note}</p>
            {item.what.stopped !== null && (
              <p className="text-[0.8125rem]">Reason: {item.what.stopped}</p>
            )}
          </div>
          <StopButton what={item.what} />
        </li>
      ))}
    </ul>
  );
}

type Item = { title: string; shown: ReactNode; note: ReactNode; what: Stoppable };

function itemsOf({ link, domain, owner }: Lookup): Item[] {
  const items: Item[] = [];
  if (link) {
    const name = withoutScheme(link.short_url);
    const stopped = link.quarantine?.of === "link" ? link.quarantine.reason : null;
    items.push({
      title: "Link",
      shown: (
        <>
          <RouteLink href={`/links/${link.id}`} className="link">
            {name}
          </RouteLink>
          {stopped === null && <StateBadge link={link} />}
        </>
      ),
      note: `leads to ${withoutScheme(link.url)}`,
      what: { kind: "link", id: link.id, name, stopped },
    });
  }
  if (domain) {
    const { id, host, stopped } = domain;
    items.push({
      ...{ title: "Domain", shown: host, note: "all links on it" },
      what: { kind: "domain", id, name: host, stopped },
    });
  }
  if (owner) {
    const { id, name, email, stopped } = owner;
    items.push({
      ...{ title: "Account", shown: name, note: `${email ?? "outside issuer"}, all of its links` },
      what: { kind: "owner", id, name: email ?? name, stopped },
    });
  }
  return items;
}
