import type { Cell } from "./algorithms/counting.ts";

/**
 * Cells of many keys in little memory: open addressing over records of 32 bytes, so that most
 * questions cost one cache line. The table is cut into shards of some ten thousand records, each of
 * which grows alone by copying itself: nobody waits for a million records to move. What ran out
 * is left behind by the next copy of its shard, which happens before it grows and in sweeps.
 *
 * Between 3/5 and 3/4 of the records are taken: 43 to 53 bytes a key. A Map from strings was
 * rejected: docs/decisions/0014-limits-table.md has the measurements.
 *
 * When full, 16 keys of the new one's shard are looked at, and the one that has its full allowance
 * again, or else soonest would, makes room. A flood of new keys so drops mostly itself: those
 * asked once are back at full allowance first.
 */
const recordWords = 8;
const recordBytes = recordWords * 4;
const loadMax = 0.75;
const loadAfterCopy = 0.6;
const shardKeys = 16_384;
const slotsMin = 8;
const looksToDrop = 16;
const sweepPart = 1 / 64;
const sweepShardsMax = 16;

/** The first word of a record that is free, and of one whose key was dropped; no other has it. */
const free = 0;
const dropped = 1;

export type KeyTableOptions = {
  keysMax: number;
  /** Told of part `a` of each cell that is dropped or left behind. */
  onDrop?: (a: number) => void;
};

/**
 * A record is known by where its words begin: fingerprint in the first two, `freeAt` in the next
 * two, `a`, `b`, and `c` in the last two. Words are signed, because those stay integers in the
 * compiled code; and what belongs to a shard lies in one array each, because reaching it through
 * an object took four times as long.
 */
export class KeyTable {
  private readonly keysMax: number;
  private readonly onDrop: ((a: number) => void) | undefined;
  private readonly words: Int32Array[] = [];
  private readonly times: Float64Array[] = [];
  private readonly ends: Int32Array;
  private readonly used: Int32Array;
  /** Where looking for a key to drop goes on. One for all shards would thin some parts out. */
  private readonly hands: Int32Array;
  private readonly shardMask: number;
  /** Of the key last looked for. */
  private shard = 0;
  private held = 0;
  private sweepHand = 0;

  constructor({ keysMax, onDrop }: KeyTableOptions) {
    if (!(keysMax >= 1)) throw new RangeError(`keysMax is ${keysMax}; it must be at least 1`);
    const shards = 2 ** Math.max(0, Math.ceil(Math.log2(keysMax / shardKeys)));
    this.keysMax = keysMax;
    this.onDrop = onDrop;
    this.ends = new Int32Array(shards);
    this.used = new Int32Array(shards);
    this.hands = new Int32Array(shards);
    this.shardMask = shards - 1;
    for (let shard = 0; shard < shards; shard++) this.empty(shard, slotsMin);
  }

  /** Keys held, of which some may have run out and were not left behind yet. */
  get size(): number {
    return this.held;
  }

  get bytes(): number {
    return this.words.reduce((sum, words) => sum + words.byteLength, 0);
  }

  /** The key's record, good until a key is added or dropped; -1 for none. */
  find(low: number, high: number): number {
    this.shard = high & this.shardMask;
    const words = this.words[this.shard]!;
    const end = this.ends[this.shard]!;
    for (let at = home(low, end); ;) {
      const seen = words[at]!;
      if (seen === low && words[at + 1] === high) return at;
      if (seen === free) return -1;
      at += recordWords;
      if (at === end) at = 0;
    }
  }

  /** A record for a key that `find` has just not found. */
  add(low: number, high: number, now: number): number {
    if (this.held >= this.keysMax) this.makeRoom(now);
    const { shard } = this;
    const slots = this.words[shard]!.length / recordWords;
    if (this.used[shard]! + 1 > slots * loadMax) this.copy(shard, now);
    this.held++;
    return this.place(shard, low, high);
  }

  freeAt(at: number): number {
    return this.times[this.shard]![(at >> 1) + 1]!;
  }

  load(at: number, cell: Cell): void {
    const words = this.words[this.shard]!;
    const times = this.times[this.shard]!;
    cell.freeAt = times[(at >> 1) + 1]!;
    cell.a = words[at + 4]!;
    cell.b = words[at + 5]!;
    cell.c = times[(at >> 1) + 3]!;
  }

