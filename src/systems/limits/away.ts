import type { Counter, Metrics } from "../../platform/metrics/metrics.ts";
import { StateAwayError } from "../../platform/state/state.ts";
import type { Answer, Charge, Decision } from "./limiter.ts";
import type { LonePlaces } from "./lone-places.ts";
import type { MemoryLimiter } from "./memory.ts";
import { unasked } from "./parts.ts";

/**
 * What is answered of rules that need Redis while it is away. A question is refused if one of them
 * is `closed`. Else this process counts alone, so an `open` rule lets at most its limit through
 * once more per process and outage. What was counted alone is not told afterwards, but for places
 * that are still held.
 */
export class Away {
  private readonly memory: MemoryLimiter;
  private readonly places: LonePlaces;
  private readonly refused: Counter;
  private readonly counted: Counter;

  constructor(options: { memory: MemoryLimiter; places: LonePlaces; metrics: Metrics }) {
    this.memory = options.memory;
    this.places = options.places;
    const counter = (outcome: string) => {
      const help = "Questions while shared state was away.";
      return options.metrics.counter("stoa_limits_away_total", help, { outcome });
    };
    this.refused = counter("refused");
    this.counted = counter("counted");
  }

  /** Of a question that failed with this error. */
  take(charges: readonly Charge[], error: unknown): Decision {
    const refusal = this.refusal(charges, error);
    if (refusal) return refusal;
    this.counted.add();
    const decision = this.memory.take(charges);
    if (decision.allowed) this.places.note(charges);
    return decision;
  }

  /** Null when none is closed; an error that says anything else is thrown on. */
  refusal(charges: readonly Charge[], error: unknown): Decision | null {
    if (!(error instanceof StateAwayError)) throw error;
    if (!charges.some(isClosed)) return null;
    this.refused.add();
    const answers = charges.map((charge) => (isClosed(charge) ? closedAnswer : unasked(charge)));
    return { allowed: false, answers };
  }
}

function isClosed({ limit }: Charge): boolean {
  return limit.onFailure === "closed";
}

/** Shared state is tried again well within a second. */
export const closedAnswer: Answer = {
  ...{ allowed: false, remaining: 0, resetMs: 1_000, retryAfterMs: 1_000, delayMs: 0 },
};
