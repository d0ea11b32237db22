import type { Db } from "../../../platform/db/db.ts";
import { dayMs } from "./traits.ts";

/** Day partitions of raw clicks and orphans: made before their first row, pruned by retention. */
const pruneTimeoutMs = 600_000;

/** `day` is days since 1970. */
export function dayName(day: number): string {
  return new Date(day * dayMs).toISOString().slice(0, 10);
}

export function clicksPartition(day: number): string {
  return `links.clicks_${dayName(day).replaceAll("-", "")}`;
}

export class Partitions {
  private readonly db: Db;
  private readonly there = new Set<number>();
  private newest = Number.NEGATIVE_INFINITY;

  constructor(db: Db) {
    this.db = db;
  }

  async ensure(days: Iterable<number>): Promise<void> {
    for (const day of days) {
      this.newest = Math.max(this.newest, day);
      // Another process may have dropped an old day meanwhile.
      if (this.there.has(day) && day >= this.newest - 1) continue;
      await this.db.write((tx) => tx.run`SELECT links.ensure_click_day(${dayName(day)}::date)`);
      this.there.add(day);
    }
  }

  /** After an error, which may have been that a partition is gone. */
  forget(): void {
    this.there.clear();
  }

  /** Returns the days that were dropped. */
  async prune(now: number, keepDays: number): Promise<string[]> {
    const today = dayName(Math.floor(now / dayMs));
    const days = await this.db.all<{ day: string }>`
      SELECT to_date(right(relname, 8), 'YYYYMMDD')::text AS day
      FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
      WHERE inhparent = 'links.clicks'::regclass ORDER BY 1`;
    const dropped: string[] = [];
    for (const { day } of days) {
      const outcome = await this.db.write(
        (tx) => tx.one<{ outcome: string }>`
          SELECT links.prune_click_day(${day}::date, ${today}::date, ${keepDays}) AS outcome`,
        { statementTimeoutMs: pruneTimeoutMs, timeoutMs: pruneTimeoutMs },
      );
      if (outcome?.outcome === "dropped") dropped.push(day);
    }
    this.there.clear();
    return dropped;
  }
}
