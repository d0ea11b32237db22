import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { fakeClock } from "../../platform/clock/clock.ts";
import { algorithms, type Charge, type Limit } from "./limiter.ts";
import { limitOf } from "./limits.fixture.ts";
import { MemoryLimiter } from "./memory.ts";

function setUp(options: { keysMax?: number; logEntriesMax?: number } = {}) {
  const clock = fakeClock();
  const limiter = new MemoryLimiter({ clock, keysMax: 10_000, ...options });
  const take = (limit: Limit, key: string, cost = 1) => limiter.takeOne(limit, key, cost);
  const passes = (limit: Limit, key: string) => {
    let units = 0;
    while (take(limit, key)) units++;
    return units;
  };
  const sweepAll = () => {
    for (let i = 0; i < 64; i++) limiter.sweep();
  };
  return { clock, limiter, take, passes, sweepAll };
}

const one = (limit: Limit, key = "k", cost = 1): Charge[] => [{ limit, key, cost }];
const global = limitOf({ id: "global", algorithm: "fixed_window", limit: 5 });
const client = limitOf({ id: "client", algorithm: "token_bucket", limit: 3 });
const route = limitOf({ id: "route", algorithm: "sliding_log", limit: 2 });

describe("a question of several rules", () => {
  const all: Charge[] = [global, client, route].map((limit) => ({ limit, key: "k", cost: 1 }));
  const limits = algorithms.flatMap((algorithm) => [
    limitOf({
      id: `${algorithm} 2`,
      algorithm,
      limit: 4,
      windowMs: 50,
      waitMsMax: 30,
      queueMax: 3,
    }),
    limitOf({ id: `${algorithm} 1`, algorithm, limit: 6, windowMs: 200, penaltyMs: 20 }),
  ]);
  const someCharge = fc.record({
    limit: fc.constantFrom(...limits),
    key: fc.constantFrom("a", "b"),
    cost: fc.integer({ min: 1, max: 2 }),
  });
  const question = fc.record({ charges: fc.array(someCharge, { maxLength: 2 }), wait: fc.nat(40) });

  test("passes when all allow, and says what each has left", () => {
    const { limiter } = setUp();
    const { allowed, answers } = limiter.take(all);
    expect(allowed).toBe(true);
    expect(answers.map((answer) => answer.remaining)).toEqual([4, 2, 1]);
    expect(answers.every((answer) => answer.allowed && answer.retryAfterMs === 0)).toBe(true);
  });

  test("charges none when one refuses, and says which", () => {
    const { limiter } = setUp();
    limiter.take(all);
    limiter.take(all);
    for (let i = 0; i < 10; i++) {
      const { allowed, answers } = limiter.take(all);
      expect(allowed).toBe(false);
      expect(answers.map((answer) => answer.allowed)).toEqual([true, true, false]);
      expect(answers.map((answer) => answer.remaining)).toEqual([3, 1, 0]);
      expect(answers.map((answer) => answer.retryAfterMs)).toEqual([0, 0, 1_000]);
    }
  });

  test("adds up what it charges to one key", () => {
    const { limiter, take } = setUp();
    const twice = [...one(client, "k", 1), ...one(client, "k", 1)];
    expect(limiter.take(twice).answers.map((answer) => answer.remaining)).toEqual([2, 1]);
    expect(limiter.take(twice).allowed).toBe(false);
    expect(take(client, "k")).toBe(true);
    expect(() => limiter.take([...twice, ...twice])).toThrow("a cost of 4 is above 3");
  });

  test("is all or nothing, whatever it asks", () => {
    fc.assert(
      fc.property(fc.array(question, { maxLength: 40 }), (questions) => {
        const { clock, limiter } = setUp();
        const remaining = () =>
          limits.flatMap((limit) =>
            ["a", "b"].map((key) => limiter.peek(one(limit, key)).answers[0]!.remaining),
          );
        for (const { charges, wait } of questions) {
          clock.advance(wait);
          const before = remaining();
          const foreseen = limiter.peek(charges);
          expect(remaining()).toEqual(before);
          const { allowed, answers } = limiter.take(charges);
          expect(allowed).toBe(foreseen.allowed);
          expect(answers.every((answer) => answer.allowed)).toBe(allowed);
          if (allowed || charges.some(({ limit }) => limit.penaltyMs > 0)) continue;
          expect(remaining()).toEqual(before);
        }
      }),
      { numRuns: 100 },
    );
  });

  test("is charged at once where all allow, as if it were taken", () => {
    // Whose delay would not be told.
    const told = question.filter(({ charges }) =>
      charges.every(({ limit }) => limit.algorithm !== "leaky_bucket"),
    );
    fc.assert(
      fc.property(fc.array(told, { maxLength: 40 }), (questions) => {
        const [plain, lean] = [setUp(), setUp()];
        for (const { charges, wait } of questions) {
          for (const { clock } of [plain, lean]) clock.advance(wait);
          const atOnce = lean.limiter.takeAll(charges);
          const { allowed, answers } = plain.limiter.take(charges);
          expect(atOnce).toBe(allowed);
          if (!atOnce) expect(lean.limiter.take(charges)).toEqual({ allowed, answers });
          const left = ({ limiter }: typeof plain) =>
            charges.map((charge) => limiter.peek([charge]).answers);
          expect(left(lean)).toEqual(left(plain));
        }
      }),
      { numRuns: 100 },
    );
  });

  test("answers as the lean way in does", () => {
    const { limiter } = setUp();
    const lean = setUp().limiter;
    for (const algorithm of algorithms) {
      const limit = limitOf({ id: algorithm, algorithm, limit: 3, waitMsMax: 500, queueMax: 2 });
      for (let i = 0; i < 6; i++) {
        const allowed = lean.takeOne(limit, "k", 1);
        const { remaining, resetMs, retryAfterMs, delayMs } = lean;
        const answer = { allowed, remaining, resetMs, retryAfterMs, delayMs };
        expect(limiter.take(one(limit))).toEqual({ allowed, answers: [answer] });
      }
    }
  });

  test("of nothing is allowed", () => {
    expect(setUp().limiter.take([])).toEqual({ allowed: true, answers: [] });
  });
});

