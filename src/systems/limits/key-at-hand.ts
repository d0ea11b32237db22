import { countings, keepsLog } from "./algorithms/algorithms.ts";
import { emptyCell, type Counting } from "./algorithms/counting.ts";
import { LogEntries } from "./algorithms/log-entries.ts";
import { releaseLog } from "./algorithms/sliding-log.ts";
import { Fingerprint, type HashKey } from "./fingerprint.ts";
import { KeyTable } from "./key-table.ts";
import type { Limit } from "./limiter.ts";

/** What is worked out once for a limit: how its keys are hashed and counted, and where they lie. */
export type Compiled = {
  limit: Limit;
  hashKey: HashKey;
  counting: Counting;
  table: KeyTable;
  /** The key asked last and its fingerprint: rules for everybody or a route have the same often. */
  key: string;
  low: number;
  high: number;
};

/** Turns a key's fingerprint into that of its penalty, which is a cell of its own. */
const penaltyMark = 0x9e3779b9;

/**
 * The live state of all keys, with one of them at hand: `turnTo` chooses it, `look` loads it and
 * the rest works on it. So a question hashes a key once and allocates nothing.
 */
export class KeyAtHand {
  low = 0;
  high = 0;
  /** After `look`: the settled cell, and until when a penalty holds, 0 for none. */
  readonly cell = emptyCell();
  blockedUntil = 0;

  readonly cells: KeyTable;
  readonly logs: KeyTable;
  readonly entries: LogEntries;
  private readonly countings: ReturnType<typeof countings>;
  private readonly compiled = new WeakMap<Limit, Compiled>();
  private readonly secret = randomKey();
  private readonly print = new Fingerprint();
  /** Where the cell came from, -1 for a key that was not there. */
  private slot = -1;
  /** No penalty lasts longer than this. */
  private penaltiesUntil = 0;

  constructor({ keysMax, logEntriesMax }: { keysMax: number; logEntriesMax: number }) {
    this.entries = new LogEntries(logEntriesMax);
    this.countings = countings(this.entries);
    this.cells = new KeyTable({ keysMax });
    this.logs = new KeyTable({ keysMax, onDrop: (first) => releaseLog(this.entries, first) });
  }

  turnTo(limit: Limit, key: string): Compiled {
    const rule = this.compiled.get(limit) ?? this.compile(limit);
    if (rule.key !== key) {
      this.print.of(rule.hashKey, key);
      rule.key = key;
      rule.low = this.print.low;
      rule.high = this.print.high;
    }
    this.low = rule.low;
    this.high = rule.high;
    return rule;
  }

  /** Loads and settles the cell under this rule, and says whether it admits the cost. */
  look({ limit, counting, table }: Compiled, cost: number, now: number): boolean {
    const { cell } = this;
    this.blockedUntil = now < this.penaltiesUntil ? this.penaltyEnd(now) : 0;
    this.slot = table.find(this.low, this.high);
    if (this.slot < 0) {
      cell.freeAt = cell.a = cell.b = cell.c = 0;
      counting.settle(cell, limit, now);
    } else {
      table.load(this.slot, cell);
      if (counting.settle(cell, limit, now)) table.store(this.slot, cell);
    }
    return this.blockedUntil === 0 && counting.admits(cell, limit, cost, now);
  }

  charge({ limit, counting, table }: Compiled, cost: number, now: number): void {
    counting.charge(this.cell, limit, cost, now);
    if (this.slot < 0) this.slot = table.add(this.low, this.high, now);
    table.store(this.slot, this.cell);
    // There is always an entry left for the next.
    while (this.entries.full && this.logs.size > 0) this.logs.makeRoom(now);
  }

  refund({ limit, counting, table }: Compiled, cost: number, now: number): void {
    if (this.slot < 0) return;
    counting.refund(this.cell, limit, cost, now);
    table.store(this.slot, this.cell);
  }

  /** Blocks the key, whatever its cell says. */
  block(until: number, now: number): void {
    const { cells, low } = this;
    const high = this.penaltyHigh();
    const found = cells.find(low, high);
    const slot = found < 0 ? cells.add(low, high, now) : found;
    cells.store(slot, { freeAt: until, a: 0, b: 0, c: 0 });
    this.blockedUntil = until;
    this.penaltiesUntil = Math.max(this.penaltiesUntil, until);
  }

  forget({ table }: Compiled): void {
    table.drop(table.find(this.low, this.high));
    this.cells.drop(this.cells.find(this.low, this.penaltyHigh()));
  }

  private penaltyEnd(now: number): number {
    const slot = this.cells.find(this.low, this.penaltyHigh());
    const until = slot < 0 ? 0 : this.cells.freeAt(slot);
    return until > now ? until : 0;
  }

  private penaltyHigh(): number {
    return this.high ^ penaltyMark;
  }

  private compile(limit: Limit): Compiled {
    this.print.of(this.secret, `${limit.algorithm} ${limit.id}`);
    const hashKey = { k0: this.print.low, k1: this.print.high };
    const counting = this.countings[limit.algorithm];
    const table = keepsLog(limit.algorithm) ? this.logs : this.cells;
    this.print.of(hashKey, "");
    const { low, high } = this.print;
    const rule = { ...{ limit, hashKey, counting, table }, key: "", low, high };
    this.compiled.set(limit, rule);
    return rule;
  }
}

function randomKey(): HashKey {
  const [k0, k1] = crypto.getRandomValues(new Int32Array(2));
  return { k0: k0!, k1: k1! };
}
