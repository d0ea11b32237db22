import type { Writer } from "../../platform/db/db.ts";
import { changesChannel } from "./store.ts";

/** The SQL of handing over or erasing what an account owned. Each call is one bounded step. */
export const stepRows = 500;

export type Step = { from: string; after: string };

/** Proved domains go along; a mere claim is not worth it, and yields where the heir made one. */
export async function moveDomains(tx: Writer, { from, to }: Heir): Promise<void> {
  await deleteBareDomains(tx, from, true);
  const reason = await ownerReason(tx, from);
  await tx.run`
    DELETE FROM links.domains d WHERE owner_id = ${to} AND verified_at IS NULL
      AND host IN (SELECT host FROM links.domains WHERE owner_id = ${from})
      AND NOT EXISTS (SELECT FROM links.links l WHERE l.domain_id = d.id)`;
  await tx.run`
    UPDATE links.domains d SET owner_id = ${to},
      quarantined = quarantined OR ${reason}::text IS NOT NULL,
      quarantine_reason = coalesce(quarantine_reason, ${reason})
    WHERE owner_id = ${from} AND NOT EXISTS (
      SELECT FROM links.domains o WHERE o.owner_id = ${to} AND o.host = d.host)`;
}

export type Heir = { from: string; to: string };

/** A stop of the old owner stays with each link, so that handing over sets nothing free. */
export async function moveLinks(
  tx: Writer,
  { from, after }: Step,
  to: string,
): Promise<string | null> {
  const reason = await ownerReason(tx, from);
  const moved = await tx.all<{ id: string }>`
    WITH step AS (
      SELECT id FROM links.links WHERE owner_id = ${from} AND id > ${after}
      ORDER BY id LIMIT ${stepRows} FOR UPDATE),
    moved AS (
      UPDATE links.links l SET owner_id = ${to}, quarantined = coalesce(quarantined, ${reason})
      FROM step s WHERE l.id = s.id
      RETURNING l.id, l.tags, l.deleted_at),
    tagged AS (
      INSERT INTO links.tag_changes (owner_id, tag, links)
      SELECT ${to}, tag, count(DISTINCT id) FROM moved, unnest(tags) AS tag
      WHERE deleted_at IS NULL GROUP BY tag)
    SELECT id FROM step ORDER BY id`;
  return lastOf(moved);
}

/** Which URLs find_or_create knows, where the heir has no link to the same. */
export async function moveFound(tx: Writer, { from, to }: Heir): Promise<number> {
  return await tx.run`
    WITH moved AS (
      DELETE FROM links.found WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM links.found WHERE owner_id = ${from} LIMIT ${stepRows}))
      RETURNING domain_id, url_hash, link_id),
    kept AS (
      INSERT INTO links.found (owner_id, domain_id, url_hash, link_id)
      SELECT ${to}, domain_id, url_hash, link_id FROM moved ON CONFLICT DO NOTHING)
    SELECT FROM moved`;
}

export async function moveTotals(tx: Writer, { from, to }: Heir): Promise<number> {
  return await tx.run`
    UPDATE links.click_totals SET owner_id = ${to} WHERE link_id IN (
      SELECT link_id FROM links.click_totals WHERE owner_id = ${from} LIMIT ${stepRows})`;
}

/** Hosts are free for others to prove. Where links need the row, it keeps no name. */
export async function eraseDomains(tx: Writer, from: string): Promise<void> {
  await deleteBareDomains(tx, from, false);
  await tx.run`
    UPDATE links.domains SET verified_at = NULL, host = id || '.invalid', token = '',
      root_url = NULL, not_found_url = NULL
    WHERE owner_id = ${from}`;
}

export type Erased = { id: string; domain_id: string; code: string };

/** What is left of a link is its code, so that it is never given again. */
export async function eraseLinks(tx: Writer, { from, after }: Step, now: Date): Promise<Erased[]> {
  const erased = await tx.all<Erased>`
    WITH step AS (
      SELECT id FROM links.links WHERE owner_id = ${from} AND id > ${after}
        AND (deleted_at IS NULL OR url <> '')
      ORDER BY id LIMIT ${stepRows} FOR UPDATE),
    erased AS (
      UPDATE links.links l SET deleted_at = coalesce(deleted_at, ${now}), updated_at = ${now},
        url = '', url_host = '', title = NULL, description = NULL, image = NULL, tags = '{}',
        expired_url = NULL, password_hash = NULL, rules = '[]', split = NULL, flags = '{}'
      FROM step s WHERE l.id = s.id
      RETURNING l.id, l.domain_id, l.code)
    SELECT * FROM erased ORDER BY id`;
  const ids = tx.array(
    erased.map((row) => row.id),
    "int8",
  );
  await tx.run`DELETE FROM links.click_days WHERE subject_id = ANY (${ids})`;
  await tx.run`DELETE FROM links.click_totals WHERE link_id = ANY (${ids})`;
  const places = erased.map((row) => `edit ${row.domain_id} ${row.code}`);
  await tx.all`
    SELECT pg_notify(${changesChannel}, place) FROM unnest(${tx.array(places, "text")}) AS place`;
  return erased;
}

export async function eraseFound(tx: Writer, from: string): Promise<number> {
  return await tx.run`
    DELETE FROM links.found WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM links.found WHERE owner_id = ${from} LIMIT ${stepRows}))`;
}

/** What is kept by owner and not by link. */
export async function forgetOwner(tx: Writer, from: string): Promise<void> {
  await tx.run`DELETE FROM links.tag_changes WHERE owner_id = ${from}`;
  await tx.run`DELETE FROM links.tag_counts WHERE owner_id = ${from}`;
  await tx.run`DELETE FROM links.click_days WHERE subject_id = -${from}::bigint`;
}

export async function releaseOwner(tx: Writer, from: string): Promise<void> {
  await tx.run`DELETE FROM links.quarantined_owners WHERE owner_id = ${from}`;
}

async function deleteBareDomains(tx: Writer, owner: string, onlyClaims: boolean): Promise<void> {
  await tx.run`
    DELETE FROM links.domains d WHERE owner_id = ${owner}
      AND (verified_at IS NULL OR NOT ${onlyClaims}::boolean)
      AND NOT EXISTS (SELECT FROM links.links l WHERE l.domain_id = d.id)`;
}

async function ownerReason(tx: Writer, owner: string): Promise<string | null> {
  const row = await tx.one<{ reason: string }>`
    SELECT reason FROM links.quarantined_owners WHERE owner_id = ${owner}`;
  return row?.reason ?? null;
}

/** Where the next step goes on; null after the last one. */
export function lastOf(rows: { id: string }[]): string | null {
  return rows.length < stepRows ? null : (rows.at(-1)?.id ?? null);
}
