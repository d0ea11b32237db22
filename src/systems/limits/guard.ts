import type { Principal } from "../../platform/auth/principal.ts";
import { addressGroup } from "../../platform/http/address.ts";
import type { Guard, GuardedCall, Passage } from "../../platform/http/guard.ts";
import { guards, type Compiled } from "./compile.ts";
import type { Decider, Question } from "./decide.ts";
import type { Outcome } from "./outcome.ts";
import type { HeadersOf } from "./headers.ts";
import { rulesPath } from "./http.ts";
import type { Charge } from "./limiter.ts";
import { refusalOf } from "./refusal.ts";
import type { RouteName } from "./route-pattern.ts";
import type { RuleBook } from "./rule-book.ts";
import { anonymousTier } from "./rules.ts";
import { select } from "./selection.ts";
import type { Subject } from "./subject.ts";

/**
 * The guard in front of the API's routes. Which rules concern a route and a tier is worked out
 * once until the rules change, so a call that no rule concerns costs two look-ups.
 */
export type GuardDeps = { book: RuleBook; decider: Decider; headersOf: HeadersOf };

type Soon<T> = T | Promise<T>;

export function createGuard({ book, decider, headersOf }: GuardDeps): Guard {
  const plans = createPlans(book);

  function passageOf(outcome: Outcome, holds: boolean): Passage | null {
    const { tightest, delayMs } = outcome;
    const refusal = refusalOf(outcome);
    if (tightest === null && refusal === null && !holds) return null;
    const release = holds ? () => void decider.giveBack(outcome, isPlace).catch(noop) : null;
    return { headers: tightest ? headersOf(tightest) : {}, refusal, delayMs, release };
  }

  return (call): Soon<Passage | null> => {
    const { route, caller } = call;
    const tier = caller?.tier ?? anonymousTier;
    const { rules, question, holds } = plans(route, tier);
    if (rules.length === 0 || isRescue(call)) return null;
    const subject = subjectOfCall(caller, call.address, { tier, route: question.route });
    const outcome = decider.take(select(rules, subject), question);
    if (!(outcome instanceof Promise)) return passageOf(outcome, holds);
    return outcome.then((settled) => passageOf(settled, holds));
  };
}

function isPlace({ limit }: Charge): boolean {
  return limit.algorithm === "concurrency";
}

/** A rule that refuses everybody everything can still be mended. */
function isRescue({ route, caller }: GuardedCall): boolean {
  return caller?.role === "admin" && route.path.startsWith(rulesPath);
}

export function nameOf({ method, path }: RouteName): string {
  return `${method} ${path}`;
}

/** What is known of who sends a request. */
export function subjectOfCall(
  caller: Pick<Principal, "account_id" | "credential_id" | "kind"> | null,
  address: string,
  { tier, route }: { tier: string; route: string },
): Subject {
  // Spelled out here, as it is on the way of every call.
  const parts = {
    api_key: caller?.kind === "key" ? caller.credential_id : undefined,
    user: caller?.account_id,
    ip: addressGroup(address),
    tier,
    route,
  };
  return { parts, address, tier };
}

type Plan = {
  rules: readonly Compiled[];
  question: Question;
  /** Whether a rule gives a call a place, which it gives back at its end. */
  holds: boolean;
};

/** The rules of each route and tier, kept until the rules change. */
function createPlans(book: RuleBook) {
  let generation = -1;
  let byRoute = new Map<RouteName, Map<string, Plan>>();
  return (route: RouteName, tier: string): Plan => {
    if (generation !== book.generation) {
      generation = book.generation;
      byRoute = new Map();
    }
    let byTier = byRoute.get(route);
    if (!byTier) {
      byTier = new Map();
      byRoute.set(route, byTier);
    }
    let plan = byTier.get(tier);
    if (!plan) {
      const rules = book.rules.filter((compiled) => guards(compiled, route, tier));
      const question = { route: nameOf(route), writing: route.method !== "GET", cost: null };
      const holds = rules.some(({ rule }) => rule.algorithm === "concurrency");
      plan = { rules, question, holds };
      byTier.set(tier, plan);
    }
    return plan;
  };
}

function noop(): void {}
