/**
 * Tells visitors apart for one UTC day without keeping addresses: a keyed hash (HMAC-SHA-256)
 * of the address and one of the user agent, by a key that is random, shared by all processes
 * and gone after its day. A process that has not got the shared key yet uses one of its own, so
 * redirects never wait; its visitors of those minutes may then be counted twice.
 */
export type Hashed = { day: number; high: number; low: number };

const keysKeptDays = 3;

export class VisitorKeys {
  private readonly keys = new Map<number, Uint8Array>();
  private readonly shared = new Set<number>();
  private readonly fresh: () => Uint8Array;

  /** `fresh` makes the keys that nobody shares. */
  constructor(fresh: () => Uint8Array = () => crypto.getRandomValues(new Uint8Array(32))) {
    this.fresh = fresh;
  }

  /** Sets the key that all processes share for a day (days since 1970). */
  share(day: number, key: Uint8Array): void {
    this.keys.set(day, key);
    this.shared.add(day);
    for (const known of this.keys.keys()) {
      if (known <= day - keysKeptDays) this.keys.delete(known);
    }
  }

  isShared(day: number): boolean {
    return this.shared.has(day);
  }

  /** Fills `into` with the hash of a text under the day's key. */
  hash(text: string, day: number, into: Hashed): void {
    let key = this.keys.get(day);
    if (!key) {
      key = this.fresh();
      if (this.keys.size > keysKeptDays) this.keys.clear();
      this.keys.set(day, key);
    }
    const digest = new Bun.CryptoHasher("sha256", key).update(text).digest();
    into.day = day;
    into.high = digest.readUInt32LE(0);
    into.low = digest.readUInt32LE(4);
  }
}

/** MurmurHash3's finaliser: every bit of the input changes half of the output's. */
export function mix(word: number): number {
  let h = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * Remembers the visitors that each link has seen today: 16-bit fingerprints in a table of fixed
 * size, two places each. A full table forgets the older of two, whose next click then counts as
 * new again; one new visitor in 32,000 is taken for a returning one. It is this small (2 MB)
 * because a larger one would cost every click a miss of the processor's caches.
 */
const placesBits = 20;

export class Seen {
  private readonly table = new Uint16Array(1 << placesBits);
  private day = -1;

  /** Whether this is the first time today; `day` is days since 1970. */
  add(day: number, key: number, fingerprint: number): boolean {
    if (day !== this.day) {
      this.table.fill(0);
      this.day = day;
    }
    const place = (key >>> (32 - placesBits)) & ~1;
    const wanted = fingerprint & 0xffff || 1;
    const first = this.table[place]!;
    if (first === wanted || this.table[place + 1] === wanted) return false;
    this.table[place + 1] = first;
    this.table[place] = wanted;
    return true;
  }
}
