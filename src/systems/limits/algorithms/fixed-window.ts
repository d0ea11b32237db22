import type { Limit } from "../limiter.ts";
import { noDelay, unitsMax, type Counting } from "./counting.ts";

/**
 * Units are counted in windows that follow each other, aligned to multiples of `windowMs` since
 * 1970; admitted when `count + cost <= limit`. Cheap and simple to explain, and lets up to twice
 * the limit pass around the edge of two windows: that is its definition.
 *
 * When the window is edited, what the old one still counts is counted in the new one.
 *
 * Cell: a = units in the window that ends at `freeAt`.
 */
export const fixedWindow = windows((limit, now) => now - (now % limit.windowMs) + limit.windowMs);

/** The same over calendar months of UTC; `windowMs` is not looked at. */
export const quota = windows((_limit, now) => monthEnd(now));

function windows(endOf: (limit: Limit, now: number) => number): Counting {
  return {
    settle(cell, limit, now) {
      const end = endOf(limit, now);
      if (cell.freeAt <= now) cell.a = 0;
      const edited = cell.a > 0 && cell.freeAt !== end;
      cell.freeAt = end;
      return edited;
    },
    admits: (cell, limit, cost) => cell.a + cost <= limit.limit,
    charge(cell, _limit, cost) {
      cell.a = Math.min(unitsMax, cell.a + cost);
    },
    refund(cell, _limit, cost) {
      cell.a = Math.max(0, cell.a - cost);
    },
    remaining: (cell, limit) => Math.max(0, limit.limit - cell.a),
    resetMs: (cell, _limit, now) => (cell.a === 0 ? 0 : cell.freeAt - now),
    retryAfterMs: (cell, limit, cost, now) =>
      cell.a + cost <= limit.limit ? 0 : cell.freeAt - now,
    delayMs: noDelay,
  };
}

/** Remembered, since millions of questions fall into one month. */
let month = { start: 0, end: 0 };

function monthEnd(now: number): number {
  if (now < month.start || now >= month.end) {
    const date = new Date(now);
    const [year, index] = [date.getUTCFullYear(), date.getUTCMonth()];
    month = { start: Date.UTC(year, index), end: Date.UTC(year, index + 1) };
  }
  return month.end;
}
