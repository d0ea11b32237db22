import { z } from "zod";
import type { Reader } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import { idSchema, timeSchema } from "../../platform/http/route.ts";
import { matching, nearEnd, rareMatches, wordsOf } from "./search.ts";
import type { ListedRow } from "./store.ts";
import { standing } from "./standing.ts";

/**
 * Pages of an owner's links. A page starts where the last one ended, by the sort key and the id,
 * so that page 10,000 costs what page 1 does and nothing is skipped or shown twice while links
 * are being made.
 */
export type ListOptions = {
  ownerId: string;
  limit: number;
  cursor?: string | undefined;
  search?: string | undefined;
  tag?: string | undefined;
  domain?: string | undefined;
  state: "live" | "ended" | "all";
  sort: "-created_at" | "created_at" | "-clicks" | "expires_at";
};

type Page = { rows: ListedRow[]; next_cursor: string | null };

export async function listLinks(reader: Reader, options: ListOptions): Promise<Page> {
  const after = options.cursor === undefined ? null : parseCursor(options.cursor, options.sort);
  const rows = await rowsOf(reader, options, after, options.limit + 1);
  const page = rows.slice(0, options.limit);
  const last = page.at(-1);
  const more = rows.length > options.limit && last !== undefined;
  return { rows: page, next_cursor: more ? cursorOf(last, options.sort) : null };
}

type Position = { id: string; key: string };
/** The part of the list that is looked at: up to one id, or no more than these. */
type Part = { upTo?: string; among?: string[] };

/** Looks near where the page begins, then by the index for what is rare, then at everything. */
async function rowsOf(
  reader: Reader,
  options: ListOptions,
  after: Position | null,
  limit: number,
): Promise<ListedRow[]> {
  const { ownerId, sort } = options;
  const words = wordsOf(options.search);
  if (words.length === 0) return await ordered(reader, options, after, limit);
  if (sort === "-created_at" || sort === "created_at") {
    const upTo = await nearEnd(reader, { ownerId, sort, after: after?.id ?? null });
    if (upTo === null) return await ordered(reader, options, after, limit);
    const near = await ordered(reader, { ...options, upTo }, after, limit);
    if (near.length === limit) return near;
  }
  const among = await rareMatches(reader, ownerId, words);
  return await ordered(reader, among ? { ...options, among } : options, after, limit);
}

async function ordered(
  reader: Reader,
  options: ListOptions & Part,
  after: Position | null,
  limit: number,
): Promise<ListedRow[]> {
  const where = conditions(reader, options);
  const id = after?.id ?? null;
  const key = after?.key ?? null;
  switch (options.sort) {
    case "-created_at":
      return await reader.all<ListedRow>`
        SELECT l.*, d.host, t.clicks, ${standing(reader)} FROM links.links l
        ${joins(reader)} WHERE ${where}
          AND (${id}::bigint IS NULL OR l.id < ${id}::bigint)
        ORDER BY l.id DESC LIMIT ${limit}`;
    case "created_at":
      return await reader.all<ListedRow>`
        SELECT l.*, d.host, t.clicks, ${standing(reader)} FROM links.links l
        ${joins(reader)} WHERE ${where}
          AND (${id}::bigint IS NULL OR l.id > ${id}::bigint)
        ORDER BY l.id LIMIT ${limit}`;
    case "expires_at":
      return await reader.all<ListedRow>`
        SELECT l.*, d.host, t.clicks, ${standing(reader)} FROM links.links l
        ${joins(reader)} WHERE ${where}
          AND l.expires_at IS NOT NULL AND l.deleted_at IS NULL
          AND (${id}::bigint IS NULL OR (l.expires_at, l.id) > (${key}::timestamptz, ${id}::bigint))
        ORDER BY l.expires_at, l.id LIMIT ${limit}`;
    case "-clicks":
      return await byClicks(reader, options, after, limit);
  }
}

