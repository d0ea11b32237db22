/**
 * SipHash-2-4 of one 7-byte message, in 32-bit arithmetic (BigInt is far slower).
 * Seven bytes are the most that share a block with the length, which saves two of eight rounds.
 *
 * SipHash is a keyed pseudo-random function made for short inputs: without the 128-bit key
 * nobody can tell its answers from random ones, however many they have seen. Only the low
 * 53 bits of the 64-bit answer are returned, because those are exact in a number.
 * Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012.
 */
export type SipKey = Int32Array;

export function sipKey(bytes: Uint8Array): SipKey {
  if (bytes.length !== 16) throw new RangeError("a SipHash key is 16 bytes");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Int32Array.from([0, 4, 8, 12], (at) => view.getInt32(at, true));
}

/** The message, little-endian: `low` is its first four bytes, `high` (24 bits) the other three. */
export function sipHash(key: SipKey, low: number, high: number): number {
  const block = (high & 0xffffff) | (7 << 24);
  const k0l = key[0]!;
  const k0h = key[1]!;
  const k1l = key[2]!;
  const k1h = key[3]!;
  let v0l = k0l ^ 0x70736575;
  let v0h = k0h ^ 0x736f6d65;
  let v1l = k1l ^ 0x6e646f6d;
  let v1h = k1h ^ 0x646f7261;
  let v2l = k0l ^ 0x6e657261;
  let v2h = k0h ^ 0x6c796765;
  let v3l = k1l ^ 0x79746573 ^ low;
  let v3h = k1h ^ 0x74656462 ^ block;
  let t = 0;
  // Two rounds for the one block, four to finish.
  for (let round = 0; round < 6; round++) {
    if (round === 2) {
      v0l ^= low;
      v0h ^= block;
      v2l ^= 0xff;
    }
    // v0 += v1; v1 = (v1 <<< 13) ^ v0; v0 <<<= 32
    t = (v0l + v1l) | 0;
    v0h = (v0h + v1h + (t >>> 0 < v0l >>> 0 ? 1 : 0)) | 0;
    v0l = t;
    t = ((v1l << 13) | (v1h >>> 19)) ^ v0l;
    v1h = ((v1h << 13) | (v1l >>> 19)) ^ v0h;
    v1l = t;
    t = v0l;
    v0l = v0h;
    v0h = t;
    // v2 += v3; v3 = (v3 <<< 16) ^ v2
    t = (v2l + v3l) | 0;
    v2h = (v2h + v3h + (t >>> 0 < v2l >>> 0 ? 1 : 0)) | 0;
    v2l = t;
    t = ((v3l << 16) | (v3h >>> 16)) ^ v2l;
    v3h = ((v3h << 16) | (v3l >>> 16)) ^ v2h;
    v3l = t;
    // v0 += v3; v3 = (v3 <<< 21) ^ v0
    t = (v0l + v3l) | 0;
    v0h = (v0h + v3h + (t >>> 0 < v0l >>> 0 ? 1 : 0)) | 0;
    v0l = t;
    t = ((v3l << 21) | (v3h >>> 11)) ^ v0l;
    v3h = ((v3h << 21) | (v3l >>> 11)) ^ v0h;
    v3l = t;
    // v2 += v1; v1 = (v1 <<< 17) ^ v2; v2 <<<= 32
    t = (v2l + v1l) | 0;
    v2h = (v2h + v1h + (t >>> 0 < v2l >>> 0 ? 1 : 0)) | 0;
    v2l = t;
    t = ((v1l << 17) | (v1h >>> 15)) ^ v2l;
    v1h = ((v1h << 17) | (v1l >>> 15)) ^ v2h;
    v1l = t;
    t = v2l;
    v2l = v2h;
    v2h = t;
  }
  const answerLow = (v0l ^ v1l ^ v2l ^ v3l) >>> 0;
  const answerHigh = (v0h ^ v1h ^ v2h ^ v3h) & 0x1fffff;
  return answerHigh * 0x1_0000_0000 + answerLow;
}
