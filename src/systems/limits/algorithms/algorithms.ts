import type { Algorithm } from "../limiter.ts";
import type { Counting } from "./counting.ts";
import { fixedWindow, quota } from "./fixed-window.ts";
import { leakyBucket } from "./leaky-bucket.ts";
import type { LogEntries } from "./log-entries.ts";
import { slidingLog } from "./sliding-log.ts";
import { slidingWindow } from "./sliding-window.ts";
import { tokenBucket } from "./token-bucket.ts";

/** All of them; logs are kept in `entries`. */
export function countings(entries: LogEntries): Record<Algorithm, Counting> {
  const log = slidingLog(entries);
  return {
    fixed_window: fixedWindow,
    sliding_log: log,
    sliding_window: slidingWindow,
    token_bucket: tokenBucket,
    leaky_bucket: leakyBucket,
    quota,
    concurrency: log,
  };
}

export function keepsLog(algorithm: Algorithm): boolean {
  return algorithm === "sliding_log" || algorithm === "concurrency";
}
