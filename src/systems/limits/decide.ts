import type { Log } from "../../platform/log/log.ts";
import type { Answer, Charge, Decision, Limit, Limiter } from "./limiter.ts";
import { MemoryLimiter } from "./memory.ts";
import type { Refusals } from "./refusals.ts";
import { outcomeOf, passed, type Outcome } from "./outcome.ts";
import type { Asked, Selection } from "./selection.ts";

/**
 * From rules and a caller to one answer: lists first, then all that is enforced in one question
 * to the limiter, then each shadow rule in a question of its own, so that it neither refuses nor
 * charges for others. Answers are given in place where the limiter can, else as a promise.
 */
export type Question = {
  /** For the count of refusals: a route, or how it was asked by name. */
  route: string;
  /** Whether it may change something; decides what holds when the limiter cannot be asked. */
  writing: boolean;
  /** Null: each rule's own. */
  cost: number | null;
};

type Soon<T> = T | Promise<T>;

export class Decider {
  readonly limiter: Limiter;
  /** The limiter, where it is the one that answers a single charge at least cost. */
  readonly memory: MemoryLimiter | null;
  private readonly refusals: Refusals;
  private readonly log: Log;

  constructor(options: { limiter: Limiter; refusals: Refusals; log: Log }) {
    this.limiter = options.limiter;
    this.memory = options.limiter instanceof MemoryLimiter ? options.limiter : null;
    this.refusals = options.refusals;
    this.log = options.log;
  }

  take(selection: Selection, question: Question): Soon<Outcome> {
    const { asked, shadows, denied } = selection;
    if (denied !== null) {
      this.refused(denied, question.route);
      return { ...passed, allowed: false, denied };
    }
    if (selection.exempt) return passed;
    for (const found of selection.shadowDenied) this.refused(found, question.route);
    const watched =
      shadows.length === 0 ? passed.shadows : shadows.map((one) => this.watch(one, question));
    if (asked.length === 0) return watched.length === 0 ? passed : { ...passed, shadows: watched };
    const charges = chargesOf(asked, question);
    const settle = (decision: Decision) => {
      this.count(asked, decision, question.route);
      return outcomeOf(asked, charges, decision, watched);
    };
    const { memory, limiter } = this;
    const put = () =>
      memory !== null && charges.length === 1
        ? takeOne(memory, charges[0] as Charge)
        : limiter.take(charges);
    return this.ask(put, settle, charges);
  }

  /** What `take` would say, with nothing charged or counted. */
  peek(selection: Selection, question: Question): Soon<Outcome> {
    const { asked, denied } = selection;
    if (denied !== null) return { ...passed, allowed: false, denied };
    if (selection.exempt || asked.length === 0) return passed;
    const charges = chargesOf(asked, question);
    const settle = (decision: Decision) => outcomeOf(asked, charges, decision);
    return this.ask(() => this.limiter.peek(charges), settle, charges);
  }

  /** Charges a cost that is only known afterwards, whether or not it fits. */
  report({ asked, shadows }: Selection, question: Question): Soon<Outcome> {
    for (const charge of chargesOf(shadows, question)) {
      void this.ask(
        () => this.limiter.report([charge]),
        () => passed,
        [charge],
      );
    }
    if (asked.length === 0) return passed;
    const charges = chargesOf(asked, question);
    const settle = (decision: Decision) => outcomeOf(asked, charges, decision);
    return this.ask(() => this.limiter.report(charges), settle, charges);
  }

  /** What `take` charged, shadow rules too; of it only what is `wanted`. */
  async giveBack(outcome: Outcome, wanted: (charge: Charge) => boolean = () => true) {
    const shadows = (await Promise.all(outcome.shadows)).filter((charge) => charge !== null);
    const charges = [...outcome.charges, ...shadows].filter(wanted);
    if (charges.length > 0) await this.limiter.refund(charges);
  }

  private ask(
    put: () => Soon<Decision>,
    settle: (decision: Decision) => Outcome,
    charges: readonly Charge[],
  ): Soon<Outcome> {
    try {
      const decision = put();
      if (!(decision instanceof Promise)) return settle(decision);
      return decision.then(settle, (error: unknown) => this.failed(error, charges));
    } catch (error) {
      return this.failed(error, charges);
    }
  }

  private failed(error: unknown, charges: readonly Charge[]): Outcome {
    this.log.warn("limits cannot be decided", { error });
    const closed = charges.some(({ limit }) => limit.onFailure === "closed");
    return closed ? { ...passed, allowed: false, unavailable: true } : passed;
  }

  private count(asked: readonly Asked[], decision: Decision, route: string): void {
    for (let i = 0; i < asked.length; i++) {
      const one = asked[i] as Asked;
      if (decision.allowed) one.compiled.counts.allowed.value++;
      else if (!(decision.answers[i] as Answer).allowed) this.refused(one, route);
    }
  }

  private refused({ compiled, key }: Asked, route: string): void {
    compiled.counts.refused.value++;
    this.refusals.record({ rule: compiled.name, route, key, shadow: compiled.shadow });
  }

  /** A shadow rule's decision, which only counts. */
  private watch(shadow: Asked, question: Question): Soon<Charge | null> {
    const one = [shadow];
    const charges = chargesOf(one, question);
    const settle = (decision: Decision) => {
      this.count(one, decision, question.route);
      return outcomeOf(one, charges, decision);
    };
    const charged = (outcome: Outcome) => outcome.charges[0] ?? null;
    const outcome = this.ask(() => this.limiter.take(charges), settle, charges);
    return outcome instanceof Promise ? outcome.then(charged) : charged(outcome);
  }
}

export function chargesOf(asked: readonly Asked[], { writing, cost }: Question): Charge[] {
  return asked.map(({ compiled, key, cost: own }) => ({
    limit: (writing ? compiled.writing : compiled.reading) as Limit,
    key,
    cost: own ?? cost ?? compiled.rule.cost,
  }));
}

function takeOne(memory: MemoryLimiter, { limit, key, cost }: Charge): Decision {
  const allowed = memory.takeOne(limit, key, cost);
  const { remaining, resetMs, retryAfterMs, delayMs } = memory;
  return { allowed, answers: [{ allowed, remaining, resetMs, retryAfterMs, delayMs }] };
}
