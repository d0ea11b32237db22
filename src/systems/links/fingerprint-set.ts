/**
 * A set of texts that can only be asked for membership, in about 20 bytes an entry: an open
 * addressing table of two seeded 32-bit hashes. A million host names as a Set of strings take
 * 170 MB. The 64 bits are seeded per process, so nobody can make a text that collides; by
 * chance, a lookup among ten million entries errs once in 10^12.
 */
const loadMax = 0.7;
const seeds = crypto.getRandomValues(new Uint32Array(2));

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
    if (this.place(low(text), high(text))) this.count++;
  }

  has(text: string): boolean {
    const at = this.find(low(text), high(text));
    return this.slots[at] !== 0;
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

function low(text: string): number {
  return Bun.hash.xxHash32(text, seeds[0]) || 1;
}

function high(text: string): number {
  return Bun.hash.xxHash32(text, seeds[1]);
}

function capacityFor(expected: number): number {
  return 2 ** Math.max(4, Math.ceil(Math.log2(Math.max(1, expected) / loadMax)));
}
