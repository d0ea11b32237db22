import type { Clock } from "../../platform/clock/clock.ts";
import type { Db } from "../../platform/db/db.ts";
import type { Log } from "../../platform/log/log.ts";
import type { Counter, Metrics } from "../../platform/metrics/metrics.ts";
import { Frequent } from "./frequent.ts";
import { addRefusals, deleteOldRefusals, trimKeys } from "./refusal-store.ts";

/**
 * Who was refused, by what and where. A refusal is one addition in memory; every few seconds what
 * came together is added to the database, so that the numbers are those of all processes. What is
 * in memory is bounded: routes and rules by their number, keys by a sketch of the most frequent.
 */
export type Refusal = { rule: string; route: string; key: string; shadow: boolean };

export type RefusalsDeps = { db: Db; clock: Clock; log: Log; metrics: Metrics };

export type Minute = { at: number; rule: string; route: string; shadow: boolean; refused: number };
export type RefusedKey = { at: number; rule: string; key: string; refused: number };

const flushMs = 5_000;
const minuteMs = 60_000;
const hourMs = 3_600_000;
const dayMs = 86_400_000;
const seriesMax = 10_000;
/** Keys watched between two flushes, and how many of them are written down. */
const keysWatched = 1_000;
const keysKept = 20;
const keyLengthMax = 200;
export const refusalDaysKept = 30;
/** Of each rule and past hour. */
const keysPerHourKept = 100;
const separator = "\n";

export class Refusals {
  private readonly deps: RefusalsDeps;
  private readonly stopping = new AbortController();
  private minutes = new Map<string, Minute>();
  private keys = new Frequent(keysWatched);
  private readonly counters = new Map<string, Counter>();
  private writing: Promise<void> | null = null;
  private running: Promise<void> | null = null;

  constructor(deps: RefusalsDeps) {
    this.deps = deps;
  }

  record({ rule, route, key, shadow }: Refusal): void {
    const at = Math.floor(this.deps.clock.now() / minuteMs) * minuteMs;
    const name = `${at} ${rule} ${route} ${shadow}`;
    const known = this.minutes.get(name);
    if (known) known.refused++;
    else if (this.minutes.size < seriesMax) {
      this.minutes.set(name, { at, rule, route, shadow, refused: 1 });
    }
    this.counterOf(rule, route, shadow).value++;
    if (!shadow) this.keys.add(rule + separator + key.slice(0, keyLengthMax));
  }

  private counterOf(rule: string, route: string, shadow: boolean): Counter {
    const name = `${rule} ${route} ${shadow}`;
    let counter = this.counters.get(name);
    if (!counter) {
      const help = "Refusals by rule and route; of a shadow rule what it would have refused.";
      const labels = { rule, route, mode: shadow ? "shadow" : "enforce" };
      counter = this.deps.metrics.counter("stoa_limits_refusals_total", help, labels);
      if (this.counters.size < seriesMax) this.counters.set(name, counter);
    }
    return counter;
  }

  start(): void {
    this.running = this.run();
  }

  private async run(): Promise<void> {
    const { clock, log } = this.deps;
    while (!this.stopping.signal.aborted) {
      await clock.sleep(flushMs, this.stopping.signal);
      await this.flush().catch((error: unknown) => {
        log.debug("refusals are written down later", { error });
      });
    }
  }

  /** Adds what was counted so far. On failure it stays in memory for the next time. */
  async flush(): Promise<void> {
    while (this.writing) await this.writing;
    this.writing = this.write().finally(() => {
      this.writing = null;
    });
    await this.writing;
  }

  private async write(): Promise<void> {
    if (this.minutes.size === 0) return;
    const { minutes, keys } = this;
    this.minutes = new Map();
    this.keys = new Frequent(keysWatched);
    const at = Math.floor(this.deps.clock.now() / hourMs) * hourMs;
    const top = keys.top(keysKept).map(({ key: name, count: refused }) => {
      const cut = name.indexOf(separator);
      return { at, rule: name.slice(0, cut), key: name.slice(cut + 1), refused };
    });
    try {
      await this.deps.db.write((tx) => addRefusals(tx, [...minutes.values()], top));
    } catch (error) {
      this.putBack(minutes, keys);
      throw error;
    }
  }

  private putBack(minutes: Map<string, Minute>, keys: Frequent): void {
    for (const [name, minute] of minutes) {
      const since = this.minutes.get(name);
      if (since) since.refused += minute.refused;
      else if (this.minutes.size < seriesMax) this.minutes.set(name, minute);
    }
    for (const { key, count } of keys.top(keysWatched)) this.keys.add(key, count);
  }

  /** Forgets what is old, and of each past hour all but the most refused keys. */
  async sweep(): Promise<void> {
    const { db, clock } = this.deps;
    const before = new Date(clock.now() - refusalDaysKept * dayMs);
    await db.write(async (tx) => {
      await deleteOldRefusals(tx, before);
      await trimKeys(tx, new Date(clock.now() - hourMs), keysPerHourKept);
    });
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
    await this.flush().catch(() => {});
  }
}
