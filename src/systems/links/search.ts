import type { Reader, TimedReader } from "../../platform/db/db.ts";

/**
 * Search in the list of an owner's links. To read and compare them in the list's order is quick
 * where one in a hundred matches, and takes seconds where none of a million does. The index of
 * trigrams finds those that match wherever they are, but all of them before the first, and
 * PostgreSQL cannot know how many that is. So it is asked once the links near the page's beginning
 * do not fill it, and not for long; what takes longer is walked to, page by page (see list.ts).
 *
 * The index reads where each part of a word is. Of a long word most parts are in every link
 * (`https://www.example.com/...`), so it is asked for one piece alone, the one whose parts are the
 * rarest in some links, and the whole word is compared with what that finds.
 */
const wordsMax = 8;
const matchesMax = 2_000;
const indexMs = 500;
const pieceLength = 7;
const sampledBlocks = 10;
const sampledLinksMax = 500;
/** A piece that more links than this seem to have is not looked for by the index. */
const shareMax = 0.5;

export function wordsOf(search: string | undefined): string[] {
  return (search ?? "").split(/\s+/).filter(Boolean).slice(0, wordsMax);
}

/** Every word must occur somewhere; `%` and `_` are what they are. */
export function matching(reader: Reader, words: string[]) {
  let out = reader.sql``;
  for (const word of words) {
    // What is added to the columns keeps the planner from their indexes.
    out = reader.sql`${out} AND ((${text(reader)} || '') ILIKE ${around(word)}
      OR (l.tags || '{}') @> ARRAY[${word}]::text[])`;
  }
  return out;
}

export type Sought = {
  ownerId: string;
  words: string[];
  /** Matches after this one in the order of ids; null: in no order, and all of them. */
  after: { id: string; newestFirst: boolean } | null;
};
export type Matches = { ids: string[]; complete: boolean };

/** The next links that may match, by the index; null where it is no help. */
export async function nextMatches(reader: TimedReader, sought: Sought): Promise<Matches | null> {
  const found = await rarestPiece(reader, sought.words);
  if (!found) return null;
  const rows = await reader.within(indexMs, async (brief) => await byIndex(brief, sought, found));
  if (rows === null || (sought.after === null && rows.length > matchesMax)) return null;
  const ids = rows.slice(0, matchesMax).map((row) => row.id);
  return { ids, complete: rows.length <= matchesMax };
}

async function byIndex(
  reader: Reader,
  { ownerId, after }: Sought,
  { word, piece }: Piece,
): Promise<{ id: string }[]> {
  const order =
    after === null
      ? reader.sql``
      : after.newestFirst
        ? reader.sql`AND l.id + 0 < ${after.id} ORDER BY l.id + 0 DESC`
        : reader.sql`AND l.id + 0 > ${after.id} ORDER BY l.id + 0`;
  const whole = piece === word ? reader.sql`` : reader.sql`${matching(reader, [word])}`;
  // Here, too, what is added leaves one index to use.
  return await reader.all<{ id: string }>`
    SELECT l.id FROM links.links l
    WHERE (${text(reader)} ILIKE ${around(piece)} OR l.tags @> ARRAY[${word}]::text[])
      ${whole} AND l.owner_id + 0 = ${ownerId} ${order} LIMIT ${matchesMax + 1}`;
}

type Piece = { word: string; piece: string };

/** The index knows runs of three letters or digits; a piece has one at least. */
function piecesOf(word: string): Piece[] {
  const characters = [...word];
  const starts = Math.max(1, characters.length - pieceLength + 1);
  return Array.from({ length: starts }, (_, n) => ({
    word,
    piece: characters.slice(n, n + pieceLength).join(""),
  })).filter(({ piece }) => /[\p{L}\p{N}]{3}/u.test(piece));
}

/** The piece that the fewest links should have: as many as it has there, or all its parts. */
async function rarestPiece(reader: Reader, words: string[]): Promise<Piece | null> {
  const pieces = words.flatMap(piecesOf);
  if (pieces.length === 0) return null;
  // Of everybody's links, as the index is.
  const sample = await reader.all<{ text: string }>`
    SELECT lower(${text(reader)}) AS text FROM links.links l TABLESAMPLE SYSTEM ((
      SELECT least(100, 100.0 * ${sampledBlocks} * current_setting('block_size')::int
        / greatest(1, pg_relation_size('links.links')))))
    LIMIT ${sampledLinksMax}`;
  const shares = new Map<string, number>();
  const shareOf = (part: string) => {
    let share = shares.get(part);
    if (share === undefined) {
      const having = sample.filter((row) => row.text.includes(part)).length;
      share = (having + 1) / (sample.length + 1);
      shares.set(part, share);
    }
    return share;
  };
  const expected = pieces.map((one) => {
    const parts = [...one.piece.toLowerCase().matchAll(/(?=([\p{L}\p{N}]{3}))/gu)];
    const together = parts.reduce((product, [, part]) => product * shareOf(part!), 1);
    return { one, share: Math.min(together, shareOf(one.piece.toLowerCase())) };
  });
  const rarest = expected.reduce((best, other) => (other.share < best.share ? other : best));
  return rarest.share <= shareMax ? rarest.one : null;
}

function around(word: string): string {
  return `%${word.replace(/[\\%_]/g, "\\$&")}%`;
}

function text(reader: Reader) {
  return reader.sql`(l.code || ' ' || l.url || ' ' || coalesce(l.title, ''))`;
}
