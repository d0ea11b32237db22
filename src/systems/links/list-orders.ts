import type { Reader } from "../../platform/db/db.ts";
import { standing } from "./standing.ts";
import type { ListedRow } from "./store.ts";

/**
 * The orders that a list can have, each along one index. An order knows where its next links
 * end, and which links of a stretch meet a condition; so what is looked at for a page is as much
 * as its caller wants, whatever matches.
 */
export type Place = { id: string; key: string };
/** What comes after one place, up to and with another, or to the end; of these links alone. */
export type Stretch = { ownerId: string; from: Place; to: Place | null; among: string[] | null };

export type Order = {
  first: Place;
  /** The sorted column of a row, as it stands in a place. */
  keyOf(row: ListedRow): string;
  /** Where the next `count` links after a place end; null where there are fewer. */
  end(reader: Reader, ownerId: string, from: Place, count: number): Promise<Place | null>;
  rows(reader: Reader, stretch: Stretch, where: unknown, limit: number): Promise<ListedRow[]>;
};

const idMax = "9223372036854775807";
/**
 * The limit of a stretch, which cuts nothing off: past a LIMIT no condition is moved, so the
 * stretch is read by its own index and in its order, whatever the planner hopes of the others.
 */
const fence = 1_000_000_000;

export const newestFirst: Order = {
  first: { id: idMax, key: "" },
  keyOf: () => "",
  end: async (reader, ownerId, from, count) =>
    await reader.one<Place>`
      SELECT id, '' AS key FROM links.links WHERE owner_id = ${ownerId} AND id < ${from.id}
      ORDER BY id DESC OFFSET ${count - 1} LIMIT 1`,
  rows: async (reader, stretch, where, limit) =>
    await reader.all<ListedRow>`
      SELECT l.*, d.host, t.clicks, ${standing(reader)}
      FROM ${newest(reader, stretch)} l
      JOIN links.domains d ON d.id = l.domain_id
      LEFT JOIN links.click_totals t ON t.link_id = l.id
      WHERE ${where} ORDER BY l.id DESC LIMIT ${limit}`,
};

function newest(reader: Reader, { ownerId, from, to, among }: Stretch) {
  return reader.sql`(
    SELECT * FROM links.links WHERE owner_id = ${ownerId} AND id < ${from.id}
      AND id >= ${to?.id ?? "0"} ${idAmong(reader, among)}
    ORDER BY id DESC LIMIT ${fence})`;
}

export const oldestFirst: Order = {
  first: { id: "-1", key: "" },
  keyOf: () => "",
  end: async (reader, ownerId, from, count) =>
    await reader.one<Place>`
      SELECT id, '' AS key FROM links.links WHERE owner_id = ${ownerId} AND id > ${from.id}
      ORDER BY id OFFSET ${count - 1} LIMIT 1`,
  rows: async (reader, { ownerId, from, to, among }, where, limit) =>
    await reader.all<ListedRow>`
      SELECT l.*, d.host, t.clicks, ${standing(reader)}
      FROM (SELECT * FROM links.links WHERE owner_id = ${ownerId} AND id > ${from.id}
          AND id <= ${to?.id ?? idMax} ${idAmong(reader, among)}
        ORDER BY id LIMIT ${fence}) l
      JOIN links.domains d ON d.id = l.domain_id
      LEFT JOIN links.click_totals t ON t.link_id = l.id
      WHERE ${where} ORDER BY l.id LIMIT ${limit}`,
};

/** Links that never end, and deleted ones, are not in it. */
export const endsSoonest: Order = {
  first: { id: "-1", key: "-infinity" },
  keyOf: (row) => row.expires_at?.toISOString() ?? "",
  end: async (reader, ownerId, from, count) => {
    const row = await reader.one<{ id: string; expires_at: Date }>`
      SELECT id, expires_at FROM links.links
      WHERE owner_id = ${ownerId} AND expires_at IS NOT NULL AND deleted_at IS NULL
        AND (expires_at, id) > (${from.key}::timestamptz, ${from.id})
      ORDER BY expires_at, id OFFSET ${count - 1} LIMIT 1`;
    return row && { id: row.id, key: row.expires_at.toISOString() };
  },
  rows: async (reader, { ownerId, from, to, among }, where, limit) =>
    await reader.all<ListedRow>`
      SELECT l.*, d.host, t.clicks, ${standing(reader)}
      FROM (SELECT * FROM links.links
        WHERE owner_id = ${ownerId} AND expires_at IS NOT NULL AND deleted_at IS NULL
          AND (expires_at, id) > (${from.key}::timestamptz, ${from.id})
          AND (expires_at, id) <= (${to?.key ?? "infinity"}::timestamptz, ${to?.id ?? idMax})
          ${idAmong(reader, among)}
        ORDER BY expires_at, id LIMIT ${fence}) l
      JOIN links.domains d ON d.id = l.domain_id
      LEFT JOIN links.click_totals t ON t.link_id = l.id
      WHERE ${where} ORDER BY l.expires_at, l.id LIMIT ${limit}`,
};

/** Links that were clicked; those that were not are an order of their own and follow. */
export const mostClicks: Order = {
  first: { id: idMax, key: idMax },
  keyOf: (row) => String(row.clicks ?? 0),
  end: async (reader, ownerId, from, count) =>
    await reader.one<Place>`
      SELECT link_id AS id, clicks AS key FROM links.click_totals
      WHERE owner_id = ${ownerId} AND clicks > 0 AND (clicks, link_id) < (${from.key}, ${from.id})
      ORDER BY clicks DESC, link_id DESC OFFSET ${count - 1} LIMIT 1`,
  rows: async (reader, { ownerId, from, to, among }, where, limit) =>
    await reader.all<ListedRow>`
      SELECT l.*, d.host, t.clicks, ${standing(reader)}
      FROM (SELECT link_id, clicks FROM links.click_totals
        WHERE owner_id = ${ownerId} AND clicks > 0 AND (clicks, link_id) < (${from.key}, ${from.id})
          AND (clicks, link_id) >= (${to?.key ?? "0"}, ${to?.id ?? "0"})
          ${among ? reader.sql`AND link_id = ANY(${reader.array(among, "int8")})` : reader.sql``}
        ORDER BY clicks DESC, link_id DESC LIMIT ${fence}) t
      JOIN links.links l ON l.id = t.link_id
      JOIN links.domains d ON d.id = l.domain_id
      WHERE l.owner_id = ${ownerId} AND ${where}
      ORDER BY t.clicks DESC, t.link_id DESC LIMIT ${limit}`,
};

export const neverClicked: Order = {
  first: { id: idMax, key: "0" },
  keyOf: () => "0",
  end: async (reader, ownerId, from, count) => {
    const place = await newestFirst.end(reader, ownerId, from, count);
    return place && { ...place, key: "0" };
  },
  rows: async (reader, stretch, where, limit) =>
    await reader.all<ListedRow>`
      SELECT l.*, d.host, NULL::bigint AS clicks, ${standing(reader)}
      FROM ${newest(reader, stretch)} l
      JOIN links.domains d ON d.id = l.domain_id
      WHERE ${where} AND NOT EXISTS (
        SELECT FROM links.click_totals t WHERE t.link_id = l.id AND t.clicks > 0)
      ORDER BY l.id DESC LIMIT ${limit}`,
};

function idAmong(reader: Reader, among: string[] | null) {
  return among ? reader.sql`AND id = ANY(${reader.array(among, "int8")})` : reader.sql``;
}
