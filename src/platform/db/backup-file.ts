import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Sequence, Table } from "./backup-catalog.ts";

/**
 * The container of a backup: a line of JSON that says what is inside, then frames, then the
 * SHA-256 of all before it. A frame is the number of its table and its length (two 32-bit
 * integers, big-endian) and a zstd block of COPY text. Behind the tables come files, each a frame
 * with its head in JSON, numbered `fileIndex`, and frames of its bytes, numbered `bytesIndex`. The
 * last frame, numbered `footerIndex`, says how many rows and files there are. Reading starts with
 * the checksum of the whole, so a backup that was cut short or changed by a bit is refused before
 * anything is restored from it.
 */
export type Header = {
  format: "stoa-backup";
  version: number;
  created_at: string;
  server_version: string;
  migrations: { id: string; checksum: string }[];
  tables: Table[];
  sequences: Sequence[];
  /** Those that rows lead to; absent in the first format, which had none. */
  files?: { inside: boolean; count: number; bytes: number };
};

export type Footer = { rows: number[]; files?: number; unreadable?: number };

/** `sha256` in hexadecimal. */
export type FileHead = { key: string; bytes: number; type: string; sha256: string };

export class BackupError extends Error {
  override readonly name = "BackupError";
}

const formatVersion = 2;
/** Those before are the same with less in them. */
const formatVersionMin = 1;
/** Text per frame before compression: what either side holds in memory at a time. */
const frameBytes = 1024 ** 2;
/** A frame never grows beyond this, so a broken length is not believed. */
const frameBytesMax = 4 * frameBytes;
const headerBytesMax = 64 * 1024 ** 2;
const frameHeadBytes = 8;
const checksumBytes = 32;
const footerIndex = 0xffff_ffff;
const fileIndex = 0xffff_fffe;
const bytesIndex = 0xffff_fffd;

export type Writer = {
  header(header: Omit<Header, "format" | "version">): Promise<void>;
  /** Appends the text of one table; resolves when the disk has taken it. */
  table(index: number, chunks: AsyncIterable<Uint8Array>): Promise<void>;
  file(head: FileHead, chunks: AsyncIterable<Uint8Array>): Promise<void>;
  footer(footer: Footer): Promise<void>;
};

/** Written aside, synced, then renamed: a file of that name is always a whole backup. */
export async function writeBackupFile(path: string, fill: (to: Writer) => Promise<void>) {
  const partial = `${path}.partial`;
  await rm(partial, { force: true });
  // It holds password hashes and signing keys.
  const file = await open(partial, "wx", 0o600);
  try {
    const hash = new Bun.CryptoHasher("sha256");
    const append = async (bytes: Uint8Array) => {
      hash.update(bytes);
      await file.appendFile(bytes);
    };
    await fill(createWriter(append));
    await file.appendFile(hash.digest());
    await file.sync();
    await file.close();
    await rename(partial, path);
    const folder = await open(dirname(path));
    await folder.sync().finally(() => folder.close());
  } catch (error) {
    await file.close().catch(() => {});
    await rm(partial, { force: true });
    throw error;
  }
}

function createWriter(append: (bytes: Uint8Array) => Promise<void>): Writer {
  const frame = async (index: number, text: Uint8Array) => {
    const block = await Bun.zstdCompress(text as Uint8Array<ArrayBuffer>);
    const head = Buffer.alloc(frameHeadBytes);
    head.writeUInt32BE(index, 0);
    head.writeUInt32BE(block.byteLength, 4);
    await append(head);
    await append(block);
  };
  const framed = async (index: number, chunks: AsyncIterable<Uint8Array>) => {
    const text = Buffer.allocUnsafe(frameBytes);
    let used = 0;
    for await (const chunk of chunks) {
      for (let from = 0; from < chunk.byteLength;) {
        const part = chunk.subarray(from, from + frameBytes - used);
        text.set(part, used);
        used += part.byteLength;
        from += part.byteLength;
        if (used < frameBytes) continue;
        await frame(index, text);
        used = 0;
      }
    }
    if (used > 0) await frame(index, text.subarray(0, used));
  };
  return {
    async header(header) {
      const whole: Header = { format: "stoa-backup", version: formatVersion, ...header };
      await append(Buffer.from(`${JSON.stringify(whole)}\n`));
    },
    table: framed,
    async file(head, chunks) {
      await frame(fileIndex, Buffer.from(JSON.stringify(head)));
      await framed(bytesIndex, chunks);
    },
    footer: (footer) => frame(footerIndex, Buffer.from(JSON.stringify(footer))),
  };
}

