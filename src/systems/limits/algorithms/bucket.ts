import type { Limit } from "../limiter.ts";
import type { Cell, Counting } from "./counting.ts";

/**
 * Token bucket and leaky bucket are one state seen from two sides: how much is owed. It drains at
 * `limit` units per window; the two differ in how much may be owed before a cost is added. This is
 * GCRA, whose one time is `freeAt`, the moment when nothing is owed.
 *
 * That moment is a fraction of a millisecond, so time is counted in ticks: a millisecond is
 * `limit` ticks and a unit is `windowMs` ticks, both whole, and nothing is ever rounded. A time
 * as a floating-point number of milliseconds was rejected: at 3 per second it errs, and a caller
 * that waits exactly as told is refused now and then.
 *
 * Cell: a = ticks by which nothing is owed before `freeAt`; b, c = the `limit` and `windowMs` that
 * ticks were counted in.
 */
export function bucket(room: (limit: Limit, cost: number) => number): Omit<Counting, "delayMs"> {
  return {
    settle(cell, limit, now) {
      if (cell.b === limit.limit && cell.c === limit.windowMs) return false;
      const ticks = owed(cell, now);
      // What drained until now drained at the old rate. Rounding up gives nothing away.
      owe(cell, limit, ticks === 0 ? 0 : Math.ceil((ticks * limit.windowMs) / cell.c), now);
      return ticks > 0;
    },
    admits: (cell, limit, cost, now) => owed(cell, now) <= room(limit, cost),
    charge(cell, limit, cost, now) {
      owe(cell, limit, owed(cell, now) + cost * limit.windowMs, now);
    },
    refund(cell, limit, cost, now) {
      owe(cell, limit, Math.max(0, owed(cell, now) - cost * limit.windowMs), now);
    },
    remaining(cell, limit, now) {
      const left = room(limit, 1) - owed(cell, now);
      return left < 0 ? 0 : Math.floor(left / limit.windowMs) + 1;
    },
    resetMs: (cell, _limit, now) => Math.max(0, cell.freeAt - now),
    retryAfterMs(cell, limit, cost, now) {
      return Math.max(0, Math.ceil((owed(cell, now) - room(limit, cost)) / limit.limit));
    },
  };
}

/** Ticks until nothing is owed. */
export function owed(cell: Cell, now: number): number {
  return cell.freeAt <= now ? 0 : (cell.freeAt - now) * cell.b - cell.a;
}

function owe(cell: Cell, limit: Limit, ticks: number, now: number): void {
  const ms = Math.ceil(ticks / limit.limit);
  cell.freeAt = now + ms;
  // Beyond 2^53 it may come out below zero.
  cell.a = Math.max(0, ms * limit.limit - ticks);
  cell.b = limit.limit;
  cell.c = limit.windowMs;
}
