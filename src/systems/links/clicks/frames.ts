/**
 * The spool's format. A segment is a row of frames; a frame is what one flush wrote: four words
 * (magic, payload bytes, checksum, clicks) and the payload. A crash can leave the last frame
 * torn, which its checksum tells; every frame before it is whole.
 *
 * The payload is a row of records, each a multiple of four bytes, the record's type in the two
 * upper bits of its first word:
 *
 *   click   traits, link id (high, low), time, place, client, source
 *   term    family, index, byte length, then JSON text: defines an index of this segment
 *   orphan  kind, time, place, client, source, byte length, then the code
 *   base    0, then milliseconds since 1970 (float64) that times count from
 *
 * Numbers are little-endian; a spool is read on the machine that wrote it. Indexes 0 and 1 of
 * a family are never defined: 0 is "not known", 1 is "beyond the limit".
 */
export const headerWords = 4;
const magic = 0x4b434c53;

export const clickWords = 7;
export const termWords = 3;
export const orphanWords = 6;
export const baseWords = 3;

export const clickType = 0;
export const termType = 1;
export const orphanType = 2;
export const baseType = 3;

export const families = ["geo", "client", "source"] as const;
export const unknownIndex = 0;
export const overflowIndex = 1;
export const firstIndex = 2;

/** Larger frames are never written, so a larger length is garbage. */
export const frameBytesMax = 4 * 1024 * 1024;

/** Fills in the header of a frame that takes up `used` words of `words`. */
export function seal(words: Uint32Array, used: number, clicks: number): void {
  const payload = new Uint8Array(words.buffer, headerWords * 4, (used - headerWords) * 4);
  words[0] = magic;
  words[1] = payload.length;
  words[2] = Bun.hash.xxHash32(payload);
  words[3] = clicks;
}

export type Frame = { from: number; to: number; clicks: number };

/** The whole frame at a word; null where there is none (yet). `from` and `to` are words. */
export function frameAt(words: Uint32Array, at: number, end: number): Frame | null {
  if (at + headerWords > end || words[at] !== magic) return null;
  const bytes = words[at + 1]!;
  if (bytes === 0 || bytes % 4 !== 0 || bytes > frameBytesMax) return null;
  const from = at + headerWords;
  const to = from + bytes / 4;
  if (to > end) return null;
  const payload = new Uint8Array(words.buffer, words.byteOffset + from * 4, bytes);
  return Bun.hash.xxHash32(payload) === words[at + 2] ? { from, to, clicks: words[at + 3]! } : null;
}

export function typeOf(word: number): number {
  return word >>> 30;
}

export function textWords(byteLength: number): number {
  return (byteLength + 3) >>> 2;
}
