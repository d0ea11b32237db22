import type { Metrics } from "../../platform/metrics/metrics.ts";
import { chargesOf, type Decider, type Question } from "./decide.ts";
import type { Outcome } from "./outcome.ts";
import { asking, Planner } from "./envoy-plan.ts";
import { never, responseOf, type Place } from "./envoy-response.ts";
import type { RateLimitRequest, RateLimitResponse } from "./envoy-wire.ts";
import type { HeadersOf } from "./headers.ts";
import type { Refusals } from "./refusals.ts";
import type { RuleBook } from "./rule-book.ts";
import type { Asked } from "./selection.ts";

/**
 * Answers Envoy and its kin by the rules. All descriptors of a request are one question: when one
 * is over its limit none is charged. What a request gives back was charged by others before it, so
 * that comes first and whatever becomes of the rest.
 */
export type EnvoyDeps = {
  book: RuleBook;
  decider: Decider;
  refusals: Refusals;
  headersOf: HeadersOf;
  metrics: Metrics;
};

const question: Question = { route: "envoy", writing: true, cost: null };

export class EnvoyLimits {
  private readonly deps: EnvoyDeps;
  private readonly planner: Planner;

  constructor(deps: EnvoyDeps) {
    this.deps = deps;
    this.planner = new Planner(deps);
  }

  async shouldRateLimit(request: RateLimitRequest): Promise<RateLimitResponse> {
    const { decider, headersOf } = this.deps;
    const { selection, charged, looked, refunded, hopeless } = this.planner.plan(request);
    const told = refunded.filter(({ compiled }) => !compiled.shadow);
    if (refunded.length > 0) await this.giveBack(refunded, told);
    const refused = [...hopeless, ...(await this.look(looked))];
    for (const place of refused) this.count(place);
    // A request that does not pass charges nothing.
    const outcome = await (refused.length > 0
      ? decider.peek(selection, question)
      : decider.take(selection, question));
    keepAnswers(charged, outcome);
    return responseOf({
      allowed: refused.length === 0 && outcome.allowed,
      places: [...charged, ...looked, ...told, ...hopeless],
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

  /** Nobody is refused for giving back. What Redis does not hear of stays used. */
  private async giveBack(refunded: Place[], told: Place[]): Promise<void> {
    const { decider } = this.deps;
    const charges = chargesOf(refunded, question).filter(({ cost }) => cost > 0);
    if (charges.length > 0) await Promise.resolve(decider.limiter.refund(charges)).catch(noop);
    const one = told.map((place) => ({ ...place, cost: 1 }));
    const { answers } = await decider.peek(asking(one), question);
    for (const [i, place] of told.entries()) {
      const answer = answers[i];
      if (answer) place.answer = { ...answer, allowed: true, retryAfterMs: 0 };
    }
  }

  private count({ compiled, key }: Asked): void {
    compiled.counts.refused.value++;
    this.deps.refusals.record({ rule: compiled.name, route: question.route, key, shadow: false });
  }
}

/** Where nobody could be asked and a rule is closed then, all are refused. */
function keepAnswers(places: Place[], { answers, allowed }: Outcome): void {
  for (const [i, place] of places.entries()) place.answer = answers[i] ?? (allowed ? null : never);
}

function noop(): void {}
