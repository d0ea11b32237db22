import type { Counter, Metrics } from "../../platform/metrics/metrics.ts";
import { StateAwayError } from "../../platform/state/state.ts";
import type { Answer, Charge, Decision } from "./limiter.ts";
import type { LocalCounts } from "./local.ts";
import type { MemoryLimiter } from "./memory.ts";
import { join, partsOf, unasked, wayOf, type Part } from "./parts.ts";

/**
 * What is answered while Redis is away. A question is refused if one of its rules needs Redis and
 * is `closed`. Else this process counts alone, so an `open` rule lets at most its limit through
 * once more per process and outage. What was counted alone is not told afterwards.
 */
export class Away {
  private readonly memory: MemoryLimiter;
  private readonly local: LocalCounts;
  private readonly refused: Counter;
  private readonly counted: Counter;

  constructor(options: { memory: MemoryLimiter; local: LocalCounts; metrics: Metrics }) {
    this.memory = options.memory;
    this.local = options.local;
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
    const decided: { part: Part; decision: Decision }[] = [];
    for (const part of partsOf(charges)) {
      const decision = this.counterOf(part).take(part.charges);
      if (!decision.allowed) {
        for (const { part: before } of decided) this.counterOf(before).refund(before.charges);
      }
      decided.push({ part, decision });
      if (!decision.allowed) break;
    }
    return join(charges, decided);
  }

  /** Null when no rule that needs Redis is closed without it; any other error is thrown on. */
  refusal(charges: readonly Charge[], error: unknown): Decision | null {
    if (!(error instanceof StateAwayError)) throw error;
    if (!charges.some(isClosed)) return null;
    this.refused.add();
    const answers = charges.map((charge) => (isClosed(charge) ? closedAnswer : unasked(charge)));
    return { allowed: false, answers };
  }

  private counterOf({ way }: Part): MemoryLimiter | LocalCounts {
    return way === "local" ? this.local : this.memory;
  }
}

function isClosed({ limit }: Charge): boolean {
  return limit.onFailure === "closed" && wayOf(limit) !== "local";
}

/** Shared state is tried again well within a second. */
const closedAnswer: Answer = {
  ...{ allowed: false, remaining: 0, resetMs: 1_000, retryAfterMs: 1_000, delayMs: 0 },
};
