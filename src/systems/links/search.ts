import type { Reader } from "../../platform/db/db.ts";

/**
 * Search in the list of an owner's links. To read and compare them in the list's order is quick
 * where one in a hundred matches, and takes seconds where none of a million does. The index of
 * trigrams finds what is rare, but all of it at once and in no order. PostgreSQL cannot know
 * which it is and takes the order, so it is found out: a page is looked for in the next links,
 * and where that does not fill it, the index is asked for the matches, up to so many. What more
 * have is no longer rare, and the list's order finds it soon, unless they all lie far off.
 */
const wordsMax = 8;
const nearLinks = 2_000;
const rareMax = 5_000;

export function wordsOf(search: string | undefined): string[] {
  return (search ?? "").split(/\s+/).filter(Boolean).slice(0, wordsMax);
}

/** Every word must occur somewhere; `%` and `_` are what they are. */
export function matching(reader: Reader, words: string[]) {
  let out = reader.sql``;
  for (const word of words) {
    out = reader.sql`${out} AND (${inText(reader, word)} OR ${amongTags(reader, word)})`;
  }
  return out;
}

/** The id at which those links end that are near the page's beginning; null: they are all. */
export async function nearEnd(
  reader: Reader,
  from: { ownerId: string; sort: "-created_at" | "created_at"; after: string | null },
): Promise<string | null> {
  const { ownerId, after } = from;
  const row =
    from.sort === "created_at"
      ? await reader.one<{ id: string }>`
          SELECT id FROM links.links
          WHERE owner_id = ${ownerId} AND (${after}::bigint IS NULL OR id > ${after}::bigint)
          ORDER BY id OFFSET ${nearLinks} LIMIT 1`
      : await reader.one<{ id: string }>`
          SELECT id FROM links.links
          WHERE owner_id = ${ownerId} AND (${after}::bigint IS NULL OR id < ${after}::bigint)
          ORDER BY id DESC OFFSET ${nearLinks} LIMIT 1`;
  return row?.id ?? null;
}

/** The links that may match, where they are few; null where they are many or cannot be found so. */
export async function rareMatches(
  reader: Reader,
  ownerId: string,
  words: string[],
): Promise<string[] | null> {
  // The index knows runs of three letters or digits; the longest word is probably the rarest.
  const indexed = words.filter((word) => /[\p{L}\p{N}]{3}/u.test(word));
  const word = indexed.toSorted((a, b) => b.length - a.length)[0];
  if (word === undefined) return null;
  const rows = await reader.all<{ id: string; owner_id: string }>`
    (SELECT id, owner_id FROM links.links l WHERE ${inText(reader, word)} LIMIT ${rareMax + 1})
    UNION
    (SELECT id, owner_id FROM links.links l
     WHERE owner_id = ${ownerId} AND ${amongTags(reader, word)} LIMIT ${rareMax + 1})`;
  if (rows.length > rareMax) return null;
  return rows.filter((row) => row.owner_id === ownerId).map((row) => row.id);
}

function inText(reader: Reader, word: string) {
  const pattern = `%${word.replace(/[\\%_]/g, "\\$&")}%`;
  return reader.sql`(l.code || ' ' || l.url || ' ' || coalesce(l.title, '')) ILIKE ${pattern}`;
}

function amongTags(reader: Reader, word: string) {
  return reader.sql`l.tags @> ARRAY[${word}]::text[]`;
}
