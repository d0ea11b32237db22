import type { Db, Reader, Writer } from "../db/db.ts";
import type { Thumbnail } from "./thumbnails.ts";

/** The SQL of platform.uploads. Times are milliseconds of the processes' clock. */
export type UploadRow = {
  id: string;
  owner_id: string;
  attempts: number;
  attempt: number;
  type: string;
  bytes: string;
  sha256: string;
  width: number | null;
  height: number | null;
  thumbnail: "none" | "due" | "made" | "failed";
  thumbnail_width: number | null;
  thumbnail_height: number | null;
  thumbnail_bytes: number | null;
  attached_at: Date | null;
};

export type StoredAs = { attempt: number; type: string; bytes: number; sha256: string };

export class Store {
  private readonly system: string;

  constructor(system: string) {
    this.system = system;
  }

  /** The number of this try; null where it may not be made: stored, removed, or too many. */
  async begin(
    tx: Writer,
    given: { id: string; ownerId: string; now: number; attemptsMax: number },
  ): Promise<number | null> {
    const row = await tx.one<{ attempts: number }>`
      INSERT INTO platform.uploads AS u (id, system, owner_id, created_at)
      VALUES (${given.id}, ${this.system}, ${given.ownerId}, ${new Date(given.now)})
      ON CONFLICT (id) DO UPDATE SET attempts = u.attempts + 1
      WHERE u.system = ${this.system} AND u.owner_id = ${given.ownerId} AND u.stored_at IS NULL
        AND u.removed_at IS NULL AND u.attempts < ${given.attemptsMax}
      RETURNING attempts`;
    return row?.attempts ?? null;
  }

  /** False: another try was first, or nobody wants it any more. */
  async complete(
    tx: Writer,
    id: string,
    { attempt, type, bytes, sha256 }: StoredAs,
    { now, thumbnail }: { now: number; thumbnail: "none" | "due" },
  ): Promise<boolean> {
    const changed = await tx.run`
      UPDATE platform.uploads SET attempt = ${attempt}, type = ${type}, bytes = ${bytes},
        sha256 = ${sha256}, stored_at = ${new Date(now)}, thumbnail = ${thumbnail}
      WHERE id = ${id} AND system = ${this.system} AND stored_at IS NULL AND removed_at IS NULL`;
    return changed > 0;
  }

  /** Those that are stored and wanted. */
  async find(reader: Reader, ids: readonly string[]): Promise<UploadRow[]> {
    return await reader.all<UploadRow>`
      SELECT ${columnsOf(reader)} FROM platform.uploads
      WHERE id = ANY(${reader.array(ids, "int8")}::int8[]) AND system = ${this.system}
        AND stored_at IS NOT NULL AND removed_at IS NULL`;
  }

  async isBegun(reader: Reader, id: string, ownerId: string): Promise<boolean> {
    const row = await reader.one`
      SELECT 1 FROM platform.uploads WHERE id = ${id} AND system = ${this.system}
        AND owner_id = ${ownerId} AND stored_at IS NULL AND removed_at IS NULL`;
    return row !== null;
  }

  /** Those that are the owner's, stored, and attached to nothing yet. */
  async attach(
    tx: Writer,
    { ids, ownerId, now }: { ids: readonly string[]; ownerId: string; now: number },
  ): Promise<UploadRow[]> {
    return await tx.all<UploadRow>`
      UPDATE platform.uploads SET attached_at = ${new Date(now)}
      WHERE id = ANY(${tx.array(ids, "int8")}::int8[]) AND system = ${this.system}
        AND owner_id = ${ownerId} AND stored_at IS NOT NULL AND removed_at IS NULL
        AND attached_at IS NULL
      RETURNING ${columnsOf(tx)}`;
  }

  async release(tx: Writer, ids: readonly string[], now: number): Promise<void> {
    await tx.run`
      UPDATE platform.uploads SET removed_at = ${new Date(now)}
      WHERE id = ANY(${tx.array(ids, "int8")}::int8[]) AND system = ${this.system}
        AND removed_at IS NULL`;
  }

  async releaseUnattached(tx: Writer, before: number, now: number): Promise<number> {
    return await tx.run`
      UPDATE platform.uploads SET removed_at = ${new Date(now)}
      WHERE system = ${this.system} AND attached_at IS NULL AND removed_at IS NULL
        AND created_at < ${new Date(before)}`;
  }

  /** Removed ones whose bytes are still there, the longest waiting first. */
  async uncleared(reader: Reader, limit: number): Promise<{ id: string; attempts: number }[]> {
    return await reader.all<{ id: string; attempts: number }>`
      SELECT id, attempts FROM platform.uploads
      WHERE system = ${this.system} AND removed_at IS NOT NULL AND cleared_at IS NULL
      ORDER BY removed_at LIMIT ${limit}`;
  }

  async cleared(tx: Writer, ids: readonly string[], now: number): Promise<void> {
    await tx.run`
      UPDATE platform.uploads SET cleared_at = ${new Date(now)}
      WHERE id = ANY(${tx.array(ids, "int8")}::int8[])`;
  }

  /** A row must be there while its offer is good, or the bytes could come a second time. */
  async forget(tx: Writer, before: number): Promise<number> {
    return await tx.run`
      DELETE FROM platform.uploads WHERE system = ${this.system} AND removed_at IS NOT NULL
        AND cleared_at IS NOT NULL AND created_at < ${new Date(before)}`;
  }

  async thumbnailsDue(reader: Reader, before: number, limit: number): Promise<UploadRow[]> {
    return await reader.all<UploadRow>`
      SELECT ${columnsOf(reader)} FROM platform.uploads
      WHERE system = ${this.system} AND thumbnail = 'due' AND removed_at IS NULL
        AND stored_at < ${new Date(before)} ORDER BY stored_at LIMIT ${limit}`;
  }

  async thumbnailMade(db: Db, id: string, made: Thumbnail | null): Promise<void> {
    await db.write((tx) =>
      made === null
        ? tx.run`UPDATE platform.uploads SET thumbnail = 'failed' WHERE id = ${id}`
        : tx.run`
            UPDATE platform.uploads SET thumbnail = 'made', width = ${made.width},
              height = ${made.height}, thumbnail_width = ${made.thumbnail_width},
              thumbnail_height = ${made.thumbnail_height},
              thumbnail_bytes = ${made.webp.byteLength}
            WHERE id = ${id}`,
    );
  }
}

function columnsOf(reader: Reader): unknown {
  return reader.sql`
    id, owner_id, attempts, attempt, type, bytes, sha256, width, height,
    thumbnail, thumbnail_width, thumbnail_height, thumbnail_bytes, attached_at`;
}