/** Clicked links first, in their index's order; links without a click follow, newest first. */
async function byClicks(
  reader: Reader,
  options: ListOptions & Part,
  after: Position | null,
  limit: number,
): Promise<ListedRow[]> {
  const where = conditions(reader, options);
  const id = after?.id ?? null;
  const clicks = after?.key ?? null;
  const clicked =
    clicks === "0"
      ? []
      : await reader.all<ListedRow>`
          SELECT l.*, d.host, t.clicks, ${standing(reader)}
          FROM links.click_totals t
          JOIN links.links l ON l.id = t.link_id
          JOIN links.domains d ON d.id = l.domain_id
          WHERE t.owner_id = ${options.ownerId} AND t.clicks > 0 AND ${where}
            AND (${id}::bigint IS NULL
              OR t.clicks < ${clicks}::bigint
              OR (t.clicks = ${clicks}::bigint AND t.link_id < ${id}::bigint))
          ORDER BY t.clicks DESC, t.link_id DESC LIMIT ${limit}`;
  if (clicked.length === limit) return clicked;
  const from = clicks === "0" ? id : null;
  const rest = await reader.all<ListedRow>`
    SELECT l.*, d.host, NULL::bigint AS clicks, ${standing(reader)}
    FROM links.links l JOIN links.domains d ON d.id = l.domain_id
    WHERE ${conditions(reader, options)}
      AND NOT EXISTS (
        SELECT FROM links.click_totals t WHERE t.link_id = l.id AND t.clicks > 0)
      AND (${from}::bigint IS NULL OR l.id < ${from}::bigint)
    ORDER BY l.id DESC LIMIT ${limit - clicked.length}`;
  return [...clicked, ...rest];
}

function joins(reader: Reader) {
  return reader.sql`
    JOIN links.domains d ON d.id = l.domain_id
    LEFT JOIN links.click_totals t ON t.link_id = l.id`;
}

function conditions(reader: Reader, options: ListOptions & Part) {
  const { ownerId, tag, domain, search, state } = options;
  const byTag = tag === undefined ? reader.sql`` : reader.sql`AND l.tags @> ARRAY[${tag}]::text[]`;
  const byDomain = domain === undefined ? reader.sql`` : reader.sql`AND d.host = ${domain}`;
  const ended = reader.sql`(l.deleted_at IS NOT NULL OR l.expires_at <= now()
    OR (l.max_clicks IS NOT NULL AND l.clicks_used >= l.max_clicks))`;
  const byState =
    state === "all"
      ? reader.sql``
      : state === "ended"
        ? reader.sql`AND ${ended}`
        : reader.sql`AND NOT coalesce(${ended}, false)`;
  return reader.sql`l.owner_id = ${ownerId} ${byTag} ${byDomain} ${byState}
    ${matching(reader, wordsOf(search))} ${byPart(reader, options)}`;
}

function byPart(reader: Reader, { sort, upTo, among }: ListOptions & Part) {
  if (among !== undefined) return reader.sql`AND l.id = ANY(${reader.array(among, "int8")})`;
  if (upTo === undefined) return reader.sql``;
  return sort === "created_at" ? reader.sql`AND l.id <= ${upTo}` : reader.sql`AND l.id >= ${upTo}`;
}

function cursorOf(row: ListedRow, sort: ListOptions["sort"]): string {
  const key =
    sort === "-clicks"
      ? String(row.clicks ?? 0)
      : sort === "expires_at"
        ? (row.expires_at?.toISOString() ?? "")
        : "";
  return Buffer.from(JSON.stringify([sort, row.id, key])).toString("base64url");
}

/** What follows the id in a cursor: the sorted column of the last row. */
const keySchemas = {
  "-created_at": z.literal(""),
  created_at: z.literal(""),
  "-clicks": z.string().regex(/^\d{1,18}$/),
  expires_at: timeSchema,
};

function parseCursor(cursor: string, sort: ListOptions["sort"]): Position {
  try {
    const given: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString());
    const parsed = z.tuple([z.literal(sort), idSchema, keySchemas[sort]]).safeParse(given);
    if (parsed.success) return { id: parsed.data[1], key: parsed.data[2] };
  } catch {
    // Falls through to the one error for every kind of bad cursor.
  }
  throw new AppError("request.invalid", "cursor: not one that this list gave out", {
    fields: [{ field: "cursor", message: "not one that this list gave out" }],
  });
}
