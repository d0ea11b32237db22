import type { Link } from "./wire.ts";
import { quarantineOf, type Standing } from "./standing.ts";
import type { LinkRow, ListedRow } from "./store.ts";

/** What a link is at an instant; the redirect, the API and the console all ask here. */
export type State = Link["state"];

type Timed = Standing &
  Pick<LinkRow, "deleted_at" | "starts_at" | "expires_at" | "max_clicks" | "clicks_used">;

export function stateOf(row: Timed, now: number): State {
  if (row.deleted_at) return "deleted";
  if (quarantineOf(row)) return "quarantined";
  if (row.expires_at && row.expires_at.getTime() <= now) return "expired";
  if (row.max_clicks !== null && row.clicks_used >= row.max_clicks) return "used_up";
  if (row.starts_at && row.starts_at.getTime() > now) return "scheduled";
  return "active";
}

export type Naming = { publicUrl: string };

export function shortUrl(naming: Naming, host: string, code: string): string {
  const origin = host === "" ? naming.publicUrl : `https://${host}`;
  return `${origin}/${code}`;
}

export function toWire(row: ListedRow, naming: Naming, now: number): Link {
  return {
    id: row.id,
    code: row.code,
    domain: row.host === "" ? new URL(naming.publicUrl).host : row.host,
    short_url: shortUrl(naming, row.host, row.code),
    url: row.url,
    state: stateOf(row, now),
    quarantine: quarantineOf(row),
    title: row.title,
    description: row.description,
    image: row.image,
    tags: Array.from(row.tags),
    redirect: row.redirect as Link["redirect"],
    starts_at: row.starts_at?.toISOString() ?? null,
    expires_at: row.expires_at?.toISOString() ?? null,
    expired_url: row.expired_url,
    max_clicks: row.max_clicks,
    clicks_used: row.clicks_used,
    has_password: row.password_hash !== null,
    forward_query: row.forward_query,
    forward_path: row.forward_path,
    rules: row.rules as Link["rules"],
    split: row.split as Link["split"],
    robots: row.robots,
    click_retention_days: row.click_retention_days,
    flags: Array.from(row.flags),
    dead_since: row.dead_since?.toISOString() ?? null,
    clicks: Number(row.clicks ?? 0),
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}
