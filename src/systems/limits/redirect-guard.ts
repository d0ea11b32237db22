import type { AppError } from "../../platform/errors/errors.ts";
import { guards, type Compiled } from "./compile.ts";
import type { Decider } from "./decide.ts";
import type { Outcome } from "./outcome.ts";
import { nameOf, subjectOfCall } from "./guard.ts";
import type { Limit, Limiter } from "./limiter.ts";
import { refusalOf } from "./refusal.ts";
import { redirectRoute } from "./route-pattern.ts";
import type { RuleBook } from "./rule-book.ts";
import { anonymousTier } from "./rules.ts";
import { select } from "./selection.ts";
import type { Subject } from "./subject.ts";

/**
 * The guard of short links, which are answered without a promise where that can be. Each visit is
 * charged once: what `passes` could not let through at once, `refusal` decides to the end.
 * Answers to visitors carry no counts, as making them would cost more than the decision.
 */
export type RedirectGuard = {
  /** Decides in place. False: refused, or not to be said at once; ask `refusal` then. */
  passes(address: string): boolean;
  /** Null lets the visitor go on, after the wait of a leaky bucket; else what to answer. */
  refusal(address: string): Promise<AppError | null>;
};

export type RedirectGuardDeps = {
  book: RuleBook;
  decider: Decider;
  sleep(ms: number): Promise<void>;
};

const question = { route: nameOf(redirectRoute), writing: false, cost: null };
/** Visits that `passes` left to `refusal` and that have not got there yet. */
const undecidedMax = 10_000;

/** What the returned function gives is null while no rule concerns short links. */
export function createRedirectGuard(deps: RedirectGuardDeps): () => RedirectGuard | null {
  let generation = -1;
  let current: RedirectGuard | null = null;
  return () => {
    if (generation !== deps.book.generation) {
      generation = deps.book.generation;
      current = guardOf(deps);
    }
    return current;
  };
}

function guardOf({ book, decider, sleep }: RedirectGuardDeps): RedirectGuard | null {
  const rules = book.rules.filter(isAsked);
  if (rules.length === 0) return null;
  const undecided = new Map<string, (Outcome | Promise<Outcome>)[]>();
  const at = { tier: anonymousTier, route: question.route };
  const takeLean = leanly(rules, decider.limiter);

  const take = (address: string) =>
    decider.take(select(rules, subjectOfCall(null, address, at)), question);

  function leave(address: string, outcome: Outcome | Promise<Outcome>): void {
    // Connections may close between the two; what they left behind was charged all the same.
    if (undecided.size >= undecidedMax) undecided.clear();
    undecided.set(address, [...(undecided.get(address) ?? []), outcome]);
  }

  function takeLeft(address: string): Outcome | Promise<Outcome> | undefined {
    const left = undecided.get(address);
    const outcome = left?.shift();
    if (left?.length === 0) undecided.delete(address);
    return outcome;
  }

  return {
    passes(address) {
      // Of a refusal nothing is charged, so that `refusal` may ask once more.
      if (takeLean !== null) return takeLean(subjectOfCall(null, address, at));
      const outcome = take(address);
      if (!(outcome instanceof Promise) && outcome.allowed && outcome.delayMs === 0) return true;
      leave(address, outcome);
      return false;
    },
    async refusal(address) {
      const outcome = await (takeLeft(address) ?? take(address));
      if (outcome.allowed && outcome.delayMs > 0) await sleep(outcome.delayMs);
      return refusalOf(outcome);
    },
  };
}

/**
 * Plain rules that allow, decided in place, which is what becomes of nearly every visit: the same
 * as `take`, without what else may be the case, and with nothing made anew but the keys.
 */
function leanly(rules: readonly Compiled[], limiter: Limiter) {
  if (!limiter.takeAll || !rules.every(isPlain)) return null;
  const plain = rules.map(({ reading, rule, keyOf, counts }) => {
    return { keyOf, counts, limit: reading as Limit, key: "", cost: rule.cost };
  });
  const charges: typeof plain = [];
  return (subject: Subject): boolean => {
    charges.length = 0;
    for (const charge of plain) {
      const key = charge.keyOf(subject);
      if (key === null) continue;
      charge.key = key;
      charges.push(charge);
    }
    if (!limiter.takeAll?.(charges)) return false;
    for (const { counts } of charges) counts.allowed.value++;
    return true;
  };
}

function isPlain({ reading, shadow, allow, deny }: Compiled): boolean {
  if (reading === null || shadow || allow !== null || deny !== null) return false;
  return reading.algorithm !== "leaky_bucket";
}

/** A redirect is over before another could meet it, so counting those at once says nothing. */
function isAsked(compiled: Compiled): boolean {
  const { algorithm } = compiled.rule;
  return algorithm !== "concurrency" && guards(compiled, redirectRoute, anonymousTier);
}
