import type { Limit } from "../limiter.ts";
import { noDelay, unitsMax, type Cell, type Counting } from "./counting.ts";
import type { LogEntries } from "./log-entries.ts";

/**
 * Every admitted unit is remembered for a window; admitted when the units in (now - window, now]
 * and the cost are within the limit. The only one that is exact for every window of time, at 24
 * bytes for each millisecond in which a key was charged.
 *
 * The same log counts concurrency: a place is a unit, freed by a refund or, when its holder never
 * says a word again, after the window, which is then its lease. A refund takes the latest units:
 * were it the oldest, each finished call would renew the lease of a lost one, which would never
 * end on a busy key.
 *
 * Cell: a, b = first and last entry; c = units in the log.
 */
export function slidingLog(entries: LogEntries): Counting {
  /** After a change at either end of the log. */
  const ended = (cell: Cell, limit: Limit) => {
    if (cell.a === 0) cell.b = cell.freeAt = 0;
    else cell.freeAt = entries.at(cell.b) + limit.windowMs;
  };
  return {
    settle(cell, limit, now) {
      if (cell.a === 0) return false;
      // What left the window that it was counted in does not come back into a longer one.
      const windowMs = Math.min(limit.windowMs, cell.freeAt - entries.at(cell.b));
      while (cell.a !== 0 && entries.at(cell.a) + windowMs <= now) {
        cell.c -= entries.cost(cell.a);
        cell.a = entries.dropFirst(cell.a);
      }
      ended(cell, limit);
      return true;
    },
    admits: (cell, limit, cost) => cell.c + cost <= limit.limit,
    charge(cell, limit, cost, now) {
      const units = Math.min(cost, unitsMax - cell.c);
      if (units === 0) return;
      if (cell.b !== 0 && entries.at(cell.b) === now) {
        entries.setCost(cell.b, entries.cost(cell.b) + units);
      } else {
        cell.b = entries.append(cell.b, now, units);
        if (cell.a === 0) cell.a = cell.b;
      }
      cell.c += units;
      ended(cell, limit);
    },
    refund(cell, limit, cost) {
      let left = Math.min(cost, cell.c);
      cell.c -= left;
      for (; left > 0 && entries.cost(cell.b) <= left; cell.b = entries.dropLast(cell.b)) {
        left -= entries.cost(cell.b);
      }
      if (cell.b === 0) cell.a = 0;
      else if (left > 0) entries.setCost(cell.b, entries.cost(cell.b) - left);
      ended(cell, limit);
    },
    remaining: (cell, limit) => Math.max(0, limit.limit - cell.c),
    resetMs: (cell, _limit, now) => Math.max(0, cell.freeAt - now),
    retryAfterMs(cell, limit, cost, now) {
      let over = cell.c + cost - limit.limit;
      let leaves = now;
      for (let entry = cell.a; over > 0 && entry !== 0; entry = entries.next(entry)) {
        over -= entries.cost(entry);
        leaves = entries.at(entry) + limit.windowMs;
      }
      return leaves - now;
    },
    delayMs: noDelay,
  };
}

/** Forgets the log of a key that is dropped. */
export function releaseLog(entries: LogEntries, first: number): void {
  for (let entry = first; entry !== 0;) entry = entries.dropFirst(entry);
}