export type Reader = {
  header: Header;
  frames: Frames;
  sizeBytes: number;
};

/** `at` is where in the backup it ends. */
export type Frame =
  | { kind: "rows"; table: number; text: Uint8Array; at: number }
  | { kind: "file"; head: FileHead; at: number }
  | { kind: "bytes"; text: Uint8Array; at: number }
  | { kind: "end"; footer: Footer };

/** One after the other: the tables in their order, the files, the end. */
export type Frames = { readonly current: Frame | null; next(): Promise<Frame> };

/** Checks the whole file first; `read` only ever sees one that is as it was written. */
export async function readBackupFile<T>(
  path: string,
  read: (from: Reader) => Promise<T>,
  checked: (fraction: number) => void = () => {},
): Promise<T> {
  const sizeBytes = (await stat(path)).size;
  const file = await open(path, "r");
  try {
    const { header, end } = await readHeader(file, path);
    const framesEnd = sizeBytes - checksumBytes;
    await verifyChecksum(path, framesEnd, checked);
    return await read({ header, sizeBytes, frames: framesOf(file, end, framesEnd) });
  } finally {
    await file.close();
  }
}

async function verifyChecksum(
  path: string,
  end: number,
  checked: (fraction: number) => void,
): Promise<void> {
  const hash = new Bun.CryptoHasher("sha256");
  let done = 0;
  for await (const chunk of Bun.file(path).slice(0, Math.max(0, end)).stream()) {
    hash.update(chunk);
    done += chunk.byteLength;
    checked(done / end);
  }
  const expected = await Bun.file(path).slice(Math.max(0, end)).bytes();
  if (end <= 0 || !hash.digest().equals(expected)) {
    throw new BackupError(
      `${path} is damaged: its checksum does not match what it holds, so it was cut short or ` +
        "changed after it was written. Nothing was restored; use another copy.",
    );
  }
}

async function readHeader(
  file: FileHandle,
  path: string,
): Promise<{ header: Header; end: number }> {
  const parts: Buffer[] = [];
  for (let at = 0; at < headerBytesMax;) {
    const part = Buffer.alloc(64 * 1024);
    const { bytesRead } = await file.read(part, 0, part.length, at);
    const newline = part.subarray(0, bytesRead).indexOf("\n");
    parts.push(part.subarray(0, newline < 0 ? bytesRead : newline));
    if (newline >= 0) {
      return { header: parseHeader(Buffer.concat(parts), path), end: at + newline + 1 };
    }
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  throw new BackupError(`${path} is not a backup that Stoa wrote.`);
}

function parseHeader(line: Buffer, path: string): Header {
  let header: Partial<Header> = {};
  try {
    header = JSON.parse(line.toString()) as Partial<Header>;
  } catch {
    // Told below, like any other file that is something else.
  }
  if (header.format !== "stoa-backup") {
    throw new BackupError(`${path} is not a backup that Stoa wrote.`);
  }
  const { version = 0 } = header;
  if (version < formatVersionMin || version > formatVersion) {
    throw new BackupError(
      `${path} has format ${version}, and this Stoa reads formats ${formatVersionMin} to ` +
        `${formatVersion}; restore it with the version of Stoa that wrote it.`,
    );
  }
  return header as Header;
}

function framesOf(file: FileHandle, start: number, end: number): Frames {
  let current: Frame | null = null;
  let at = start;
  return {
    get current() {
      return current;
    },
    async next() {
      if (at >= end) throw new BackupError("the backup has no footer");
      const head = await readExactly(file, at, frameHeadBytes);
      const length = head.readUInt32BE(4);
      if (length > frameBytesMax) throw new BackupError("a frame is longer than frames can be");
      const block = await readExactly(file, at + frameHeadBytes, length);
      const text = await Bun.zstdDecompress(block as Uint8Array<ArrayBuffer>);
      at += frameHeadBytes + length;
      current = frameOf(head.readUInt32BE(0), text, at);
      return current;
    },
  };
}

function frameOf(index: number, text: Buffer, at: number): Frame {
  if (index === bytesIndex) return { kind: "bytes", text, at };
  if (index === fileIndex) return { kind: "file", head: JSON.parse(text.toString()), at };
  if (index !== footerIndex) return { kind: "rows", table: index, text, at };
  return { kind: "end", footer: JSON.parse(text.toString()) };
}

async function readExactly(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const into = Buffer.allocUnsafe(length);
  for (let done = 0; done < length;) {
    const { bytesRead } = await file.read(into, done, length - done, at + done);
    if (bytesRead === 0) throw new BackupError("the backup ends within a frame");
    done += bytesRead;
  }
  return into;
}
