import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link as RouteLink } from "wouter";
import type { AuditEntry } from "../../../sdk/types.ts";
import { ago, dateTime } from "../messages.ts";
import { useAccount } from "../session.tsx";
import { stoa } from "../stoa.ts";
import { Select } from "../ui/field.tsx";
import { More } from "../ui/more.tsx";
import { Empty, Failed, Loading, Page } from "../ui/page.tsx";

/** What was done, by whom and from where. */
const actions = [
  "accounts.signed_in",
  "accounts.sign_in_failed",
  "accounts.signed_out",
  "accounts.password_changed",
  "accounts.key_created",
  "accounts.key_revoked",
  "accounts.created",
  "accounts.changed",
  "accounts.deleted",
  "links.updated",
  "links.deleted",
  "links.tag_renamed",
  "links.tag_removed",
  "links.quarantined",
  "links.released",
  "links.owner_quarantined",
  "links.owner_released",
  "domains.added",
  "domains.verified",
  "domains.lost",
  "domains.quarantined",
  "domains.released",
  "reports.upheld",
  "reports.dismissed",
  "webhooks.created",
  "limits.rule_created",
  "limits.rule_updated",
  "limits.rule_removed",
];

export function AuditPage() {
  const account = useAccount();
  const [action, setAction] = useState("");
  const [whose, setWhose] = useState<"mine" | "all">("mine");
  const filter = {
    limit: 50,
    ...(action ? { action } : {}),
    ...(whose === "mine" ? { account_id: account.id } : {}),
  };
  const entries = useInfiniteQuery({
    queryKey: ["audit", filter],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => stoa.audit.list(filter).page({ cursor: pageParam, signal }),
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: (before) => before,
  });
  const items = entries.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Page
      title="Audit log"
      lead="What was done to accounts, keys, links and domains, newest first."
    >
      <div className="mb-3 flex flex-wrap gap-2">
        <Select
          label="Action"
          hideLabel
          value={action}
          options={[
            { value: "", label: "Every action" },
            ...actions.map((value) => ({ value, label: phrase(value) })),
          ]}
          onChange={setAction}
        />
        {account.role === "admin" && (
          <Select
            label="Whose"
            hideLabel
            value={whose}
            options={[
              { value: "mine", label: "My own" },
              { value: "all", label: "Everybody’s" },
            ]}
            onChange={setWhose}
          />
        )}
      </div>
      {entries.isPending ? (
        <Loading rows={6} />
      ) : entries.isError ? (
        <Failed what="The log" error={entries.error} retry={() => void entries.refetch()} />
      ) : items.length === 0 ? (
        <Empty icon="audit" title="Nothing of that kind">
          Entries are written with the change itself, so what is not here did not happen.
        </Empty>
      ) : (
        <ol className="card divide-y divide-line">
          {items.map((entry) => (
            <Entry key={entry.id} entry={entry} own={account.id} />
          ))}
        </ol>
      )}
      <More
        shown={entries.hasNextPage}
        busy={entries.isFetchingNextPage}
        load={() => void entries.fetchNextPage()}
      />
    </Page>
  );
}

function Entry({ entry, own }: { entry: AuditEntry; own: string }) {
  const detail = Object.entries(entry.detail).map(([name, value]) => `${name}: ${shown(value)}`);
  const who =
    entry.actor_kind === "system"
      ? "Stoa"
      : entry.actor_id === own
        ? "You"
        : `Account ${entry.actor_id}`;
  return (
    <li className="flex flex-wrap items-baseline gap-x-4 gap-y-0.5 px-4 py-2.5">
      <span className="min-w-44 font-medium">{phrase(entry.action)}</span>
      <span className="min-w-0 grow text-[0.8125rem] text-muted">
        {who}
        {entry.actor_kind === "key" && " by API key"}
        {entry.address && ` from ${entry.address}`}
        <Target entry={entry} own={own} />
        {detail.length > 0 && ` · ${detail.join(", ")}`}
      </span>
      <time dateTime={entry.occurred_at} title={dateTime(entry.occurred_at)} className="hint">
        {ago(entry.occurred_at)}
      </time>
    </li>
  );
}

/** Leads to the link that something was done to; others are named where that says more. */
function Target({ entry, own }: { entry: AuditEntry; own: string }) {
  const { action, target, account_id } = entry;
  if (/^links\.(updated|deleted|quarantined|released)$/.test(action)) {
    return (
      <>
        {" · "}
        <RouteLink href={`/links/${target}`} className="link">
          the link
        </RouteLink>
      </>
    );
  }
  if (account_id === null || account_id === own) return null;
  return (
    <>
      {" · "}
      <RouteLink href={`/reports?view=lookup&find=account:${account_id}`} className="link">
        account {account_id}
      </RouteLink>
    </>
  );
}

/** `accounts.key_created` reads "Key created". */
function phrase(action: string): string {
  const [system = "", verb = ""] = action.split(".");
  // What is done to keys and sessions names them already.
  const named = system === "accounts" && !/^(created|renamed|changed|deleted)$/.test(verb);
  const thing = verb.startsWith("owner_") ? "account" : system.replace(/s$/, "");
  const done = verb.replace("owner_", "").replace("quarantined", "stopped").replaceAll("_", " ");
  const text = named || verb.startsWith("tag_") ? done : `${thing} ${done}`;
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.map(shown).join(" ");
  return typeof value === "string" ? value : JSON.stringify(value);
}
