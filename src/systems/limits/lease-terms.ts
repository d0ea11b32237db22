import type { Limit } from "./limiter.ts";

/** How long a stock may be held, and what is asked of the central limiter for it: leases.ts. */
export type Terms = { holdMs: number; central: Limit };

const holdMsMax = 10_000;
/** Where a hold time takes units from the burst, or makes the window longer. */
const dearHoldMsMax = 1_000;
/** Shorter than this, a stock ends before it is used. */
const holdMsMin = 10;
const holdShare = 0.1;

/**
 * Rules that units can be handed out for elsewhere. A queue needs one order, a place has a holder,
 * and a penalty must be known to all at once: these are asked centrally each time.
 */
export function isLeasable(limit: Limit): boolean {
  const { algorithm, penaltyMs } = limit;
  if (algorithm === "leaky_bucket" || algorithm === "concurrency" || penaltyMs > 0) return false;
  const { holdMs, central } = termsOf(limit, 1);
  return holdMs >= holdMsMin && central.burst >= 1;
}

const known = new WeakMap<Limit, Terms>();

/** A cost above the smaller bucket is asked with the whole burst. */
export function termsOf(limit: Limit, cost: number): Terms {
  let terms = known.get(limit);
  if (!terms) {
    terms = workOut(limit);
    known.set(limit, terms);
  }
  return cost > terms.central.burst ? { ...terms, central: limit } : terms;
}

function workOut(limit: Limit): Terms {
  const { algorithm, windowMs, burst } = limit;
  if (algorithm === "token_bucket") {
    const holdMs = hold((burst * windowMs) / limit.limit, dearHoldMsMax);
    const reserve = Math.ceil((holdMs * limit.limit) / windowMs);
    return { holdMs, central: { ...limit, burst: burst - reserve } };
  }
  if (algorithm === "quota") return { holdMs: holdMsMax, central: limit };
  if (algorithm !== "sliding_log") return { holdMs: hold(windowMs, holdMsMax), central: limit };
  const holdMs = hold(windowMs, dearHoldMsMax);
  return { holdMs, central: { ...limit, windowMs: windowMs + holdMs } };
}

function hold(windowMs: number, max: number): number {
  return Math.min(max, Math.floor(windowMs * holdShare));
}

/** Until the window in which units were charged at `at` ends; Infinity where windows have no end. */
export function windowLeftMs({ algorithm, windowMs }: Limit, at: number): number {
  if (algorithm === "token_bucket" || algorithm === "sliding_log") return Number.POSITIVE_INFINITY;
  if (algorithm !== "quota") return windowMs - (at % windowMs);
  const date = new Date(at);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1) - at;
}
