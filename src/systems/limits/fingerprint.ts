/**
 * Keys are known by 64 bits of a keyed hash, so that a key costs the same whatever its length and
 * no text of anyone's is kept. HalfSipHash-1-3: SipHash for 32-bit arithmetic, with one round a
 * word and three to finish, as kernels and languages hash what strangers send. The key is drawn
 * at random by each limiter, so nobody can look for two texts that share a fingerprint; by chance,
 * any two of a million live keys do once in 37 million fillings of the table. If they did, the
 * two would share one allowance.
 *
 * Unkeyed hashes (xxHash32, Murmur) and two of them side by side were rejected: collisions are
 * found on paper, for all seeds at once. Bun's 64-bit hashes answer with a BigInt, at twice the
 * time. Texts within Latin-1 are read as bytes, others as 16-bit units under another key.
 *
 * Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012; HalfSipHash in its repository.
 */
export type HashKey = { k0: number; k1: number };

const latin1Max = 0xff;
const wideKey = 0x5bd1e995;

export class Fingerprint {
  /** Of the last text, 32 bits each; `low` is never 0 or 1, which have a meaning in tables. */
  low = 2;
  high = 0;

  of(key: HashKey, text: string): void {
    const { k0, k1 } = key;
    let v0 = k0;
    let v1 = k1 ^ 0xee;
    let v2 = k0 ^ 0x6c796765;
    let v3 = k1 ^ 0x74656462;
    const { length } = text;
    // The last word holds what is left and the length.
    for (let i = 0; i <= length; i += 4) {
      let word: number;
      if (i + 4 <= length) {
        const a = text.charCodeAt(i);
        const b = text.charCodeAt(i + 1);
        const c = text.charCodeAt(i + 2);
        const d = text.charCodeAt(i + 3);
        if ((a | b | c | d) > latin1Max) return this.ofWide(key, text);
        word = a | (b << 8) | (c << 16) | (d << 24);
      } else {
        word = length << 24;
        for (let j = i; j < length; j++) {
          const unit = text.charCodeAt(j);
          if (unit > latin1Max) return this.ofWide(key, text);
          word |= unit << (8 * (j - i));
        }
      }
      v3 ^= word;
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
    }
    v2 ^= 0xee;
    for (let round = 0; round < 6; round++) {
      if (round === 3) {
        const low = v1 ^ v3;
        this.low = low === 0 || low === 1 ? 2 : low;
        v1 ^= 0xdd;
      }
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    }
    this.high = v1 ^ v3;
  }

  private ofWide(key: HashKey, text: string): void {
    let bytes = "";
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      bytes += String.fromCharCode(unit & 0xff, unit >>> 8);
    }
    this.of({ k0: key.k0, k1: key.k1 ^ wideKey }, bytes);
  }
}
