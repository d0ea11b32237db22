import type { Reader, Writer } from "../../platform/db/db.ts";
import { standing, type StoppedBy } from "./standing.ts";
import { noteNewTags, noteTags } from "./tags.ts";

/** The SQL of links. Rows have the wire's names; ids are strings, instants are Dates. */
export type LinkRow = {
  id: string;
  owner_id: string;
  domain_id: string;
  code: string;
  skeleton: string | null;
  url: string;
  url_host: string;
  title: string | null;
  description: string | null;
  image: string | null;
  tags: string[];
  redirect: number;
  starts_at: Date | null;
  expires_at: Date | null;
  expired_url: string | null;
  max_clicks: number | null;
  clicks_used: number;
  password_hash: string | null;
  forward_query: boolean;
  forward_path: boolean;
  rules: unknown;
  split: unknown;
  robots: "index" | "noindex";
  click_retention_days: number | null;
  flags: string[];
  quarantined: string | null;
  dead_since: Date | null;
  deleted_at: Date | null;
  created_at: Date;
  updated_at: Date;
};

export type NewLinkRow = Omit<LinkRow, "clicks_used" | "dead_since" | "deleted_at">;

/** With what other tables know of it. */
export type ListedRow = LinkRow & StoppedBy & { host: string; clicks: string | null };

/** What the redirect needs to know of a link, and of the domain it hangs on. */
export type TargetRow = LinkRow & { owner_quarantined: boolean };

/**
 * Inserts what can be inserted and returns those ids. A row whose code or alias is taken is left
 * out; the unique indexes decide, whoever races. Aliases are taken in one order everywhere, so
 * that no two transactions wait for each other.
 */
export async function insertLinks(tx: Writer, rows: NewLinkRow[]): Promise<Set<string>> {
  const inserted = await tx.all<{ id: string }>`
    INSERT INTO links.links (id, owner_id, domain_id, code, skeleton, url, url_host, title,
      description, image, tags, redirect, starts_at, expires_at, expired_url, max_clicks,
      password_hash, forward_query, forward_path, rules, split, robots, flags, quarantined,
      click_retention_days, created_at, updated_at)
    SELECT id, owner_id, domain_id, code, skeleton, url, url_host, title,
      description, image, tags, redirect, starts_at, expires_at, expired_url, max_clicks,
      password_hash, forward_query, forward_path, rules, split, robots, flags, quarantined,
      click_retention_days, created_at, updated_at
    FROM jsonb_populate_recordset(NULL::links.links, ${tx.json(rows)})
    ORDER BY skeleton, domain_id, id
    ON CONFLICT DO NOTHING
    RETURNING id`;
  const ids = new Set(inserted.map((row) => row.id));
  noteNewTags(
    tx,
    rows.filter((row) => ids.has(row.id)),
  );
  return ids;
}

/** Where a visitor looks for a link. `skeleton` is the normal form of the code as an alias. */
export type TargetPlace = { domainId: string; code: string; skeleton: string };

/** The link at one place, by its exact code, else by the normal form of an alias. */
function targetAt(reader: Reader, at: Record<keyof TargetPlace, unknown>): unknown {
  return reader.sql`
    SELECT l.*, EXISTS (SELECT FROM links.quarantined_owners q WHERE q.owner_id = l.owner_id)
      AS owner_quarantined
    FROM links.links l
    WHERE l.id = coalesce(
      (SELECT c.id FROM links.links c WHERE c.domain_id = ${at.domainId} AND c.code = ${at.code}),
      (SELECT a.id FROM links.links a
       WHERE a.domain_id = ${at.domainId} AND a.skeleton = ${at.skeleton}))
    LIMIT 1`;
}

/** The link that a visitor asks for. One statement, so that an unknown code costs one read. */
export async function findTarget(reader: Reader, place: TargetPlace): Promise<TargetRow | null> {
  return await reader.one<TargetRow>`${targetAt(reader, place)}`;
}

/**
 * The same for many places, in their order, in one statement. LIMIT has each looked up by index,
 * and their number is hidden in a document, so that nothing is planned anew for it.
 */
export async function findTargets(
  reader: Reader,
  places: TargetPlace[],
): Promise<(TargetRow | null)[]> {
  const asked = places.map(({ domainId, code, skeleton }, place) => {
    return { place, domain_id: domainId, code, skeleton };
  });
  const found = targetAt(reader, {
    domainId: reader.sql`asked.domain_id`,
    code: reader.sql`asked.code`,
    skeleton: reader.sql`asked.skeleton`,
  });
  const rows = await reader.all<TargetRow & { place: number }>`
    SELECT asked.place, found.*
    FROM jsonb_to_recordset(${reader.json(asked)})
      AS asked (place int, domain_id bigint, code text, skeleton text)
    CROSS JOIN LATERAL (${found}) found`;
  const targets = Array.from<TargetRow | null>({ length: places.length }).fill(null);
  for (const row of rows) targets[row.place] = row;
  return targets;
}

/** Takes one of a limited link's clicks. False: none is left. */
export async function useClick(tx: Writer, id: string): Promise<boolean> {
  const used = await tx.run`
    UPDATE links.links SET clicks_used = clicks_used + 1
    WHERE id = ${id} AND clicks_used < max_clicks AND deleted_at IS NULL`;
  return used === 1;
}

