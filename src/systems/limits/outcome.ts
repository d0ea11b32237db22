import type { Compiled } from "./compile.ts";
import type { Answer, Charge, Decision } from "./limiter.ts";
import type { Asked } from "./selection.ts";

type Soon<T> = T | Promise<T>;

export type Said = { compiled: Compiled; key: string; answer: Answer };

export type Outcome = {
  allowed: boolean;
  /** Of a refusal the rule with the longest wait, else the one that would refuse first. */
  tightest: Said | null;
  /** What each asked rule said, in their order; none where no limiter was asked. */
  answers: readonly Answer[];
  /** What was charged, in case it is to be given back. */
  charges: readonly Charge[];
  /** What each shadow rule was charged; null where it would have refused. */
  shadows: readonly Soon<Charge | null>[];
  delayMs: number;
  denied: Asked | null;
  /** The limiter could not be asked and a rule is closed then. */
  unavailable: boolean;
};

export const passed: Outcome = {
  ...{ allowed: true, tightest: null, answers: [], charges: [], shadows: [], delayMs: 0 },
  ...{ denied: null, unavailable: false },
};

export function outcomeOf(
  asked: readonly Asked[],
  charges: Charge[],
  decision: Decision,
  shadows: Outcome["shadows"] = passed.shadows,
): Outcome {
  let tightest: Said | null = null;
  let delayMs = 0;
  for (let i = 0; i < asked.length; i++) {
    const answer = decision.answers[i] as Answer;
    if (answer.delayMs > delayMs) delayMs = answer.delayMs;
    if (tightest !== null && !isTighter(answer, tightest.answer)) continue;
    const { compiled, key } = asked[i] as Asked;
    tightest = { compiled, key, answer };
  }
  const { allowed } = decision;
  // Spelled out, as spreading takes longer than the decision.
  return {
    allowed,
    tightest,
    answers: decision.answers,
    charges: allowed ? charges : [],
    shadows,
    delayMs: allowed ? delayMs : 0,
    denied: null,
    unavailable: false,
  };
}

export function isTighter(a: Answer, b: Answer): boolean {
  if (a.allowed !== b.allowed) return !a.allowed;
  if (!a.allowed) return a.retryAfterMs > b.retryAfterMs;
  return a.remaining < b.remaining || (a.remaining === b.remaining && a.resetMs > b.resetMs);
}