describe.each(algorithms.map((name) => [name]))("%s", (algorithm) => {
  const limit = limitOf({ algorithm, limit: 3, waitMsMax: 0, queueMax: 0 });
  const fill = limit.algorithm === "leaky_bucket" ? 1 : 3;

  test("does not charge for a refusal", () => {
    const { limiter, take, clock } = setUp();
    for (let i = 0; i < fill; i++) take(limit, "k");
    expect(take(limit, "k")).toBe(false);
    const told = limiter.retryAfterMs;
    for (let i = 0; i < 100; i++) take(limit, "k");
    expect(limiter.retryAfterMs).toBe(told);
    clock.advance(told - 1);
    expect(take(limit, "k")).toBe(false);
    clock.advance(1);
    expect(take(limit, "k")).toBe(true);
  });

  test("forgets a key once it is back at its full allowance", () => {
    const { limiter, take, clock, sweepAll } = setUp();
    const short = limitOf({ algorithm, windowMs: 1 });
    for (let n = 0; n < 5_000; n++) take(short, `k${n}`);
    expect(limiter.size).toBe(5_000);
    clock.advance(algorithm === "quota" ? 31 * 86_400_000 : 2);
    sweepAll();
    expect(limiter.size).toBe(0);
  });

  test("keeps keys and rules apart", () => {
    const { take, passes } = setUp();
    expect(passes(limit, "a")).toBe(fill);
    expect(passes(limit, "b")).toBe(fill);
    expect(passes({ ...limit, id: "other" }, "a")).toBe(fill);
    expect(take(limit, "a")).toBe(false);
  });

  test("gives back at most what was taken", () => {
    const { limiter, passes } = setUp();
    passes(limit, "k");
    limiter.refund(one(limit, "k", 1));
    expect(passes(limit, "k")).toBe(1);
    limiter.refund(one(limit, "k", 1_000));
    limiter.refund(one(limit, "never seen", 1_000));
    expect(passes(limit, "k")).toBe(fill);
    expect(passes(limit, "never seen")).toBe(fill);
  });

  test("is reset", () => {
    const { limiter, passes, take } = setUp();
    passes(limit, "k");
    limiter.penalize(limit, "k", 5_000);
    limiter.reset(limit, "k");
    expect(limiter.size).toBe(0);
    expect(passes(limit, "k")).toBe(fill);
    expect(take(limit, "k")).toBe(false);
    limiter.reset(limit, "never seen");
  });

  test("counts what is reported, above the limit as well", () => {
    const { limiter, take } = setUp();
    const first = limiter.report(one(limit, "k", 2));
    expect(first.allowed).toBe(true);
    const over = limiter.report(one(limit, "k", 7));
    expect(over.allowed).toBe(false);
    expect(over.answers[0]!.remaining).toBe(0);
    expect(over.answers[0]!.retryAfterMs).toBeGreaterThan(0);
    expect(take(limit, "k")).toBe(false);
  });

  test("is blocked by a penalty that asking again does not extend", () => {
    const { limiter, clock, take } = setUp();
    const strict = limitOf({ algorithm, limit: 1, windowMs: 100, penaltyMs: 3_000 });
    take(strict, "k");
    expect(take(strict, "k")).toBe(false);
    const told = limiter.retryAfterMs;
    expect(told).toBeGreaterThanOrEqual(3_000);
    expect(limiter.remaining).toBe(0);
    clock.advance(2_999);
    expect(take(strict, "k")).toBe(false);
    expect(limiter.retryAfterMs).toBe(told - 2_999);
    clock.advance(told - 2_999);
    expect(take(strict, "k")).toBe(true);
  });
});

