/**
 * A set of texts that can only be asked for membership, in about 20 bytes an entry: an open
 * addressing table of seeded 64-bit hashes. A million host names as a Set of strings take 170 MB.
 * The seed differs per process, so a text that collides cannot be searched for in advance; by
 * chance, a lookup among ten million entries errs once in 10^12. Two 32-bit xxHashes instead of
 * one 64-bit hash were rejected: they collide together, 200 times in a million host names.
 */
const loadMax = 0.7;
const seed = crypto.getRandomValues(new BigUint64Array(1))[0]!;

export class FingerprintSet {
  private slots: Uint32Array;
  private count = 0;

  constructor(expected = 0) {
    this.slots = new Uint32Array(2 * capacityFor(expected));
  }

  get size(): number {
    return this.count;
  }

  add(text: string): void {
    if (this.count + 1 > (this.slots.length / 2) * loadMax) this.grow();
    const hash = Bun.hash.wyhash(text, seed);
    if (this.place(low(hash), high(hash))) this.count++;
  }

  has(text: string): boolean {
    const hash = Bun.hash.wyhash(text, seed);
    return this.slots[this.find(low(hash), high(hash))] !== 0;
  }

  private place(lowHash: number, highHash: number): boolean {
    const at = this.find(lowHash, highHash);
    if (this.slots[at] !== 0) return false;
    this.slots[at] = lowHash;
    this.slots[at + 1] = highHash;
    return true;
  }

  /** Where the pair stands, or the free slot where it would. Zero in the first half is free. */
  private find(lowHash: number, highHash: number): number {
    const mask = this.slots.length / 2 - 1;
    for (let i = lowHash & mask; ; i = (i + 1) & mask) {
      const seen = this.slots[2 * i];
      if (seen === 0 || (seen === lowHash && this.slots[2 * i + 1] === highHash)) return 2 * i;
    }
  }

  private grow(): void {
    const old = this.slots;
    this.slots = new Uint32Array(old.length * 2);
    for (let i = 0; i < old.length; i += 2) {
      if (old[i] !== 0) this.place(old[i]!, old[i + 1]!);
    }
  }
}

/** Never zero, which marks a free slot. */
function low(hash: bigint): number {
  return Number(hash & 0xffff_ffffn) || 1;
}

function high(hash: bigint): number {
  return Number(hash >> 32n);
}

function capacityFor(expected: number): number {
  return 2 ** Math.max(4, Math.ceil(Math.log2(Math.max(1, expected) / loadMax)));
}
