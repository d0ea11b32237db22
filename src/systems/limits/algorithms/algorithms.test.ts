import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { fakeClock } from "../../../platform/clock/clock.ts";
import { algorithms, type Algorithm, type Limit } from "../limiter.ts";
import { limitOf } from "../limits.fixture.ts";
import { MemoryLimiter } from "../memory.ts";
import { modelOf, type Model } from "./reference.fixture.ts";

/**
 * Each algorithm beside its plain model, through random questions, refunds, reports, edits and
 * moves of the clock. The limiter is asked, so tables, penalties and time take part.
 */
type Step =
  | { do: "take" | "peek" | "refund" | "report"; cost: number }
  | { do: "edit"; numbers: Numbers }
  | { do: "wait"; ms: number }
  | { do: "wait as told"; early: number }
  | { do: "step back"; ms: number }
  | { do: "reset" };

type Numbers = {
  limit: number;
  windowMs: number;
  extraBurst: number;
  waitMsMax: number;
  queueMax: number;
};

const costs = fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 6 }));
const numbers: fc.Arbitrary<Numbers> = fc.record({
  limit: fc.integer({ min: 1, max: 12 }),
  windowMs: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(7, 100, 333, 1_000)),
  extraBurst: fc.integer({ min: 0, max: 5 }),
  waitMsMax: fc.integer({ min: 0, max: 300 }),
  queueMax: fc.integer({ min: 0, max: 8 }),
});
const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant("take" as const), cost: costs }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constantFrom("peek", "refund", "report"), cost: costs }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("wait" as const),
      ms: fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 1_500 })),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("wait as told"),
      early: fc.integer({ min: 0, max: 1 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("step back"), ms: fc.integer({ min: 1, max: 99_999 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("edit" as const), numbers }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reset" as const) }) },
) as fc.Arbitrary<Step>;

/** Months are long: what a millisecond is elsewhere is two hours for a quota. */
const paceOf = (algorithm: Algorithm) => (algorithm === "quota" ? 7_200_000 : 1);

/** A limiter and a model that are told the same and must say the same. */
class Pair {
  private readonly algorithm: Algorithm;
  private readonly clock = fakeClock(Date.UTC(2026, 0, 30, 23, 59, 59, 500));
  private readonly limiter = new MemoryLimiter({ clock: this.clock, keysMax: 100 });
  private limit: Limit;
  private model: Model;
  /** Time as the limiter should know it: never back, never still. */
  private now: number;
  private told = 0;

  constructor(algorithm: Algorithm, start: Numbers) {
    this.algorithm = algorithm;
    this.model = modelOf(algorithm);
    this.limit = this.limitOf(start);
    this.now = this.clock.now();
    this.limiter.peek([{ limit: this.limit, key: "k", cost: 1 }]);
  }

  apply(step: Step): void {
    if (step.do === "wait") this.wait(step.ms * paceOf(this.algorithm));
    else if (step.do === "wait as told") this.wait(Math.max(0, this.told - step.early));
    else if (step.do === "step back") {
      // Seen on both sides of the step: of a clock that comes back to the very millisecond at which
      // it was seen last, nobody can tell before it moves that time has passed.
      this.limiter.peek([]);
      this.clock.set(this.clock.now() - step.ms);
      this.limiter.peek([]);
    } else if (step.do === "reset") {
      this.limiter.reset(this.limit, "k");
      this.model = modelOf(this.algorithm);
    } else if (step.do === "edit") this.edit(step.numbers);
    else if (step.do === "take") this.take(Math.min(step.cost, this.limit.burst));
    else if (step.do === "peek") this.peek(Math.min(step.cost, this.limit.burst));
    else if (step.do === "report") this.report(step.cost);
    else {
      this.limiter.refund([{ limit: this.limit, key: "k", cost: step.cost }]);
      this.model.refund(this.limit, step.cost, this.now);
    }
  }

  private limitOf({ limit, windowMs, extraBurst, waitMsMax, queueMax }: Numbers): Limit {
    const { algorithm } = this;
    const burst = algorithm === "token_bucket" ? limit + extraBurst : limit;
    return limitOf({ algorithm, limit, windowMs, burst, waitMsMax, queueMax });
  }

  private wait(ms: number): void {
    this.clock.advance(ms);
    this.now += ms;
  }

  private edit(to: Numbers): void {
    const after = this.limitOf(to);
    this.model.edit(this.limit, after, this.now);
    this.limit = after;
    // An edit applies when the key is next asked about.
    this.limiter.peek([{ limit: after, key: "k", cost: 1 }]);
  }

  private take(cost: number): void {
    const { limiter, limit, model, now } = this;
    const admitted = model.admits(limit, cost, now);
    const delayMs = admitted ? model.delayMs(limit, now) : 0;
    expect(limiter.takeOne(limit, "k", cost)).toBe(admitted);
    expect(limiter.delayMs).toBe(delayMs);
    if (admitted) model.charge(limit, cost, now);
    this.compare(limiter, cost, admitted);
  }

  private peek(cost: number): void {
    const { limiter, limit, model, now } = this;
    const admitted = model.admits(limit, cost, now);
    const { allowed, answers } = limiter.peek([{ limit, key: "k", cost }]);
    expect(allowed).toBe(admitted);
    this.compare(answers[0]!, cost, admitted);
  }

  private report(cost: number): void {
    const { limiter, limit, model, now } = this;
    const admitted = model.admits(limit, cost, now);
    model.charge(limit, cost, now);
    const { allowed, answers } = limiter.report([{ limit, key: "k", cost }]);
    expect(allowed).toBe(admitted);
    this.compare(answers[0]!, Math.min(cost, limit.burst), admitted);
  }

  /** All that was said, against asking the model about times to come. */
  private compare(
    said: { remaining: number; resetMs: number; retryAfterMs: number },
    cost: number,
    admitted: boolean,
  ): void {
    const { limit, model, now } = this;
    this.told = said.retryAfterMs;
    if (admitted) expect(said.retryAfterMs).toBe(0);
    else if (said.retryAfterMs > 0) {
      expect(model.admits(limit, cost, now + said.retryAfterMs - 1)).toBe(false);
    }
    if (!admitted) expect(model.admits(limit, cost, now + said.retryAfterMs)).toBe(true);
    expect(model.isFree(limit, now + said.resetMs)).toBe(true);
    if (said.resetMs > 0) expect(model.isFree(limit, now + said.resetMs - 1)).toBe(false);
    expect(said.remaining).toBe(this.unitsThatPass());
  }

  private unitsThatPass(): number {
    const { limit, algorithm } = this;
    // A queue that has drained takes anything, so how many pass is asked one by one.
    if (algorithm !== "leaky_bucket") {
      let units = 0;
      while (units < limit.burst && this.model.admits(limit, units + 1, this.now)) units++;
      return units;
    }
    const probe = structuredClone(limit);
    let units = 0;
    for (; this.model.admits(probe, 1, this.now); units++) this.model.charge(probe, 1, this.now);
    if (units > 0) this.model.refund(probe, units, this.now);
    return units;
  }
}

describe.each(algorithms.map((name) => [name]))("%s", (algorithm) => {
  test("says what its definition says", () => {
    fc.assert(
      fc.property(numbers, fc.array(steps, { minLength: 1, maxLength: 60 }), (start, list) => {
        const pair = new Pair(algorithm, start);
        for (const step of list) pair.apply(step);
      }),
      { numRuns: 300 },
    );
  });
});
