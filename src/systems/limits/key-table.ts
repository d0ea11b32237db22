import type { Cell } from "./algorithms/counting.ts";

/**
 * Cells of many keys in little memory: open addressing over records of 32 bytes, so that most
 * questions cost one cache line. The table is cut into shards of a few thousand records, each of
 * which grows alone by copying itself: nobody waits for a million records to move. What ran out
 * is left behind by the next copy of its shard, which happens before it grows and in sweeps.
 *
 * Between 3/5 and 3/4 of the records are taken: 43 to 53 bytes a key. A Map from strings was
 * rejected: docs/decisions/0013-limits-table.md has the measurements.
 *
 * When full, 16 keys of the new one's shard are looked at, and the one that has its full allowance
 * again, or else soonest would, makes room. A flood of new keys so drops mostly itself: those
 * asked once are back at full allowance first.
 */
const recordWords = 8;
const recordTimes = recordWords / 2;
const recordBytes = recordWords * 4;
const loadMax = 0.75;
const loadAfterCopy = 0.6;
const shardKeys = 2048;
const slotsMin = 8;
const looksToDrop = 16;
const sweepPart = 1 / 64;
const sweepShardsMax = 128;

/** The first word of a record that is free, and of one whose key was dropped. */
const free = 0;
const dropped = 1;

/** Of a record: fingerprint in words 0 and 1, `freeAt` in 2 and 3, the parts of a cell after. */
type Shard = {
  slots: number;
  used: number;
  words: Uint32Array;
  times: Float64Array;
  /** Where looking for a key to drop goes on. One for all shards would thin some parts out. */
  hand: number;
};

export type KeyTableOptions = {
  keysMax: number;
  /** Told of part `a` of each cell that is dropped or left behind. */
  onDrop?: (a: number) => void;
};

export class KeyTable {
  private readonly keysMax: number;
  private readonly onDrop: ((a: number) => void) | undefined;
  private readonly shards: Shard[];
  private readonly shardMask: number;
  /** Of the key last looked for; slots are in it. */
  private shard: Shard;
  private shardIndex = 0;
  private held = 0;
  private sweepHand = 0;

  constructor({ keysMax, onDrop }: KeyTableOptions) {
    if (!(keysMax >= 1)) throw new RangeError(`keysMax is ${keysMax}; it must be at least 1`);
    const shards = 2 ** Math.max(0, Math.ceil(Math.log2(keysMax / shardKeys)));
    this.keysMax = keysMax;
    this.onDrop = onDrop;
    this.shards = Array.from({ length: shards }, () => emptyShard(slotsMin));
    this.shardMask = shards - 1;
    this.shard = this.shards[0]!;
  }

  /** Keys held, of which some may have run out and were not left behind yet. */
  get size(): number {
    return this.held;
  }

  get bytes(): number {
    return this.shards.reduce((sum, shard) => sum + shard.slots * recordBytes, 0);
  }

  /** The key's slot, good until a key is added or dropped; -1 for none. */
  find(low: number, high: number): number {
    this.shardIndex = high & this.shardMask;
    const shard = this.shards[this.shardIndex]!;
    this.shard = shard;
    const { words, slots } = shard;
    for (let slot = home(low, slots); ; slot = slot + 1 === slots ? 0 : slot + 1) {
      const seen = words[slot * recordWords]!;
      if (seen === low && words[slot * recordWords + 1] === high) return slot;
      if (seen === free) return -1;
    }
  }

  /** A slot for a key that `find` has just not found. */
  add(low: number, high: number, now: number): number {
    if (this.held >= this.keysMax) this.makeRoom(now);
    if (this.shard.used + 1 > this.shard.slots * loadMax) {
      this.shard = this.copy(this.shardIndex, now);
    }
    this.held++;
    return place(this.shard, low, high);
  }

  freeAt(slot: number): number {
    return this.shard.times[slot * recordTimes + 1]!;
  }

  load(slot: number, cell: Cell): void {
    const at = slot * recordWords;
    const { words, times } = this.shard;
    cell.freeAt = times[slot * recordTimes + 1]!;
    cell.a = words[at + 4]!;
    cell.b = words[at + 5]!;
    cell.c = words[at + 6]!;
  }

