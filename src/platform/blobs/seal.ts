import type { FileHandle } from "node:fs/promises";
import type { BlobInfo, Span } from "./blobs.ts";

/**
 * What stands behind the bytes in a file: a checksum of each block, then a footer of fixed size.
 * Disks return wrong bytes now and then without an error; a block that does not match its
 * checksum is never handed out. The bytes come first and as they are, so `head -c` gets them back
 * without Stoa.
 *
 *   bytes | CRC-32 of each block of 64 KiB | SHA-256 (32) | size (8) | type (84) | CRC-32 | "STB1"
 *
 * The last CRC-32 is of the footer before it. Rejected: a checksum in the database, which a part
 * of a file cannot be held against; and a file beside the file, since two are not renamed at once.
 */
const blockBytes = 64 * 1024;
const crcBytes = 4;
const typeBytes = 84;
const footerBytes = 32 + 8 + typeBytes + crcBytes + 4;
const mark = 0x31425453;

export class DamagedBlobError extends Error {
  override readonly name = "DamagedBlobError";
}

/** Gathers the checksums of bytes that pass by. */
export function createSeal() {
  const crcs: number[] = [];
  let crc = 0;
  let filled = 0;
  return {
    update(chunk: Uint8Array): void {
      for (let from = 0; from < chunk.byteLength;) {
        const part = chunk.subarray(from, from + blockBytes - filled);
        crc = Bun.hash.crc32(part, crc);
        filled += part.byteLength;
        from += part.byteLength;
        if (filled < blockBytes) continue;
        crcs.push(crc);
        crc = filled = 0;
      }
    },
    /** The bytes to write behind those that passed. */
    finish(sha256: string, bytes: number, type: string): Uint8Array {
      if (filled > 0) crcs.push(crc);
      return Buffer.concat([tableOf(crcs), footerOf(sha256, bytes, type)]);
    },
  };
}

function tableOf(crcs: number[]): Buffer {
  const table = Buffer.alloc(crcs.length * crcBytes);
  for (const [index, crc] of crcs.entries()) table.writeUInt32LE(crc, index * crcBytes);
  return table;
}

function footerOf(sha256: string, bytes: number, type: string): Buffer {
  const footer = Buffer.alloc(footerBytes);
  if (Buffer.byteLength(type) > typeBytes) throw new Error(`a media type too long: ${type}`);
  footer.write(sha256, 0, "hex");
  footer.writeBigUInt64LE(BigInt(bytes), 32);
  footer.write(type, 40);
  footer.writeUInt32LE(Bun.hash.crc32(footer.subarray(0, 40 + typeBytes)), 40 + typeBytes);
  footer.writeUInt32LE(mark, footerBytes - crcBytes);
  return footer;
}

export async function readInfo(handle: FileHandle): Promise<BlobInfo> {
  const { size } = await handle.stat();
  if (size < footerBytes) throw new DamagedBlobError("a file too short for its footer");
  const footer = await readAt(handle, size - footerBytes, footerBytes);
  const bytes = Number(footer.readBigUInt64LE(32));
  const isWhole =
    footer.readUInt32LE(footerBytes - crcBytes) === mark &&
    footer.readUInt32LE(40 + typeBytes) === Bun.hash.crc32(footer.subarray(0, 40 + typeBytes)) &&
    size === bytes + blocksOf(bytes) * crcBytes + footerBytes;
  if (!isWhole) throw new DamagedBlobError("a footer that does not match its file");
  const type = footer.toString("latin1", 40, 40 + typeBytes).replace(/\0+$/, "");
  return { bytes, type, etag: footer.toString("hex", 0, 32) };
}

const blocksOf = (bytes: number) => Math.ceil(bytes / blockBytes);

/** The bytes of a span, a block at a time, each checked before it is handed out. */
export async function* readChecked(
  handle: FileHandle,
  bytes: number,
  { first, last }: Span,
): AsyncGenerator<Uint8Array> {
  for (let from = first; from <= last;) {
    const block = Math.floor(from / blockBytes);
    const start = block * blockBytes;
    const read = await readAt(handle, start, Math.min(blockBytes, bytes - start));
    const expected = await readAt(handle, bytes + block * crcBytes, crcBytes);
    if (Bun.hash.crc32(read) !== expected.readUInt32LE(0)) {
      throw new DamagedBlobError(`block ${block} does not match its checksum`);
    }
    yield read.subarray(from - start, last + 1 - start);
    from = start + blockBytes;
  }
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  for (let filled = 0; filled < length;) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) throw new DamagedBlobError("a file that ends too early");
    filled += bytesRead;
  }
  return buffer;
}
