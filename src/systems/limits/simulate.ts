import type { Algorithm, Limit } from "./limiter.ts";
import { MemoryLimiter } from "./memory.ts";

/** Traffic to try a rule against; times are milliseconds from any start that windows divide. */
export type Arrival = { at_ms: number; cost: number };

/** What became of an arrival. An allowed one goes on after `delay_ms`. */
export type Outcome = {
  at_ms: number;
  cost: number;
  allowed: boolean;
  delay_ms: number;
  remaining: number;
  /** Null when it would never pass. */
  retry_after_ms: number | null;
};

/** Those that differ in what they let through of one traffic. */
export const shapes = [
  "fixed_window",
  "sliding_log",
  "sliding_window",
  "token_bucket",
  "leaky_bucket",
] as const satisfies readonly Algorithm[];

/**
 * What each of the five algorithms would let through, with this rule's numbers, of arrivals in
 * order of time. It is the limiter itself that answers, on a clock of its own.
 */
export function simulate(
  limit: Limit,
  arrivals: readonly Arrival[],
): Record<(typeof shapes)[number], Outcome[]> {
  const outcomesOf = (algorithm: Algorithm) => outcomes(limitAs(limit, algorithm), arrivals);
  return {
    fixed_window: outcomesOf("fixed_window"),
    sliding_log: outcomesOf("sliding_log"),
    sliding_window: outcomesOf("sliding_window"),
    token_bucket: outcomesOf("token_bucket"),
    leaky_bucket: outcomesOf("leaky_bucket"),
  };
}

/** Only a token bucket has a capacity of its own. */
function limitAs(limit: Limit, algorithm: Algorithm): Limit {
  const burst = algorithm === "token_bucket" ? limit.burst : limit.limit;
  return { ...limit, algorithm, burst };
}

function outcomes(limit: Limit, arrivals: readonly Arrival[]): Outcome[] {
  let now = 0;
  const clock = { now: () => now, monotonic: () => now, sleep: () => Promise.resolve() };
  const limiter = new MemoryLimiter({ clock, keysMax: 2, logEntriesMax: arrivals.length + 1 });
  return arrivals.map(({ at_ms, cost }) => {
    now = Math.max(now, at_ms);
    if (cost > limit.burst) {
      const { remaining } = limiter.peek([{ limit, key: "", cost: 1 }]).answers[0]!;
      return { at_ms, cost, allowed: false, delay_ms: 0, remaining, retry_after_ms: null };
    }
    const allowed = limiter.takeOne(limit, "", cost);
    const { delayMs, remaining, retryAfterMs } = limiter;
    return { at_ms, cost, allowed, delay_ms: delayMs, remaining, retry_after_ms: retryAfterMs };
  });
}