  store(slot: number, cell: Cell): void {
    const at = slot * recordWords;
    const { words, times } = this.shard;
    times[slot * recordTimes + 1] = cell.freeAt;
    words[at + 4] = cell.a;
    words[at + 5] = cell.b;
    words[at + 6] = cell.c;
  }

  /** Takes what `find` said. */
  drop(slot: number): void {
    if (slot >= 0) this.dropFrom(this.shard, slot);
  }

  /**
   * Leaves behind what ran out in one 64th of the shards, the next ones at each call, and gives
   * the memory back where that was much. A shard takes some ten microseconds.
   */
  sweep(now: number): void {
    const part = Math.ceil(this.shards.length * sweepPart);
    for (let i = Math.min(part, sweepShardsMax); i > 0; i--) {
      this.sweepHand = (this.sweepHand + 1) & this.shardMask;
      const { used, slots } = this.shards[this.sweepHand]!;
      const live = this.countLive(this.sweepHand, now);
      if (live < used || (live < slots / 4 && slots > slotsMin)) this.copy(this.sweepHand, now);
    }
  }

  /** Drops a key: see above for which. When the shard has few, the next ones are looked at too. */
  makeRoom(now: number): void {
    let from = this.shard;
    let victim = -1;
    let soonest = Infinity;
    let looks = looksToDrop;
    for (let i = 0; i <= this.shardMask && looks > 0; i++) {
      const shard = this.shards[(this.shardIndex + i) & this.shardMask]!;
      for (let left = shard.slots; left > 0 && looks > 0; left--) {
        const slot = shard.hand;
        shard.hand = slot + 1 === shard.slots ? 0 : slot + 1;
        if (shard.words[slot * recordWords]! <= dropped) continue;
        looks--;
        const freeAt = Math.max(now, shard.times[slot * recordTimes + 1]!);
        if (freeAt >= soonest) continue;
        from = shard;
        victim = slot;
        soonest = freeAt;
      }
    }
    if (victim >= 0) this.dropFrom(from, victim);
  }

  private dropFrom(shard: Shard, slot: number): void {
    this.onDrop?.(shard.words[slot * recordWords + 4]!);
    shard.words[slot * recordWords] = dropped;
    this.held--;
  }

  /** Puts in the shard's place a copy without what ran out, with room for at least one more. */
  private copy(index: number, now: number): Shard {
    const old = this.shards[index]!;
    const live = this.countLive(index, now);
    const copy = emptyShard(Math.max(slotsMin, Math.ceil((live + 1) / loadAfterCopy)));
    for (let slot = 0; slot < old.slots; slot++) {
      const at = slot * recordWords;
      const low = old.words[at]!;
      if (low <= dropped) continue;
      if (old.times[slot * recordTimes + 1]! <= now) this.dropFrom(old, slot);
      else {
        const to = place(copy, low, old.words[at + 1]!) * recordWords;
        for (let i = 2; i < recordWords; i++) copy.words[to + i] = old.words[at + i]!;
      }
    }
    copy.hand = Math.floor((old.hand / old.slots) * copy.slots);
    this.shards[index] = copy;
    return copy;
  }

  private countLive(index: number, now: number): number {
    const { slots, words, times } = this.shards[index]!;
    let live = 0;
    for (let slot = 0; slot < slots; slot++) {
      if (words[slot * recordWords]! > dropped && times[slot * recordTimes + 1]! > now) live++;
    }
    return live;
  }
}

function emptyShard(slots: number): Shard {
  const buffer = new ArrayBuffer(slots * recordBytes);
  const [words, times] = [new Uint32Array(buffer), new Float64Array(buffer)];
  return { slots, used: 0, words, times, hand: 0 };
}

/** Where the probing for a key begins; any number of slots will do. */
function home(low: number, slots: number): number {
  return Math.floor((low * slots) / 2 ** 32);
}

function place(shard: Shard, low: number, high: number): number {
  const { words, slots } = shard;
  let slot = home(low, slots);
  while (words[slot * recordWords] !== free) slot = slot + 1 === slots ? 0 : slot + 1;
  words[slot * recordWords] = low;
  words[slot * recordWords + 1] = high;
  shard.used++;
  return slot;
}
