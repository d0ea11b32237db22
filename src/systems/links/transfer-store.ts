import type { Reader, Writer } from "../../platform/db/db.ts";
import type { ListedRow, NewLinkRow } from "./store.ts";
import { standing } from "./standing.ts";

/** The SQL of imports and exports: many rows by one statement. */
export type Holder = {
  owner_id: string;
  url: string;
  deleted: boolean;
  /** False: it only looks like the wanted code. */
  exact: boolean;
};

export type WantedCode = { domainId: string; code: string; skeleton: string | null };

/** Who holds each wanted code, else an alias that looks like it, by its place in the list. */
export async function findHolders(
  reader: Reader,
  wanted: WantedCode[],
): Promise<Map<number, Holder>> {
  if (wanted.length === 0) return new Map();
  const domains = reader.array(
    wanted.map((w) => w.domainId),
    "int8",
  );
  const codes = reader.array(
    wanted.map((w) => w.code),
    "text",
  );
  const skeletons = reader.array(
    wanted.map((w) => w.skeleton),
    "text",
  );
  const rows = await reader.all<Holder & { place: number }>`
    WITH wanted AS MATERIALIZED (
      SELECT domain_id, code, skeleton, place::int
      FROM unnest(${domains}::int8[], ${codes}::text[], ${skeletons}::text[])
        WITH ORDINALITY AS w(domain_id, code, skeleton, place))
    SELECT w.place, l.owner_id, l.url, l.deleted_at IS NOT NULL AS deleted, false AS exact
    FROM wanted w JOIN links.links l ON l.domain_id = w.domain_id AND l.skeleton = w.skeleton
      AND l.code <> w.code
    UNION ALL
    SELECT w.place, l.owner_id, l.url, l.deleted_at IS NOT NULL AS deleted, true AS exact
    FROM wanted w JOIN links.links l ON l.domain_id = w.domain_id AND l.code = w.code
    ORDER BY exact`;
  return new Map(rows.map(({ place, ...holder }) => [place - 1, holder]));
}

/** The proved domains an import may go to: host to id, Stoa's own under "". */
export async function findDomains(reader: Reader, ownerId: string): Promise<Map<string, string>> {
  const rows = await reader.all<{ id: string; host: string }>`
    SELECT id, host FROM links.domains
    WHERE id = 0 OR (owner_id = ${ownerId} AND verified_at IS NOT NULL)`;
  return new Map(rows.map((row) => [row.host, row.id]));
}

type UrlOf = Pick<NewLinkRow, "id" | "owner_id" | "domain_id" | "url">;

/**
 * The links among `rows` (of one owner, each URL once) whose URL has a live link already that was
 * imported or asked for by find_or_create. With `claim`, the others take the URLs for themselves.
 */
export async function findImported(
  reader: Reader | Writer,
  rows: UrlOf[],
  claim: boolean,
): Promise<Set<string>> {
  const wanted = rows.map(({ id, owner_id, domain_id, url }) => {
    const hash = new Bun.CryptoHasher("sha256").update(url).digest("hex");
    return { id, owner_id, domain_id, url, hash };
  });
  const list = reader.json(wanted);
  if (claim) {
    await (reader as Writer).run`
      INSERT INTO links.found (owner_id, domain_id, url_hash, link_id)
      SELECT owner_id, domain_id, decode(hash, 'hex'), id
      FROM jsonb_to_recordset(${list}::jsonb)
        AS w(id int8, owner_id int8, domain_id int8, hash text)
      ON CONFLICT DO NOTHING`;
  }
  const held = await reader.all<{ id: string; live: boolean }>`
    SELECT w.id, EXISTS (
      SELECT FROM links.links l
      WHERE l.id = f.link_id AND l.deleted_at IS NULL AND l.url = w.url
        AND (l.expires_at IS NULL OR l.expires_at > now())
        AND (l.max_clicks IS NULL OR l.clicks_used < l.max_clicks)) AS live
    FROM jsonb_to_recordset(${list}::jsonb)
      AS w(id int8, owner_id int8, domain_id int8, hash text, url text)
    JOIN links.found f ON f.owner_id = w.owner_id AND f.domain_id = w.domain_id
      AND f.url_hash = decode(w.hash, 'hex')
    WHERE f.link_id <> w.id
    ${claim ? reader.sql`FOR UPDATE OF f` : reader.sql``}`;
  const stale = held.filter((row) => !row.live).map((row) => row.id);
  if (claim && stale.length > 0) {
    await (reader as Writer).run`
      UPDATE links.found f SET link_id = w.id
      FROM jsonb_to_recordset(${list}::jsonb)
        AS w(id int8, owner_id int8, domain_id int8, hash text)
      WHERE f.owner_id = w.owner_id AND f.domain_id = w.domain_id
        AND f.url_hash = decode(w.hash, 'hex') AND w.id = ANY (${reader.array(stale, "int8")})`;
  }
  return new Set(held.filter((row) => row.live).map((row) => row.id));
}

export type ExportedRow = ListedRow & { clicks: string | null };

/** An owner's links that are not deleted, oldest first, after the one with id `after`. */
export async function exportPage(
  reader: Reader,
  options: { ownerId: string; after: string; limit: number },
): Promise<ExportedRow[]> {
  return await reader.all<ExportedRow>`
    SELECT l.*, d.host, t.clicks, ${standing(reader)} FROM links.links l
    JOIN links.domains d ON d.id = l.domain_id
    LEFT JOIN links.click_totals t ON t.link_id = l.id
    WHERE l.owner_id = ${options.ownerId} AND l.id > ${options.after} AND l.deleted_at IS NULL
    ORDER BY l.id LIMIT ${options.limit}`;
}
