import type { Limit } from "../limiter.ts";
import { noDelay, unitsMax, type Cell, type Counting } from "./counting.ts";

/**
 * Two counters stand for a window that slides: those of the aligned window now and of the one
 * before, which counts by the share of it that the sliding window still covers. Admitted when
 * `previous * (1 - elapsed / window) + current + cost <= limit`. It takes the units before for
 * evenly spread; when they were not, it errs against the sliding log in either direction.
 *
 * When the window is edited, what the old one still counts, rounded up, is in the new one's
 * current count.
 *
 * Cell: `freeAt` = end of the next window; a = current, b = previous; c = `windowMs` of both.
 */
export const slidingWindow: Counting = {
  settle(cell, limit, now) {
    const { windowMs } = limit;
    let edited = false;
    if (cell.freeAt <= now) cell.a = cell.b = 0;
    else {
      if (cell.freeAt - cell.c <= now) {
        cell.freeAt += cell.c;
        cell.b = cell.a;
        cell.a = 0;
      }
      if (cell.c !== windowMs) {
        const before = (cell.b * (cell.freeAt - cell.c - now)) / cell.c;
        cell.a = Math.min(unitsMax, cell.a + Math.ceil(before));
        cell.b = 0;
        edited = true;
      }
    }
    cell.freeAt = now - (now % windowMs) + 2 * windowMs;
    cell.c = windowMs;
    return edited;
  },
  admits: (cell, limit, cost, now) => used(cell, now) + cost * cell.c <= limit.limit * cell.c,
  charge(cell, _limit, cost) {
    cell.a = Math.min(unitsMax, cell.a + cost);
  },
  refund(cell, _limit, cost) {
    const current = Math.min(cell.a, cost);
    cell.a -= current;
    cell.b = Math.max(0, cell.b - (cost - current));
  },
  remaining: (cell, limit, now) =>
    Math.max(0, Math.floor((limit.limit * cell.c - used(cell, now)) / cell.c)),
  resetMs(cell, _limit, now) {
    if (cell.a > 0) return cell.freeAt - now;
    return cell.b > 0 ? windowLeft(cell, now) : 0;
  },
  retryAfterMs(cell, limit, cost, now) {
    if (slidingWindow.admits(cell, limit, cost, now)) return 0;
    const room = limit.limit - cost;
    // Either enough of the window before slides out, or this one must become the one before.
    if (cell.a <= room) return windowLeft(cell, now) - stillCovered(cell.b, room - cell.a, cell.c);
    return cell.freeAt - now - stillCovered(cell.a, room, cell.c);
  },
  delayMs: noDelay,
};

/** Milliseconds of the aligned window to come. */
function windowLeft(cell: Cell, now: number): number {
  return cell.freeAt - cell.c - now;
}

/** Units that count now, times the window. */
function used(cell: Cell, now: number): number {
  return cell.b * windowLeft(cell, now) + cell.a * cell.c;
}

/** The most milliseconds of a window with so many units that leave no more than `room` counted. */
function stillCovered(units: number, room: number, windowMs: Limit["windowMs"]): number {
  return Math.floor((room * windowMs) / units);
}