  store(at: number, cell: Cell): void {
    const words = this.words[this.shard]!;
    const times = this.times[this.shard]!;
    times[(at >> 1) + 1] = cell.freeAt;
    words[at + 4] = cell.a;
    words[at + 5] = cell.b;
    times[(at >> 1) + 3] = cell.c;
  }

  /** Takes what `find` said. */
  drop(at: number): void {
    if (at >= 0) this.dropFrom(this.shard, at);
  }

  /**
   * Leaves behind what ran out in one 64th of the shards, the next ones at each call, and gives
   * the memory back where that was much. A shard takes less than a millisecond.
   */
  sweep(now: number): void {
    const part = Math.ceil(this.words.length * sweepPart);
    for (let i = Math.min(part, sweepShardsMax); i > 0; i--) {
      const shard = (this.sweepHand + 1) & this.shardMask;
      this.sweepHand = shard;
      const slots = this.words[shard]!.length / recordWords;
      const live = this.countLive(shard, now);
      if (live < this.used[shard]! || (live < slots / 4 && slots > slotsMin)) this.copy(shard, now);
    }
  }

  /** Drops a key: see above for which. When the shard has few, the next ones are looked at too. */
  makeRoom(now: number): void {
    let from = 0;
    let victim = -1;
    let soonest = Infinity;
    let looks = looksToDrop;
    for (let i = 0; i <= this.shardMask && looks > 0; i++) {
      const shard = (this.shard + i) & this.shardMask;
      const words = this.words[shard]!;
      const times = this.times[shard]!;
      let hand = this.hands[shard]!;
      for (let left = words.length; left > 0 && looks > 0; left -= recordWords) {
        const at = hand;
        hand = at + recordWords === words.length ? 0 : at + recordWords;
        if (!isKey(words[at]!)) continue;
        looks--;
        const freeAt = Math.max(now, times[(at >> 1) + 1]!);
        if (freeAt >= soonest) continue;
        from = shard;
        victim = at;
        soonest = freeAt;
      }
      this.hands[shard] = hand;
    }
    if (victim >= 0) this.dropFrom(from, victim);
  }

  private dropFrom(shard: number, at: number): void {
    const words = this.words[shard]!;
    this.onDrop?.(words[at + 4]!);
    words[at] = dropped;
    this.held--;
  }

  /** Puts in the shard's place a copy without what ran out, with room for at least one more. */
  private copy(shard: number, now: number): void {
    const words = this.words[shard]!;
    const times = this.times[shard]!;
    const live = this.countLive(shard, now);
    this.empty(shard, Math.max(slotsMin, Math.ceil((live + 1) / loadAfterCopy)));
    const copy = this.words[shard]!;
    const grown = copy.length / words.length;
    this.hands[shard] = Math.floor((this.hands[shard]! / recordWords) * grown) * recordWords;
    for (let at = 0; at < words.length; at += recordWords) {
      if (!isKey(words[at]!)) continue;
      if (times[(at >> 1) + 1]! <= now) {
        this.onDrop?.(words[at + 4]!);
        this.held--;
        continue;
      }
      const to = this.place(shard, words[at]!, words[at + 1]!);
      for (let i = 2; i < recordWords; i++) copy[to + i] = words[at + i]!;
    }
  }

  private empty(shard: number, slots: number): void {
    const buffer = new ArrayBuffer(slots * recordBytes);
    this.words[shard] = new Int32Array(buffer);
    this.times[shard] = new Float64Array(buffer);
    this.ends[shard] = slots * recordWords;
    this.used[shard] = 0;
  }

  private place(shard: number, low: number, high: number): number {
    const words = this.words[shard]!;
    const end = words.length;
    let at = home(low, end);
    while (words[at] !== free) at = at + recordWords === end ? 0 : at + recordWords;
    words[at] = low;
    words[at + 1] = high;
    this.used[shard]!++;
    return at;
  }

  private countLive(shard: number, now: number): number {
    const words = this.words[shard]!;
    const times = this.times[shard]!;
    let live = 0;
    for (let at = 0; at < words.length; at += recordWords) {
      if (isKey(words[at]!) && times[(at >> 1) + 1]! > now) live++;
    }
    return live;
  }
}

/** Where the probing for a key begins; any number of slots will do. */
function home(low: number, end: number): number {
  return (((low >>> 0) * (end / recordWords) * 2 ** -32) | 0) * recordWords;
}

function isKey(low: number): boolean {
  return low !== free && low !== dropped;
}