describe("a penalty", () => {
  test("blocks a key whatever its state, that key and that rule only, and ends", () => {
    const { limiter, clock, take } = setUp();
    limiter.penalize(client, "k", 250);
    expect(limiter.peek(one(client)).allowed).toBe(false);
    expect(take(client, "k")).toBe(false);
    expect(limiter.retryAfterMs).toBe(250);
    expect(limiter.resetMs).toBe(250);
    expect(take(client, "other")).toBe(true);
    expect(take({ ...client, id: "other" }, "k")).toBe(true);
    clock.advance(249);
    expect(take(client, "k")).toBe(false);
    clock.advance(1);
    expect(take(client, "k")).toBe(true);
  });

  test("falls on the rule that refused, not on those that would have allowed", () => {
    const { limiter, take } = setUp();
    const strict = limitOf({ id: "strict", limit: 1, penaltyMs: 10_000 });
    const easy = limitOf({ id: "easy", limit: 10, penaltyMs: 10_000 });
    take(strict, "k");
    expect(limiter.take([...one(easy), ...one(strict)]).allowed).toBe(false);
    expect(take(easy, "k")).toBe(true);
    expect(limiter.peek(one(strict)).answers[0]!.retryAfterMs).toBe(10_000);
  });

  test("is not begun by a peek", () => {
    const { limiter, clock, take } = setUp();
    const strict = limitOf({ limit: 1, windowMs: 100, penaltyMs: 10_000 });
    take(strict, "k");
    expect(limiter.peek(one(strict)).allowed).toBe(false);
    clock.advance(100);
    expect(take(strict, "k")).toBe(true);
  });
});

describe("an edited rule", () => {
  test.each(algorithms.map((name) => [name]))("%s lets more through at once", (algorithm) => {
    const { passes } = setUp();
    const small = limitOf({ algorithm, limit: 3, waitMsMax: 10_000, queueMax: 2 });
    expect(passes(small, "k")).toBe(3);
    expect(passes({ ...small, limit: 10, burst: 10, queueMax: 9 }, "k")).toBe(7);
  });

  test.each(algorithms.map((name) => [name]))("%s still counts what was used", (algorithm) => {
    const { passes, take } = setUp();
    const large = limitOf({ algorithm, limit: 10, waitMsMax: 10_000, queueMax: 9 });
    for (let i = 0; i < 4; i++) take(large, "k");
    const small = { ...large, limit: 5, burst: 5, queueMax: 4 };
    expect(passes(small, "k")).toBe(1);
    expect(passes({ ...small, limit: 2, burst: 2, queueMax: 1 }, "k")).toBe(0);
  });

  test("starts anew under another algorithm", () => {
    const { passes } = setUp();
    expect(passes(limitOf({ algorithm: "token_bucket" }), "k")).toBe(10);
    expect(passes(limitOf({ algorithm: "fixed_window" }), "k")).toBe(10);
  });
});

describe("concurrency", () => {
  test("frees a place that was lost after its lease, however busy the others are", () => {
    const { limiter, clock, take } = setUp();
    const places = limitOf({ algorithm: "concurrency", limit: 2, windowMs: 1_000 });
    expect(take(places, "k")).toBe(true);
    for (let i = 0; i < 20; i++) {
      clock.advance(45);
      expect(take(places, "k")).toBe(true);
      expect(take(places, "k")).toBe(false);
      limiter.refund(one(places));
    }
    clock.advance(100);
    expect(limiter.peek(one(places)).answers[0]!.remaining).toBe(2);
  });
});

describe("bounds", () => {
  test("hold for keys and for entries of logs", () => {
    const { limiter, clock, take } = setUp({ keysMax: 1_000, logEntriesMax: 5_000 });
    const log = limitOf({ id: "log", algorithm: "sliding_log", limit: 100, windowMs: 60_000 });
    for (let n = 0; n < 20_000; n++) {
      clock.advance(1);
      take(client, `k${n}`);
      take(log, `k${n % 700}`, 1);
      if (n % 7 === 0) take(log, `k${n}`, 1);
    }
    expect(limiter.size).toBeLessThanOrEqual(2_000);
    expect(limiter.bytes).toBeLessThanOrEqual(2 * 1_000 * 64 + 24 * (5_000 + 4_096));
  });

  test("keep a log's key exact while others make room", () => {
    const { limiter, clock, take } = setUp({ logEntriesMax: 50 });
    const log = limitOf({ id: "log", algorithm: "sliding_log", limit: 20, windowMs: 60_000 });
    const brief = limitOf({ id: "brief", algorithm: "sliding_log", limit: 20, windowMs: 100 });
    for (let i = 0; i < 20; i++) {
      clock.advance(1);
      expect(take(log, "kept")).toBe(true);
      for (let n = 0; n < 10; n++) take(brief, `k${i}/${n}`);
    }
    expect(take(log, "kept")).toBe(false);
    expect(limiter.retryAfterMs).toBe(60_000 - 19);
  });

  test.each([0, -1, 0.5, Number.NaN, Infinity, 4])("refuse a cost of %d", (cost) => {
    const { limiter } = setUp();
    expect(() => limiter.takeOne(client, "k", cost)).toThrow(RangeError);
    expect(() => limiter.take(one(client, "k", cost))).toThrow(RangeError);
    expect(limiter.size).toBe(0);
  });
});
