import type { SQL } from "bun";
import { BackupError, type FileHead, type Frames, type Writer } from "./backup-file.ts";
import type { Reader } from "./db.ts";

/**
 * Files that rows lead to and that lie beside the database. They follow the tables in a backup,
 * those that the rows of its snapshot lead to and no others. Reading them takes longer than the
 * snapshot, so whoever removes files asks `filesMustStay` first.
 */
export type FileTotals = { count: number; bytes: number };

export type FilesOut = {
  /** False where they are kept elsewhere: then they are counted, and not copied. */
  here: boolean;
  measure(tx: SQL): Promise<FileTotals>;
  list(tx: SQL): AsyncIterable<string>;
  /** Null: there is none. Throws `UnreadableFile` for one whose bytes are not what they were. */
  open(key: string): Promise<OpenFile | null>;
};

/** `bytes` throws `UnreadableFile` as well. */
export type OpenFile = { head: FileHead; bytes: AsyncIterable<Uint8Array> };

export class UnreadableFile extends Error {
  override readonly name = "UnreadableFile";
}

export type FilesIn = {
  /** Throws unless what was stored has the checksum of its head. */
  put(head: FileHead, bytes: ReadableStream<Uint8Array>): Promise<void>;
  /** Takes away what was not there before. */
  undo(): Promise<void>;
};

/**
 * `files` are in the backup; `elsewhere` are those that are kept in another place; `unreadable`
 * are those that rows lead to and that are gone or damaged.
 */
export type FileSummary = {
  files: number;
  elsewhere: number;
  unreadable: number;
  unreadable_keys: string[];
};

export const noFiles: FileSummary = { files: 0, elsewhere: 0, unreadable: 0, unreadable_keys: [] };

const keysNamedMax = 20;
const copying = 7_311_000_004;

/**
 * Runs `work` while no files are removed. The lock comes before the snapshot, or a file could go
 * in between; it ends with its session, also when this process is killed.
 */
export async function keepingFiles<T>(client: SQL, work: (session: SQL) => Promise<T>): Promise<T> {
  const session = await client.reserve();
  try {
    await session`SELECT pg_advisory_lock_shared(${copying})`;
    return await work(session);
  } finally {
    await session`SELECT pg_advisory_unlock_shared(${copying})`.catch(() => {});
    session.release();
  }
}

/**
 * Whether a backup may need files of rows that no longer lead to them. To be asked after those
 * rows were read: a backup that begins later does not see them lead anywhere.
 */
export async function filesMustStay(reader: Reader): Promise<boolean> {
  const row = await reader.one`
    SELECT FROM pg_locks WHERE locktype = 'advisory'
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND (classid::bigint << 32) + objid::bigint = ${copying} LIMIT 1`;
  return row !== null;
}

export async function copyFiles(
  tx: SQL,
  to: Writer,
  files: FilesOut,
  copied: (key: string, bytes: number) => void,
): Promise<FileSummary> {
  const summary: FileSummary = { ...noFiles, unreadable_keys: [] };
  for await (const key of files.list(tx)) {
    if (await copyFile(to, files, key, copied)) summary.files++;
    else if (summary.unreadable++ < keysNamedMax) summary.unreadable_keys.push(key);
  }
  return summary;
}

/** False: it cannot be read. What was written of it by then is shorter than its head says. */
async function copyFile(
  to: Writer,
  files: FilesOut,
  key: string,
  copied: (key: string, bytes: number) => void,
): Promise<boolean> {
  try {
    const file = await files.open(key);
    if (file === null) return false;
    copied(key, 0);
    await to.file(
      file.head,
      observed(file.bytes, (bytes) => copied(key, bytes)),
    );
    return true;
  } catch (error) {
    if (error instanceof UnreadableFile) return false;
    throw error;
  }
}

export async function* observed(
  chunks: AsyncIterable<Uint8Array>,
  seen: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    seen(chunk.byteLength);
    yield chunk;
  }
}

/** Returns how many are there now. */
export async function loadFiles(
  frames: Frames,
  files: FilesIn,
  loaded: (key: string, at: number) => void,
): Promise<number> {
  let count = 0;
  while (frames.current?.kind === "file") {
    const head = frames.current.head;
    const bytes = bytesOf(frames, head, loaded);
    try {
      await files.put(head, streamOf(bytes));
      count++;
    } catch (error) {
      if (!(error instanceof UnreadableFile)) throw error;
    }
  }
  return count;
}

async function* bytesOf(
  frames: Frames,
  { key, bytes }: FileHead,
  loaded: (key: string, at: number) => void,
): AsyncGenerator<Uint8Array> {
  let left = bytes;
  await frames.next();
  while (frames.current?.kind === "bytes") {
    const { text, at } = frames.current;
    left -= text.byteLength;
    loaded(key, at);
    yield text;
    await frames.next();
  }
  if (left < 0) throw new BackupError(`The file ${key} is longer than it was.`);
  if (left > 0) throw new UnreadableFile(`${key} was damaged when the backup was made`);
}

function streamOf(bytes: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await bytes.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await bytes.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}
