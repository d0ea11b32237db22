import type { Principal } from "../../platform/auth/principal.ts";
import type { Guard, GuardedCall, Passage } from "../../platform/http/guard.ts";
import { guards, type Compiled } from "./compile.ts";
import { refusalOf, type Decider, type Outcome, type Question } from "./decide.ts";
import type { HeadersOf } from "./headers.ts";
import { rulesPath } from "./http.ts";
import type { RouteName } from "./route-pattern.ts";
import type { RuleBook } from "./rule-book.ts";
import { anonymousTier } from "./rules.ts";
import { select } from "./selection.ts";
import { subjectOf, type Subject } from "./subject.ts";

/**
 * The guard in front of the API's routes. Which rules concern a route and a tier is worked out
 * once until the rules change, so a call that no rule concerns costs two look-ups.
 */
export type GuardDeps = { book: RuleBook; decider: Decider; headersOf: HeadersOf };

type Soon<T> = T | Promise<T>;

export function createGuard({ book, decider, headersOf }: GuardDeps): Guard {
  const plans = createPlans(book);

  function passageOf(outcome: Outcome): Passage | null {
    const { tightest, charges, delayMs } = outcome;
    const refusal = refusalOf(outcome);
    if (tightest === null && refusal === null) return null;
    const held = charges.filter(({ limit }) => limit.algorithm === "concurrency");
    const release =
      held.length === 0
        ? null
        : () => void Promise.resolve(decider.limiter.refund(held)).catch(noop);
    return { headers: tightest ? headersOf(tightest) : {}, refusal, delayMs, release };
  }

  return (call): Soon<Passage | null> => {
    const { route, caller } = call;
    const tier = caller?.tier ?? anonymousTier;
    const rules = plans(route, tier);
    if (rules.length === 0 || isRescue(call)) return null;
    const subject = subjectOf(partsOf(caller, call.address, tier, nameOf(route)));
    const question: Question = {
      ...{ route: nameOf(route), writing: route.method !== "GET", cost: null },
    };
    const outcome = decider.take(select(rules, subject), question);
    return outcome instanceof Promise ? outcome.then(passageOf) : passageOf(outcome);
  };
}

/** A rule that refuses everybody everything can still be mended. */
function isRescue({ route, caller }: GuardedCall): boolean {
  return caller?.role === "admin" && route.path.startsWith(rulesPath);
}

export function nameOf({ method, path }: RouteName): string {
  return `${method} ${path}`;
}

/** What is known of who sends a request. */
export function partsOf(
  caller: Pick<Principal, "account_id" | "credential_id" | "kind"> | null,
  ip: string,
  tier: string,
  route: string,
): Subject["parts"] & Record<string, string | undefined> {
  return {
    api_key: caller?.kind === "key" ? caller.credential_id : undefined,
    user: caller?.account_id,
    ...{ ip, tier, route },
  };
}

/** The rules of each route and tier, kept until the rules change. */
export function createPlans(book: RuleBook) {
  let generation = -1;
  let byRoute = new Map<RouteName, Map<string, readonly Compiled[]>>();
  return (route: RouteName, tier: string): readonly Compiled[] => {
    if (generation !== book.generation) {
      generation = book.generation;
      byRoute = new Map();
    }
    let byTier = byRoute.get(route);
    if (!byTier) {
      byTier = new Map();
      byRoute.set(route, byTier);
    }
    let rules = byTier.get(tier);
    if (!rules) {
      rules = book.rules.filter((compiled) => guards(compiled, route, tier));
      byTier.set(tier, rules);
    }
    return rules;
  };
}

function noop(): void {}
