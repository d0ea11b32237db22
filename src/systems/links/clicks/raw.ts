import type { Reader } from "../../../platform/db/db.ts";
import type { TermNames } from "./dictionary.ts";
import { newestClicks, type Place, type RawRow, type TermIds } from "./newest.ts";
import { invalid } from "./refusal.ts";
import { kindOf, kinds, newVisitorBit, reducedBit } from "./traits.ts";

/** A row's place in PostgreSQL is a 32-bit block and a 16-bit item; more is no `tid`. */
const blockMax = 2 ** 32 - 1;
const itemMax = 2 ** 16 - 1;

export type ClickItem = {
  at: string;
  kind: (typeof kinds)[number];
  reason: string;
  new_visitor: boolean;
  do_not_track: boolean;
  country: string;
  city: string;
  device: string;
  browser: string;
  os: string;
  app: string;
  referrer: string;
  utm_source: string;
  utm_medium: string;
  utm_campaign: string;
  utm_term: string;
  utm_content: string;
};

export type Paged = { cursor?: string | undefined; limit: number };
type Page<T> = { items: T[]; next_cursor: string | null };

/** The latest raw clicks of a link. */
export async function latestClicks(
  reader: Reader,
  names: TermNames,
  query: Paged & { linkId: string; now: number },
): Promise<Page<ClickItem>> {
  const after = query.cursor === undefined ? null : parseCursor(query.cursor);
  const rows = await newestClicks(reader, { ...query, after, wanted: query.limit + 1 });
  const page = rows.slice(0, query.limit);
  const fields = await names.of(reader, idsOf(page));
  const items = page.map((row) => itemOf(row, fields));
  return { items, next_cursor: rows.length > query.limit ? cursorOf(page.at(-1)!) : null };
}

function itemOf(row: RawRow, names: Map<number, string[]>): ClickItem {
  const [country = "", city = ""] = names.get(row.geo_id) ?? [];
  const [device = "", browser = "", os = "", app = "", , reason = ""] =
    names.get(row.client_id) ?? [];
  return {
    at: row.at.toISOString(),
    kind: kinds[kindOf(row.traits)]!,
    reason,
    new_visitor: (row.traits & newVisitorBit) !== 0,
    do_not_track: (row.traits & reducedBit) !== 0,
    country,
    city,
    device,
    browser,
    os,
    app,
    ...sourceOf(names.get(row.source_id) ?? []),
  };
}

function sourceOf(fields: string[]) {
  const [referrer = "", source = "", medium = "", campaign = "", term = "", content = ""] = fields;
  return {
    referrer,
    utm_source: source,
    utm_medium: medium,
    utm_campaign: campaign,
    utm_term: term,
    utm_content: content,
  };
}

export type OrphanItem = {
  at: string;
  code: string;
  kind: string;
  reason: string;
  country: string;
  referrer: string;
};

/** Clicks on codes that nobody has made, newest first. */
export async function latestOrphans(
  reader: Reader,
  names: TermNames,
  query: Paged,
): Promise<Page<OrphanItem>> {
  const after = query.cursor === undefined ? null : parseCursor(query.cursor);
  const afterAt = after ? new Date(after.at) : null;
  const tid = after ? `(${after.block},${after.item})` : "(0,0)";
  const rows = await reader.all<TermIds & { at: Date; ctid: string; code: string }>`
    SELECT at, ctid::text AS ctid, code, geo_id, client_id, source_id FROM links.orphans
    WHERE ${afterAt}::timestamptz IS NULL OR at < ${afterAt}
      OR (at = ${afterAt} AND ctid < ${tid}::tid)
    ORDER BY at DESC, ctid DESC LIMIT ${query.limit + 1}`;
  const page = rows.slice(0, query.limit);
  const fields = await names.of(reader, idsOf(page));
  const items = page.map(({ at, code, geo_id, client_id, source_id }) => ({
    at: at.toISOString(),
    code,
    kind: fields.get(client_id)?.[4] ?? "",
    reason: fields.get(client_id)?.[5] ?? "",
    country: fields.get(geo_id)?.[0] ?? "",
    referrer: fields.get(source_id)?.[0] ?? "",
  }));
  return { items, next_cursor: rows.length > query.limit ? cursorOf(page.at(-1)!) : null };
}

function idsOf(rows: TermIds[]): number[] {
  return rows.flatMap((row) => [row.geo_id, row.client_id, row.source_id]);
}

/** The instant and the row's place in its partition: rows are never updated, so it stays. */
function cursorOf(row: { at: Date; ctid: string }): string {
  return `${row.at.getTime()}.${row.ctid.slice(1, -1).replace(",", ".")}`;
}

function parseCursor(cursor: string): Place {
  const match = /^(\d{1,14})\.(\d{1,10})\.(\d{1,5})$/.exec(cursor);
  const [at = 0, block = Infinity, item = Infinity] = (match ?? []).slice(1).map(Number);
  if (block > blockMax || item > itemMax) {
    throw invalid("cursor", "one that an earlier page returned");
  }
  return { at, block, item };
}
