import { LRUCache } from "lru-cache";
import type { Db, Reader } from "../../../platform/db/db.ts";

/**
 * The dictionary in the database: place, client and source of a click as one small number each.
 * Rows are only ever added, so an id may be kept for as long as one likes. Adding one is its own
 * transaction: a term that no click came to use harms nothing.
 */
const cachedMax = 200_000;
/** Past this many rows new terms are all filed under the family's "other". */
export const termsMax = 2_000_000;

export class Dictionary {
  private readonly db: Db;
  private readonly ids = new LRUCache<string, number>({ max: cachedMax });

  constructor(db: Db) {
    this.db = db;
  }

  /** Ids of JSON texts, in order. */
  async idsOf(family: number, texts: readonly string[]): Promise<number[]> {
    const unknown = new Set(texts.filter((text) => !this.ids.has(`${family}${text}`)));
    const found = unknown.size > 0 ? await this.resolve(family, [...unknown]) : null;
    return texts.map((text) => this.ids.get(`${family}${text}`) ?? found?.get(text) ?? 0);
  }

  private async resolve(family: number, texts: string[]): Promise<Map<string, number>> {
    const byHash = new Map(texts.map((text) => [hashOf(text), text]));
    const hashes = [...byHash.keys()];
    const known = await this.find(family, hashes);
    const missing = hashes.filter((hash) => !known.has(hash));
    if (missing.length > 0) {
      const rows = missing.map((hash) => ({ hash, fields: JSON.parse(byHash.get(hash)!) }));
      await this.db.write(async (tx) => {
        await tx.run`
          INSERT INTO links.click_terms (family, hash, fields)
          SELECT ${family}::smallint, hash, fields
          FROM jsonb_to_recordset(${tx.json(rows)}) AS t (hash uuid, fields text[])
          WHERE (SELECT coalesce(max(id), 0) FROM links.click_terms) < ${termsMax}
          ORDER BY hash
          ON CONFLICT DO NOTHING`;
      });
      for (const [hash, id] of await this.find(family, missing)) known.set(hash, id);
    }
    const out = new Map<string, number>();
    for (const [hash, text] of byHash) {
      const id = known.get(hash) ?? otherId(family);
      out.set(text, id);
      this.ids.set(`${family}${text}`, id);
    }
    return out;
  }

  private async find(family: number, hashes: string[]): Promise<Map<string, number>> {
    const rows = await this.db.all<{ id: number; hash: string }>`
      SELECT id, hash::text AS hash FROM links.click_terms
      WHERE family = ${family} AND hash = ANY(${this.db.array(hashes, "uuid")})`;
    return new Map(rows.map((row) => [row.hash, row.id]));
  }
}

export function otherId(family: number): number {
  return family + 1;
}

/** The first half of SHA-256, in the spelling that PostgreSQL gives a uuid. */
function hashOf(text: string): string {
  const hex = new Bun.CryptoHasher("sha256").update(text).digest("hex");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20, 32),
  ].join("-");
}

const shownMax = 50_000;

/** The other way: fields by id, for whoever shows them. */
export class TermNames {
  private readonly fields = new LRUCache<number, string[]>({ max: shownMax });

  async of(reader: Reader, ids: Iterable<number>): Promise<Map<number, string[]>> {
    const out = new Map<number, string[]>([[0, []]]);
    const missing: number[] = [];
    for (const id of ids) {
      const known = this.fields.get(id);
      if (known) out.set(id, known);
      else if (id !== 0) missing.push(id);
    }
    if (missing.length === 0) return out;
    const rows = await reader.all<{ id: number; fields: string[] }>`
      SELECT id, fields FROM links.click_terms
      WHERE id = ANY(${reader.array([...new Set(missing)], "int4")})`;
    for (const { id, fields } of rows) {
      out.set(id, fields);
      this.fields.set(id, fields);
    }
    return out;
  }
}
