import type { Reader } from "../../platform/db/db.ts";
import { shortUrl, type Naming } from "./link.ts";

/** What is stopped now, newest id first. */
export type Stopped = {
  kind: "link" | "owner" | "domain";
  id: string;
  owner_id: string;
  /** The short URL or host; an owner goes by the id. */
  name: string;
  /** Where a link leads. */
  url: string | null;
  reason: string;
};

export type StoppedPage = { items: Stopped[]; next_cursor: string | null };

export async function listQuarantined(
  reader: Reader,
  naming: Naming,
  options: { kind: Stopped["kind"]; limit: number; cursor: string | null },
): Promise<StoppedPage> {
  const { kind, limit, cursor } = options;
  const rows = await rowsOf[kind](reader, cursor, limit + 1);
  const items = rows.slice(0, limit).map(({ code, host, ...row }): Stopped => {
    if (kind === "owner") return { kind, ...row, name: row.id };
    return { kind, ...row, name: code === null ? host : shortUrl(naming, host, code) };
  });
  return { items, next_cursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
}

type Row = {
  id: string;
  owner_id: string;
  code: string | null;
  host: string;
  url: string | null;
  reason: string;
};

type RowsOf = (reader: Reader, cursor: string | null, limit: number) => Promise<Row[]>;

const rowsOf: Record<Stopped["kind"], RowsOf> = {
  link: (reader, cursor, limit) => reader.all<Row>`
    SELECT l.id, l.owner_id, l.code, d.host, l.url, l.quarantined AS reason
    FROM links.links l JOIN links.domains d ON d.id = l.domain_id
    WHERE l.quarantined IS NOT NULL AND l.deleted_at IS NULL
      AND (${cursor}::bigint IS NULL OR l.id < ${cursor}::bigint)
    ORDER BY l.id DESC LIMIT ${limit}`,
  owner: (reader, cursor, limit) => reader.all<Row>`
    SELECT owner_id AS id, owner_id, NULL AS code, '' AS host, NULL AS url, reason
    FROM links.quarantined_owners
    WHERE ${cursor}::bigint IS NULL OR owner_id < ${cursor}::bigint
    ORDER BY owner_id DESC LIMIT ${limit}`,
  domain: (reader, cursor, limit) => reader.all<Row>`
    SELECT id, owner_id, NULL AS code, host, NULL AS url, coalesce(quarantine_reason, '') AS reason
    FROM links.domains
    WHERE quarantined AND (${cursor}::bigint IS NULL OR id < ${cursor}::bigint)
    ORDER BY id DESC LIMIT ${limit}`,
};
