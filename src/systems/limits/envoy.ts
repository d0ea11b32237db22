import { Recent } from "../../platform/cache/cache.ts";
import type { Counter, Metrics } from "../../platform/metrics/metrics.ts";
import { ofTier, type Compiled } from "./compile.ts";
import type { Decider, Outcome, Question } from "./decide.ts";
import { isKeyedBy, readEntries } from "./envoy-names.ts";
import { never, responseOf, type Place } from "./envoy-response.ts";
import type { Entry, RateLimitRequest, RateLimitResponse } from "./envoy-wire.ts";
import type { HeadersOf } from "./headers.ts";
import type { Refusals } from "./refusals.ts";
import type { RuleBook } from "./rule-book.ts";
import { select, type Asked, type Selection } from "./selection.ts";
import { subjectOf } from "./subject.ts";

/**
 * Answers Envoy and its kin by the rules. All descriptors of a request are one question: when one
 * is over its limit none is charged.
 */
export type EnvoyDeps = {
  book: RuleBook;
  decider: Decider;
  refusals: Refusals;
  headersOf: HeadersOf;
  metrics: Metrics;
};

const question: Question = { route: "envoy", writing: true, cost: null };
const shapesMax = 10_000;

/** A request in terms of rules. */
type Plan = {
  selection: Selection;
  /** What `selection` asks and charges. */
  charged: Place[];
  /** What is only asked. */
  looked: Place[];
  /** Deny lists, and who wants more than the rule could ever allow: no limiter is asked. */
  hopeless: Place[];
};

export class EnvoyLimits {
  private readonly deps: EnvoyDeps;
  private readonly unmatched: Counter;
  private readonly shapes = new Recent<readonly Compiled[]>(shapesMax);
  private generation = -1;

  constructor(deps: EnvoyDeps) {
    this.deps = deps;
    const help = "Descriptors of proxies that no rule concerns.";
    this.unmatched = deps.metrics.counter("stoa_limits_envoy_unmatched_total", help);
  }

  async shouldRateLimit(request: RateLimitRequest): Promise<RateLimitResponse> {
    const { decider, headersOf } = this.deps;
    const plan = this.plan(request);
    const { selection, charged, looked, hopeless } = plan;
    const refused = [...hopeless, ...(await this.look(looked))];
    for (const place of refused) this.count(place);
    // A request that does not pass charges nothing.
    const outcome = await (refused.length > 0
      ? decider.peek(selection, question)
      : decider.take(selection, question));
    keepAnswers(charged, outcome);
    return responseOf({
      allowed: refused.length === 0 && outcome.allowed,
      places: [...charged, ...looked, ...hopeless],
      descriptors: request.descriptors.length,
      headersOf,
    });
  }

  /** Which of them have nothing left. */
  private async look(looked: Place[]): Promise<Place[]> {
    if (looked.length === 0) return [];
    keepAnswers(looked, await this.deps.decider.peek(asking(looked), question));
    return looked.filter(({ answer }) => answer?.allowed === false);
  }

  private count({ compiled, key }: Asked): void {
    compiled.counts.refused.value++;
    this.deps.refusals.record({ rule: compiled.name, route: question.route, key, shadow: false });
  }

  private plan({ domain, descriptors, hits }: RateLimitRequest): Plan {
    const selection = asking([]);
    const places: Place[] = [];
    const hopeless: Place[] = [];
    for (const [index, descriptor] of descriptors.entries()) {
      const found = this.selectionFor(domain, descriptor.entries);
      if (found === null) {
        this.unmatched.value++;
        continue;
      }
      const cost = descriptor.hits ?? hits;
      const place = (one: Asked): Place => ({
        ...costing(one, cost),
        ...{ descriptors: [index], answer: null },
      });
      if (found.denied) hopeless.push({ ...place(found.denied), answer: never });
      if (found.denied || found.exempt) continue;
      selection.shadowDenied.push(...found.shadowDenied);
      if (cost !== 0) selection.shadows.push(...found.shadows.map((one) => costing(one, cost)));
      for (const one of found.asked) addPlace(places, place(one));
    }
    const looked = places.filter(({ cost }) => cost === 0);
    for (const one of places.filter((place) => !isPossible(place))) {
      hopeless.push({ ...one, answer: never });
    }
    const charged = places.filter((place) => place.cost > 0 && isPossible(place));
    for (const place of looked) place.cost = 1;
    selection.asked.push(...charged);
    return { selection, charged, looked, hopeless };
  }

  /** Null when no rule concerns it. */
  private selectionFor(domain: string, entries: readonly Entry[]): Selection | null {
    const reading = readEntries(domain, entries);
    if (reading === null) return null;
    const { policy, parts } = reading;
    const subject = subjectOf(parts);
    const rules = this.rulesFor(policy, Object.keys(parts));
    const found = rules.filter(({ rule }) => ofTier(rule, subject.tier));
    return found.length === 0 ? null : select(found, subject);
  }

  /** Of a policy those whose key is made of these parts; worked out once until rules change. */
  private rulesFor(policy: string, names: string[]): readonly Compiled[] {
    const { book } = this.deps;
    if (this.generation !== book.generation) {
      this.generation = book.generation;
      this.shapes.clear();
    }
    const shape = `${policy} ${names.join(" ")}`;
    let rules = this.shapes.get(shape);
    if (rules === undefined) {
      rules = (book.named(policy) ?? []).filter((compiled) => isKeyedBy(compiled, names));
      this.shapes.set(shape, rules);
    }
    return rules;
  }
}

/** One counter is asked once, also where two descriptors of a request mean it. */
function addPlace(places: Place[], place: Place): void {
  const same = places.find(({ compiled, key }) => compiled === place.compiled && key === place.key);
  if (!same) {
    places.push(place);
    return;
  }
  same.cost += place.cost;
  same.descriptors.push(...place.descriptors);
}

function costing({ compiled, key }: Asked, cost: number | null): Required<Asked> {
  return { compiled, key, cost: cost ?? compiled.rule.cost };
}

function isPossible({ compiled: { rule }, cost }: Place): boolean {
  return cost <= (rule.burst ?? rule.limit);
}

function asking(asked: Asked[]): Selection {
  return { asked, shadows: [], shadowDenied: [], denied: null, exempt: false };
}

/** Where nobody could be asked and a rule is closed then, all are refused. */
function keepAnswers(places: Place[], { answers, allowed }: Outcome): void {
  for (const [i, place] of places.entries()) place.answer = answers[i] ?? (allowed ? null : never);
}
