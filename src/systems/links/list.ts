import { z } from "zod";
import type { Reader, TimedReader } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import { idSchema, timeSchema } from "../../platform/http/route.ts";
import {
  endsSoonest,
  mostClicks,
  neverClicked,
  newestFirst,
  oldestFirst,
  type Order,
  type Place,
} from "./list-orders.ts";
import { matching, type Matches, nextMatches, type Sought, wordsOf } from "./search.ts";
import type { ListedRow } from "./store.ts";

/**
 * Pages of an owner's links. A page starts where the last one ended, by the sort key and the id,
 * so that page 10,000 costs what page 1 does and nothing is skipped or shown twice while links
 * are being made.
 *
 * For one page so many links are looked at, whether they match or not. A page ends with them, so
 * it may be short, even empty, and yet not be the last: only a missing cursor says that. What is
 * rare need not be walked to: the index of trigrams knows where it is (see search.ts).
 */
const near = 2_000;
const far = 10_000;

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
/** `walked`: the index did not help and need not be asked again. */
type Position = Place & { walked: boolean };
/** `end` is null where nothing follows. */
type Part = { rows: ListedRow[]; end: Position | null };

export async function listLinks(reader: TimedReader, options: ListOptions): Promise<Page> {
  const { cursor, limit, sort } = options;
  const [order] = ordersOf[sort];
  const from = cursor === undefined ? { ...order.first, walked: false } : parseCursor(cursor, sort);
  const { rows, end } = await find(reader, { ...options, limit: limit + 1 }, from);
  if (rows.length <= limit) return { rows, next_cursor: end && cursorOf(end, sort) };
  const page = rows.slice(0, limit);
  const last = page.at(-1)!;
  const place = { id: last.id, key: order.keyOf(last), walked: end?.walked ?? false };
  return { rows: page, next_cursor: cursorOf(place, sort) };
}

/** Looks near where the page begins, then by the index, then further on. */
async function find(reader: TimedReader, options: ListOptions, from: Position): Promise<Part> {
  if (from.walked) return await walk(reader, options, { from, count: far });
  const nearby = await walk(reader, options, { from, count: near });
  if (nearby.rows.length === options.limit || nearby.end === null) return nearby;
  const words = wordsOf(options.search);
  const found = words.length > 0 && (await nextMatches(reader, soughtBy(options, words, from)));
  if (found) return await pick(reader, options, from, found);
  const end = { ...nearby.end, walked: words.length > 0 };
  const limit = options.limit - nearby.rows.length;
  const rest = await walk(reader, { ...options, limit }, { from: end, count: far });
  return { rows: [...nearby.rows, ...rest.rows], end: rest.end };
}

function soughtBy({ ownerId, sort }: ListOptions, words: string[], from: Position): Sought {
  const byId = sort === "-created_at" || sort === "created_at";
  return {
    ...{ ownerId, words },
    after: byId ? { id: from.id, newestFirst: sort === "-created_at" } : null,
  };
}

/** The page is among these, unless they are not all and the filters leave too few. */
async function pick(
  reader: Reader,
  options: ListOptions,
  from: Position,
  { ids, complete }: Matches,
): Promise<Part> {
  const { rows } = await walk(reader, options, { from, among: ids });
  const end = complete ? null : { id: ids.at(-1)!, key: "", walked: false };
  return { rows, end };
}

type Way = { from: Position; count: number } | { from: Position; among: string[] };

/** What matches of the next `count` links, or among these, and where they end. */
async function walk(reader: Reader, options: ListOptions, way: Way): Promise<Part> {
  const { ownerId } = options;
  const { from } = way;
  const rows: ListedRow[] = [];
  for (const [n, order] of ordersFrom(options.sort, from).entries()) {
    const place: Place = n === 0 ? from : order.first;
    const to = "count" in way ? await order.end(reader, ownerId, place, way.count) : null;
    const stretch = { ownerId, from: place, to, among: "among" in way ? way.among : null };
    const wanted = options.limit - rows.length;
    rows.push(...(await order.rows(reader, stretch, conditions(reader, options), wanted)));
    const full = rows.length === options.limit;
    if (to || full) return { rows, end: { ...(to ?? place), walked: from.walked } };
  }
  return { rows, end: null };
}

const ordersOf: Record<ListOptions["sort"], [Order, ...Order[]]> = {
  "-created_at": [newestFirst],
  created_at: [oldestFirst],
  "-clicks": [mostClicks, neverClicked],
  expires_at: [endsSoonest],
};

function ordersFrom(sort: ListOptions["sort"], from: Place): Order[] {
  const unclicked = sort === "-clicks" && from.key === neverClicked.first.key;
  return unclicked ? [neverClicked] : ordersOf[sort];
}

function conditions(reader: Reader, options: ListOptions) {
  const { tag, domain, search, state } = options;
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
  return reader.sql`true ${byTag} ${byDomain} ${byState} ${matching(reader, wordsOf(search))}`;
}

function cursorOf({ id, key, walked }: Position, sort: ListOptions["sort"]): string {
  const fields = [sort, id, key, ...(walked ? [1] : [])];
  return Buffer.from(JSON.stringify(fields)).toString("base64url");
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
    const fields = z.tuple([z.literal(sort), idSchema, keySchemas[sort]], z.literal(1));
    const parsed = fields.safeParse(given);
    if (parsed.success) {
      const [, id, key, ...marks] = parsed.data;
      return { id, key, walked: marks.length > 0 };
    }
  } catch {
    // Falls through to the one error for every kind of bad cursor.
  }
  throw new AppError("request.invalid", "cursor: not one that this list gave out", {
    fields: [{ field: "cursor", message: "not one that this list gave out" }],
  });
}
