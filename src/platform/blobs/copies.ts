import type { SQL } from "bun";
import { BackupError } from "../db/backup.ts";
import { type FilesIn, type FilesOut, type OpenFile, UnreadableFile } from "../db/backup-files.ts";
import type { BlobInfo, BlobRead, Blobs } from "./blobs.ts";
import { DamagedBlobError } from "./seal.ts";
import { blobKey, thumbnailKey } from "./upload.ts";

/**
 * The bytes of uploads, and their thumbnails, on their way into a backup and out of one. Those
 * that no row leads to stay behind.
 */
const pageRows = 1_000;
/** What the disk says of bytes that it cannot read back. */
const unreadableCodes = new Set(["EIO", "EUCLEAN", "EBADMSG"]);

type Page = { id: string; system: string; attempt: number; has_thumbnail: boolean }[];

/** On the disk alone: in S3, files have copies by other means, and an etag that is no SHA-256. */
export function filesOnDisk(open: () => Promise<Blobs>): FilesOut {
  let blobs: Promise<Blobs> | undefined;
  return {
    ...counting,
    here: true,
    async open(key) {
      blobs ??= open();
      return await readable(async () => opened(key, await (await blobs)!.get(key)));
    },
  };
}

export function filesElsewhere(): FilesOut {
  return { ...counting, here: false, open: async () => null };
}

const counting = {
  async measure(tx: SQL) {
    if (!(await hasUploads(tx))) return { count: 0, bytes: 0 };
    const [row] = await tx`
      SELECT count(*)::float8 + count(*) FILTER (WHERE thumbnail = 'made') AS count,
        coalesce(sum(bytes + coalesce(thumbnail_bytes, 0)), 0)::float8 AS bytes
      FROM platform.uploads WHERE stored_at IS NOT NULL AND removed_at IS NULL`;
    return { count: row.count as number, bytes: row.bytes as number };
  },
  async *list(tx: SQL) {
    let rows: Page = [];
    let after = "0";
    let more = await hasUploads(tx);
    while (more) {
      rows = await tx`
        SELECT id, system, attempt, thumbnail = 'made' AS has_thumbnail FROM platform.uploads
        WHERE stored_at IS NOT NULL AND removed_at IS NULL AND id > ${after}
        ORDER BY id LIMIT ${pageRows}`;
      for (const { id, system, attempt, has_thumbnail } of rows) {
        yield blobKey(system, id, attempt);
        if (has_thumbnail) yield thumbnailKey(system, id, attempt);
        after = id;
      }
      more = rows.length === pageRows;
    }
  },
};

/** Not before a database of long ago is migrated. */
async function hasUploads(tx: SQL): Promise<boolean> {
  const [found] = await tx`SELECT to_regclass('platform.uploads') IS NOT NULL AS exists`;
  return found.exists;
}

export function filesInto(blobs: Blobs): FilesIn {
  const fresh: string[] = [];
  return {
    async put({ key, bytes, type, sha256 }, source) {
      // What is there already under this key has the same bytes, or is damaged.
      if (!(await isThere(blobs, key))) fresh.push(key);
      const put = await blobs.put(key, source, { bytesMax: bytes, type });
      if (put.sha256 !== sha256) {
        throw new BackupError(`The file ${key} is not as it was. Nothing was restored.`);
      }
    },
    async undo() {
      for (const key of fresh) await blobs.remove(key);
    },
  };
}

async function isThere(blobs: Blobs, key: string): Promise<boolean> {
  let found: BlobInfo | null;
  try {
    found = await blobs.head(key);
  } catch (error) {
    if (error instanceof DamagedBlobError) return true;
    throw error;
  }
  return found !== null;
}

function opened(key: string, found: BlobRead | null): OpenFile | null {
  if (found === null) return null;
  const { bytes, type, etag: sha256, body } = found;
  return { head: { key, bytes, type, sha256 }, bytes: chunksOf(body) };
}

async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader: ReadableStreamDefaultReader<Uint8Array> = body.getReader();
  try {
    while (true) {
      const { done, value } = await readable(() => reader.read());
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

async function readable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const code = (cause as { code?: unknown }).code;
    const isDamaged = cause instanceof DamagedBlobError || unreadableCodes.has(String(code));
    throw isDamaged ? new UnreadableFile(String(cause), { cause }) : cause;
  }
}