export async function findOwned(
  reader: Reader,
  where: { id: string; ownerId: string | null },
): Promise<ListedRow | null> {
  return await reader.one<ListedRow>`
    SELECT l.*, d.host, t.clicks, ${standing(reader)} FROM links.links l
    JOIN links.domains d ON d.id = l.domain_id
    LEFT JOIN links.click_totals t ON t.link_id = l.id
    WHERE l.id = ${where.id}
      AND (${where.ownerId}::bigint IS NULL OR l.owner_id = ${where.ownerId})`;
}

/** Locks the row, so that an edit is made from what it replaces. */
export async function lockOwned(
  tx: Writer,
  where: { id: string; ownerId: string | null },
): Promise<ListedRow | null> {
  return await tx.one<ListedRow>`
    SELECT l.*, d.host, t.clicks, ${standing(tx)} FROM links.links l
    JOIN links.domains d ON d.id = l.domain_id
    LEFT JOIN links.click_totals t ON t.link_id = l.id
    WHERE l.id = ${where.id}
      AND (${where.ownerId}::bigint IS NULL OR l.owner_id = ${where.ownerId})
    FOR UPDATE OF l`;
}

export async function updateLink(tx: Writer, row: LinkRow): Promise<void> {
  await noteTags(tx, row);
  await tx.run`
    UPDATE links.links SET
      url = ${row.url}, url_host = ${row.url_host}, title = ${row.title},
      description = ${row.description}, image = ${row.image},
      tags = ${tx.array(row.tags, "text")}, redirect = ${row.redirect},
      starts_at = ${row.starts_at}, expires_at = ${row.expires_at},
      expired_url = ${row.expired_url}, max_clicks = ${row.max_clicks},
      password_hash = ${row.password_hash}, forward_query = ${row.forward_query},
      forward_path = ${row.forward_path}, rules = ${tx.json(row.rules)},
      split = ${row.split === null ? null : tx.json(row.split)}, robots = ${row.robots},
      click_retention_days = ${row.click_retention_days},
      flags = ${tx.array(row.flags, "text")}, quarantined = ${row.quarantined},
      dead_checks = CASE WHEN url = ${row.url} THEN dead_checks ELSE 0 END,
      dead_since = ${row.dead_since}, deleted_at = ${row.deleted_at},
      updated_at = ${row.updated_at}
    WHERE id = ${row.id}`;
}

/** Live aliases of an owner, counted no further than one above `max`. */
export async function countAliases(
  reader: Reader,
  options: { ownerId: string; max: number },
): Promise<number> {
  const row = await reader.one<{ n: string }>`
    SELECT count(*) AS n FROM (
      SELECT FROM links.links
      WHERE owner_id = ${options.ownerId} AND skeleton IS NOT NULL AND deleted_at IS NULL
      LIMIT ${Math.min(options.max + 1, Number.MAX_SAFE_INTEGER)}) counted`;
  return Number(row?.n ?? 0);
}

/**
 * Claims (owner, domain, URL) for a new link, or names the link that holds it. A concurrent
 * claim is waited for, so that everybody gets the same answer.
 */
export async function claimUrl(
  tx: Writer,
  claim: { ownerId: string; domainId: string; url: string; linkId: string },
): Promise<string> {
  const { ownerId, domainId, url, linkId } = claim;
  const hash = new Bun.CryptoHasher("sha256").update(url).digest();
  const inserted = await tx.run`
    INSERT INTO links.found (owner_id, domain_id, url_hash, link_id)
    VALUES (${ownerId}, ${domainId}, ${hash}, ${linkId})
    ON CONFLICT DO NOTHING`;
  if (inserted === 1) return linkId;
  // A statement of its own, because only a new snapshot sees what the wait was for.
  const holder = await tx.one<{ link_id: string; live: boolean }>`
    SELECT f.link_id, EXISTS (
      SELECT FROM links.links l
      WHERE l.id = f.link_id AND l.deleted_at IS NULL AND l.url = ${url}
        AND (l.expires_at IS NULL OR l.expires_at > now())
        AND (l.max_clicks IS NULL OR l.clicks_used < l.max_clicks)) AS live
    FROM links.found f
    WHERE owner_id = ${ownerId} AND domain_id = ${domainId} AND url_hash = ${hash}
    FOR UPDATE`;
  if (holder?.live) return holder.link_id;
  await tx.run`
    UPDATE links.found SET link_id = ${linkId}
    WHERE owner_id = ${ownerId} AND domain_id = ${domainId} AND url_hash = ${hash}`;
  return linkId;
}

export const changesChannel = "links_changed";

/**
 * Tells every process, on commit, that a link is not what it was. `alias` says that one was
 * made, so that nobody goes on taking it for unknown.
 */
export function announceChange(
  tx: Writer,
  what: "edit" | "alias" | "all",
  row: { domain_id: string; code: string } | null,
): void {
  const text = row ? `${what} ${row.domain_id} ${row.code}` : what;
  tx.send`SELECT pg_notify(${changesChannel}, ${text})`;
}
