import type { Log } from "../../platform/log/log.ts";
import type { Compiled } from "./compile.ts";
import type { Answer, Charge, Decision, Limit, Limiter } from "./limiter.ts";
import { MemoryLimiter } from "./memory.ts";
import type { Refusals } from "./refusals.ts";
import type { Asked, Selection } from "./selection.ts";

/**
 * From rules and a caller to one answer: lists first, then all that is enforced in one question
 * to the limiter, then each shadow rule in a question of its own, so that it neither refuses nor
 * charges for others. Answers are given in place where the limiter can, else as a promise.
 */
export type Said = { compiled: Compiled; key: string; answer: Answer };

export type Outcome = {
  allowed: boolean;
  /** Of a refusal the rule with the longest wait, else the one that would refuse first. */
  tightest: Said | null;
  /** What each asked rule said, in their order; none where no limiter was asked. */
  answers: readonly Answer[];
  /** What was charged, in case it is to be given back. */
  charges: readonly Charge[];
  delayMs: number;
  denied: Asked | null;
  /** The limiter could not be asked and a rule is closed then. */
  unavailable: boolean;
};

export type Question = {
  /** For the count of refusals: a route, or how it was asked by name. */
  route: string;
  /** Whether it may change something; decides what holds when the limiter cannot be asked. */
  writing: boolean;
  /** Null: each rule's own. */
  cost: number | null;
};

type Soon<T> = T | Promise<T>;

const passed: Outcome = {
  ...{ allowed: true, tightest: null, answers: [], charges: [], delayMs: 0 },
  ...{ denied: null, unavailable: false },
};

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
    for (const shadow of shadows) this.watch(shadow, question);
    if (asked.length === 0) return passed;
    const charges = chargesOf(asked, question);
    const settle = (decision: Decision) => {
      this.count(asked, decision, question.route);
      return outcomeOf(asked, charges, decision);
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
  report(selection: Selection, question: Question): Soon<Outcome> {
    const { asked } = selection;
    if (asked.length === 0) return passed;
    const charges = chargesOf(asked, question);
    const settle = (decision: Decision) => outcomeOf(asked, charges, decision);
    return this.ask(() => this.limiter.report(charges), settle, charges);
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
  private watch(shadow: Asked, question: Question): void {
    const one = [shadow];
    const charges = chargesOf(one, question);
    const settle = (decision: Decision) => {
      this.count(one, decision, question.route);
      return passed;
    };
    void this.ask(() => this.limiter.take(charges), settle, charges);
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

function outcomeOf(asked: readonly Asked[], charges: Charge[], decision: Decision): Outcome {
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
