import type { Clock } from "../../platform/clock/clock.ts";
import type { Db, Reader, Writer } from "../../platform/db/db.ts";

/**
 * The tags of an owner with the links that carry them. Counting a million links for a list of
 * suggestions is too slow, so counts are kept; and a counter row that every new link of a tag
 * would wait for is too slow as well, so changes are only ever added, and folded by a job.
 */
export type TagCount = { tag: string; links: number };

export type TagPage = { items: TagCount[]; next_cursor: string | null };

/** Above every character, so that a prefix is a range. */
const lastCharacter = "\u{10ffff}";
const foldRows = 50_000;
const retagStepLinks = 500;

/** By the bytes of the tag. `cursor` is the tag that the last page ended with. */
export async function listTags(
  reader: Reader,
  options: { ownerId: string; prefix: string; cursor: string | null; limit: number },
): Promise<TagPage> {
  const { ownerId, prefix, limit } = options;
  const place = reader.sql`owner_id = ${ownerId} AND tag >= ${prefix}
    AND tag < ${prefix + lastCharacter} AND tag > ${options.cursor ?? ""}`;
  // The first of both together are among the first of each.
  const rows = await reader.all<{ tag: string; links: string }>`
    SELECT tag, sum(links)::text AS links FROM (
      (SELECT tag, links FROM links.tag_counts WHERE ${place} ORDER BY tag LIMIT ${limit + 1})
      UNION ALL
      (SELECT tag, sum(links) FROM links.tag_changes WHERE ${place}
       GROUP BY tag ORDER BY tag LIMIT ${limit + 1})) AS both_of_them
    GROUP BY tag ORDER BY tag LIMIT ${limit + 1}`;
  const page = rows.slice(0, limit);
  return {
    // A tag whose last link has lost it stands here until the next fold.
    items: page
      .map(({ tag, links }) => ({ tag, links: Number(links) }))
      .filter(({ links }) => links > 0),
    next_cursor: rows.length > limit ? (page.at(-1)?.tag ?? null) : null,
  };
}

/** Call after links were made, in their transaction. Those without a tag cost nothing. */
export function noteNewTags(
  tx: Writer,
  made: readonly { owner_id: string; tags: string[] }[],
): void {
  const counts = new Map<string, { owner_id: string; tag: string; links: number }>();
  for (const { owner_id, tags } of made) {
    for (const tag of new Set(tags)) {
      const key = `${owner_id} ${tag}`;
      const count = counts.get(key) ?? { owner_id, tag, links: 0 };
      count.links++;
      counts.set(key, count);
    }
  }
  if (counts.size === 0) return;
  tx.send`
    INSERT INTO links.tag_changes (owner_id, tag, links)
    SELECT owner_id, tag, links
    FROM jsonb_populate_recordset(NULL::links.tag_changes, ${tx.json([...counts.values()])})`;
}

/** Call before a link is changed to `row`, in the transaction that has it locked. */
export async function noteTags(
  tx: Writer,
  row: { id: string; tags: string[]; deleted_at: Date | null },
): Promise<void> {
  const next = tx.array(row.deleted_at ? [] : row.tags, "text");
  await tx.run`
    INSERT INTO links.tag_changes (owner_id, tag, links)
    SELECT l.owner_id, c.tag, sum(c.links) FROM links.links l, LATERAL (
      SELECT DISTINCT tag, -1 AS links FROM unnest(l.tags) AS tag WHERE l.deleted_at IS NULL
      UNION ALL
      SELECT DISTINCT tag, 1 FROM unnest(${next}::text[]) AS tag) AS c
    WHERE l.id = ${row.id}
    GROUP BY l.owner_id, c.tag HAVING sum(c.links) <> 0`;
}

/** Puts what was added since the last time into the counts. */
export async function foldTags(db: Db, signal: AbortSignal): Promise<void> {
  let folded = foldRows;
  while (folded === foldRows && !signal.aborted) {
    folded = await db.write(async (tx) => {
      const row = await tx.one<{ taken: number }>`
        WITH taken AS (
          DELETE FROM links.tag_changes WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM links.tag_changes LIMIT ${foldRows}))
          RETURNING owner_id, tag, links),
        counted AS (
          INSERT INTO links.tag_counts AS c (owner_id, tag, links)
          SELECT owner_id, tag, sum(links) FROM taken GROUP BY owner_id, tag
          HAVING sum(links) <> 0 ORDER BY owner_id, tag
          ON CONFLICT (owner_id, tag) DO UPDATE SET links = c.links + excluded.links)
        SELECT count(*)::int AS taken FROM taken`;
      await tx.run`DELETE FROM links.tag_counts WHERE links = 0`;
      return row?.taken ?? 0;
    });
  }
}

export type Retag = { owner_id: string; tag: string; to: string | null };

/** Gives an owner's links another tag, or none, a step at a time; done again, it changes nothing. */
export async function retagLinks(
  { db, clock }: { db: Db; clock: Clock },
  retag: Retag,
  signal: AbortSignal,
): Promise<void> {
  let after: string | null = "0";
  while (after !== null && !signal.aborted) {
    const from: string = after;
    const ids = await db.write((tx) => retagStep(tx, retag, from, new Date(clock.now())));
    after = ids.length < retagStepLinks ? null : (ids.at(-1) ?? null);
  }
}

async function retagStep(
  tx: Writer,
  { owner_id, tag, to }: Retag,
  after: string,
  at: Date,
): Promise<string[]> {
  const rows = await tx.all<{ id: string }>`
    WITH step AS (
      SELECT id, coalesce(${to} = ANY (tags), true) AS has FROM links.links
      WHERE owner_id = ${owner_id} AND id > ${after} AND deleted_at IS NULL
        AND tags @> ARRAY[${tag}]::text[]
      ORDER BY id LIMIT ${retagStepLinks} FOR UPDATE),
    changed AS (
      UPDATE links.links l SET updated_at = ${at}, tags = CASE WHEN s.has
        THEN array_remove(l.tags, ${tag}) ELSE array_replace(l.tags, ${tag}, ${to}) END
      FROM step s WHERE s.id = l.id),
    counted AS (
      INSERT INTO links.tag_changes (owner_id, tag, links)
      SELECT ${owner_id}::bigint, ${tag}, -count(*) FROM step HAVING count(*) > 0
      UNION ALL
      SELECT ${owner_id}::bigint, ${to}, count(*) FROM step WHERE NOT has HAVING count(*) > 0)
    SELECT id FROM step ORDER BY id`;
  return rows.map((row) => row.id);
}
