import { Link as RouteLink } from "wouter";
import type { Link } from "../../../sdk/types.ts";
import { ago, count, dateTime, plural, withoutScheme } from "../messages.ts";
import { CopyButton } from "../ui/button.tsx";
import { Icon } from "../ui/icons.tsx";
import { Badge } from "../ui/page.tsx";

/** One link in a list. */
export function LinkRow(props: { link: Link; fresh?: boolean; onTag?: (tag: string) => void }) {
  const { link } = props;
  return (
    <li
      className={`flex items-center gap-2 px-3 py-2.5 md:px-4 ${props.fresh ? "pulse-once" : ""}`}
    >
      <div className="min-w-0 grow">
        <div className="flex min-w-0 flex-wrap items-center gap-x-2 gap-y-0.5">
          <RouteLink
            href={`/links/${link.id}`}
            data-row
            className="max-w-full truncate rounded font-semibold hover:text-accent"
          >
            {withoutScheme(link.short_url)}
          </RouteLink>
          <StateBadge link={link} />
          {link.has_password && <Marker icon="lock" label="Asks for a password" />}
          {(link.rules.length > 0 || link.split) && (
            <Marker icon="route" label="Sends visitors to different places" />
          )}
        </div>
        <p className="truncate text-[0.8125rem] text-muted" title={link.url}>
          {link.title ? `${link.title} · ` : ""}
          {withoutScheme(link.url)}
        </p>
        {link.tags.length > 0 && (
          <div className="mt-1 flex flex-wrap gap-1">
            {link.tags.map((tag) => (
              <button
                key={tag}
                type="button"
                className="chip hover:text-ink"
                aria-label={`Only links tagged ${tag}`}
                onClick={() => props.onTag?.(tag)}
              >
                {tag}
              </button>
            ))}
          </div>
        )}
      </div>
      <div className="shrink-0 text-right">
        <p className="text-[0.8125rem] font-medium tabular-nums">
          {count(link.clicks)}
          <span className="font-normal text-muted"> {link.clicks === 1 ? "click" : "clicks"}</span>
        </p>
        <time
          dateTime={link.created_at}
          title={dateTime(link.created_at)}
          className="hidden text-xs text-muted sm:block"
        >
          {ago(link.created_at)}
        </time>
      </div>
      <CopyButton text={link.short_url} what="Short link" />
    </li>
  );
}

function Marker(props: { icon: "lock" | "route"; label: string }) {
  return (
    <span title={props.label} className="text-muted">
      <Icon name={props.icon} className="size-3.5" />
      <span className="sr-only">{props.label}</span>
    </span>
  );
}

export function StateBadge(props: { link: Link }) {
  const { link } = props;
  switch (link.state) {
    case "scheduled":
      return <Badge>{link.starts_at ? `starts ${ago(link.starts_at)}` : "scheduled"}</Badge>;
    case "expired":
      return <Badge kind="warn">expired</Badge>;
    case "used_up":
      return <Badge kind="warn">used up after {plural(link.clicks_used, "click")}</Badge>;
    case "deleted":
      return <Badge kind="danger">deleted</Badge>;
    case "quarantined":
      return <Badge kind="danger">stopped</Badge>;
    case "active":
      if (link.dead_since) return <Badge kind="warn">target is gone</Badge>;
      return link.flags.length > 0 ? <Badge kind="warn">check the host</Badge> : null;
  }
}
