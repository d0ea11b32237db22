import type { Limit } from "../limiter.ts";
import { bucket, owed } from "./bucket.ts";
import type { Counting } from "./counting.ts";

/**
 * A queue that drains at `limit` units per window. Whoever finds it empty goes at once, whatever
 * the cost. Anyone else waits until all units before are drained, and is refused when that is
 * longer than `waitMsMax` or when, with its own, more than `queueMax` units would be waiting. A
 * unit waits until its draining begins, so of n units owed, the one being drained does not.
 */
export const leakyBucket: Counting = {
  ...bucket(room),
  delayMs: (cell, limit, now) => Math.ceil(owed(cell, now) / limit.limit),
};

function room(limit: Limit, cost: number): number {
  const units = Math.max(0, limit.queueMax + 1 - cost);
  return Math.min(limit.waitMsMax * limit.limit, units * limit.windowMs);
}
