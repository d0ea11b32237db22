import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { algorithms, type Algorithm, type Charge, type Limit, type Limiter } from "./limiter.ts";

/** What every limiter does, whatever it stands on. */
export type Subject = {
  limiter: Limiter;
  /** Lets so much time pass for the limiter. */
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
};

let made = 0;

/** A rule of its own, with windows that do not end while a test runs unless it says so. */
export function limitOf(algorithm: Algorithm, numbers: Partial<Limit> = {}): Limit {
  const limit = numbers.limit ?? 5;
  return {
    ...{ id: `rule-${++made}`, algorithm, limit, windowMs: 4 * 10 ** 9, burst: limit },
    ...{ waitMsMax: 10 ** 11, queueMax: limit - 1, penaltyMs: 0 },
    ...{ accuracy: "strict", subKeys: 1, onFailure: "closed", ...numbers },
  };
}

const charge = (limit: Limit, cost = 1, key = "key"): Charge => ({ limit, key, cost });

/** Short ways to ask the subject of the test at hand. */
type Asking = {
  subject(): Subject;
  limiter(): Limiter;
  allows(...charges: Charge[]): Promise<boolean>;
  remaining(limit: Limit): Promise<number | undefined>;
};

export function behavesAsLimiter(name: string, open: () => Promise<Subject>): void {
  describe(name, () => {
    let subject: Subject;
    beforeEach(async () => {
      subject = await open();
    });
    afterEach(() => subject.close());
    const ask: Asking = {
      subject: () => subject,
      limiter: () => subject.limiter,
      allows: async (...charges) => (await subject.limiter.take(charges)).allowed,
      remaining: async (limit) =>
        (await subject.limiter.peek([charge(limit)])).answers[0]?.remaining,
    };
    describe.each([...algorithms])("%s", (algorithm) => {
      counts(algorithm, ask);
      amends(algorithm, ask);
      waits(algorithm, ask);
    });
    asksSeveral(ask);
  });
}

/** What passes, and what is left. */
function counts(algorithm: Algorithm, ask: Asking): void {
  test("admits its limit and no more, of each key", async () => {
    const limit = limitOf(algorithm);
    for (let left = 4; left >= 0; left--) {
      const { allowed, answers } = await ask.limiter().take([charge(limit)]);
      expect(allowed).toBe(true);
      expect(answers[0]).toMatchObject({ allowed: true, remaining: left, retryAfterMs: 0 });
    }
    const { allowed, answers } = await ask.limiter().take([charge(limit)]);
    expect(allowed).toBe(false);
    expect(answers[0]).toMatchObject({ allowed: false, remaining: 0 });
    expect(answers[0]?.retryAfterMs).toBeGreaterThan(0);
    expect(answers[0]?.resetMs).toBeGreaterThanOrEqual(answers[0]?.retryAfterMs as number);
    expect(await ask.allows(charge(limit, 1, "other"))).toBe(true);
  });

  test("weighs costs, and a cost that does not fit leaves the rest", async () => {
    const limit = limitOf(algorithm);
    expect(await ask.allows(charge(limit, 3))).toBe(true);
    expect(await ask.allows(charge(limit, 3))).toBe(false);
    expect(await ask.remaining(limit)).toBe(2);
    expect(await ask.allows(charge(limit, 2))).toBe(true);
    expect(await ask.remaining(limit)).toBe(0);
  });

  test("peeks without charging", async () => {
    const limit = limitOf(algorithm);
    for (let i = 0; i < 10; i++) expect(await ask.remaining(limit)).toBe(5);
    await ask.limiter().take([charge(limit, 5)]);
    const { allowed, answers } = await ask.limiter().peek([charge(limit)]);
    expect(allowed).toBe(false);
    expect(answers[0]?.retryAfterMs).toBeGreaterThan(0);
  });

  test("counts two charges to one key in one question both", async () => {
    const limit = limitOf(algorithm);
    expect(await ask.allows(charge(limit))).toBe(true);
    expect(await ask.allows(charge(limit, 3), charge(limit, 2))).toBe(false);
    expect(await ask.remaining(limit)).toBe(4);
    expect(await ask.allows(charge(limit, 2), charge(limit, 2))).toBe(true);
    expect(await ask.remaining(limit)).toBe(0);
    const both = async () => ask.limiter().take([charge(limit, 3), charge(limit, 3)]);
    await expect(both()).rejects.toThrow(RangeError);
  });

  test("takes a cost that could never pass for a mistake", async () => {
    const limit = limitOf(algorithm);
    const tries = [6, 0, -1, 1.5].map(async (cost) => ask.limiter().take([charge(limit, cost)]));
    for (const { status } of await Promise.allSettled(tries)) expect(status).toBe("rejected");
    expect(await ask.remaining(limit)).toBe(5);
  });
}

/** Units that come back, are told afterwards, or are counted under other numbers. */
function amends(algorithm: Algorithm, ask: Asking): void {
  test("refunds what was taken and never more", async () => {
    const limit = limitOf(algorithm);
    await ask.limiter().take([charge(limit, 4)]);
    await ask.limiter().refund([charge(limit, 2)]);
    expect(await ask.remaining(limit)).toBe(3);
    await ask.limiter().refund([charge(limit, 5)]);
    expect(await ask.remaining(limit)).toBe(5);
    await ask.limiter().refund([charge(limitOf(algorithm), 5)]);
    expect(await ask.allows(charge(limit, 5))).toBe(true);
    expect(await ask.allows(charge(limit))).toBe(false);
  });

  test("is told of costs afterwards, beyond the limit too", async () => {
    const limit = limitOf(algorithm);
    expect((await ask.limiter().report([charge(limit, 4)])).allowed).toBe(true);
    expect((await ask.limiter().report([charge(limit, 4)])).allowed).toBe(false);
    expect(await ask.remaining(limit)).toBe(0);
    await ask.limiter().refund([charge(limit, 3)]);
    expect(await ask.allows(charge(limit))).toBe(false);
    await ask.limiter().refund([charge(limit, 1)]);
    expect(await ask.allows(charge(limit))).toBe(true);
  });

  test("starts anew when reset", async () => {
    const limit = limitOf(algorithm, { penaltyMs: 10 ** 9 });
    await ask.limiter().take([charge(limit, 5)]);
    expect(await ask.allows(charge(limit))).toBe(false);
    await ask.limiter().reset(limit, "key");
    expect(await ask.remaining(limit)).toBe(5);
  });

  test("applies an edit of its numbers to live state at once", async () => {
    const limit = limitOf(algorithm);
    await ask.limiter().take([charge(limit, 5)]);
    const raised = { ...limit, limit: 8, burst: 8, queueMax: 7 };
    expect(await ask.remaining(raised)).toBe(3);
    expect(await ask.allows(charge(raised, 3))).toBe(true);
    expect(await ask.allows(charge(raised))).toBe(false);
    await ask.limiter().refund([charge(raised, 4)]);
    const lowered = { ...limit, limit: 4, burst: 4, queueMax: 3 };
    expect(await ask.allows(charge(lowered))).toBe(false);
    expect(await ask.remaining(raised)).toBe(4);
  });
}

/** What is said about time holds. */
function waits(algorithm: Algorithm, ask: Asking): void {
  test("refuses a key for a while, whatever its state", async () => {
    const limit = limitOf(algorithm);
    await ask.limiter().penalize(limit, "key", 10 ** 6);
    const { allowed, answers } = await ask.limiter().take([charge(limit)]);
    expect(allowed).toBe(false);
    expect(answers[0]?.retryAfterMs).toBeGreaterThan(10 ** 6 - 60_000);
    expect(await ask.allows(charge(limit, 1, "other"))).toBe(true);
  });

  test("punishes a refusal, and a try meanwhile does not extend it", async () => {
    const limit = limitOf(algorithm, { penaltyMs: 300, windowMs: 50, waitMsMax: 50 });
    let until = Number.POSITIVE_INFINITY;
    for (let tries = 0; until === Number.POSITIVE_INFINITY; tries++) {
      expect(tries).toBeLessThan(10_000);
      const { answers } = await ask.limiter().take([charge(limit, 5)]);
      if (answers[0]?.allowed === false) until = answers[0].retryAfterMs;
    }
    expect(until).toBeGreaterThanOrEqual(300);
    for (let i = 0; i < 5; i++) {
      await ask.subject().pass(20);
      const { answers } = await ask.limiter().take([charge(limit)]);
      expect(answers[0]?.retryAfterMs).toBeLessThanOrEqual(Math.max(0, until - 20 * (i + 1)));
    }
    // No month ends here.
    if (algorithm === "quota") return;
    await ask.subject().pass(until);
    expect(await ask.allows(charge(limit))).toBe(true);
  });

  test("lets pass again whoever waits as long as told", async () => {
    if (algorithm === "quota") return;
    const limit = limitOf(algorithm, { limit: 7, windowMs: 90, waitMsMax: 90, queueMax: 6 });
    for (let round = 0; round < 6; round++) {
      const cost = 1 + (round % 3);
      let answer = (await ask.limiter().take([charge(limit, cost)])).answers[0];
      for (let tries = 0; answer?.allowed; tries++) {
        expect(tries).toBeLessThan(10_000);
        answer = (await ask.limiter().take([charge(limit, cost)])).answers[0];
      }
      await ask.subject().pass(answer?.retryAfterMs as number);
      expect(await ask.allows(charge(limit, cost))).toBe(true);
    }
  });

  test("is whole again after what it calls its reset", async () => {
    if (algorithm === "quota") return;
    const limit = limitOf(algorithm, { windowMs: 60, waitMsMax: 60 });
    const { answers } = await ask.limiter().take([charge(limit, 3)]);
    await ask.subject().pass(answers[0]?.resetMs as number);
    expect((await ask.limiter().peek([charge(limit)])).answers[0]).toMatchObject({
      ...{ allowed: true, remaining: 5, resetMs: 0, retryAfterMs: 0 },
    });
  });
}

/** Several rules in one question, and what only one algorithm does. */
function asksSeveral(ask: Asking): void {
  test("charges all rules of a question or none", async () => {
    const wide = limitOf("token_bucket", { limit: 10 });
    const narrow = limitOf("sliding_log", { limit: 2 });
    const third = limitOf("fixed_window", { limit: 10 });
    const all = [charge(wide), charge(narrow), charge(third)];
    expect(await ask.allows(...all)).toBe(true);
    expect(await ask.allows(...all)).toBe(true);
    const { allowed, answers } = await ask.limiter().take(all);
    expect(allowed).toBe(false);
    expect(answers.map((answer) => answer.allowed)).toEqual([true, false, true]);
    expect(await Promise.all([wide, narrow, third].map(ask.remaining))).toEqual([8, 0, 8]);
  });

  test("punishes only the rule that refused", async () => {
    const wide = limitOf("fixed_window", { penaltyMs: 10 ** 6 });
    const narrow = limitOf("fixed_window", { limit: 1, penaltyMs: 10 ** 6 });
    await ask.limiter().take([charge(wide), charge(narrow)]);
    expect(await ask.allows(charge(wide), charge(narrow))).toBe(false);
    expect(await ask.allows(charge(wide))).toBe(true);
    expect((await ask.limiter().peek([charge(narrow)])).answers[0]?.retryAfterMs).toBeGreaterThan(
      0,
    );
  });

  test("a leaky bucket tells how long to wait, and bounds the queue and the wait", async () => {
    const queue = limitOf("leaky_bucket", { limit: 1, windowMs: 10 ** 6, burst: 4, queueMax: 3 });
    const delays: (number | undefined)[] = [];
    for (let i = 0; i < 4; i++) {
      delays.push((await ask.limiter().take([charge(queue)])).answers[0]?.delayMs);
    }
    delays.forEach((delay, i) => {
      expect(delay).toBeLessThanOrEqual(i * 10 ** 6);
      expect(delay).toBeGreaterThan(i * 10 ** 6 - 60_000 * Math.sign(i) - 1);
    });
    expect(await ask.allows(charge(queue))).toBe(false);
    const impatient = { ...queue, id: `${queue.id}-impatient`, waitMsMax: 10 ** 6 };
    expect(await ask.allows(charge(impatient))).toBe(true);
    expect(await ask.allows(charge(impatient))).toBe(true);
    expect(await ask.allows(charge(impatient))).toBe(false);
  });

  test("many at once get the limit and not one more", async () => {
    const limits = [limitOf("token_bucket", { limit: 100 }), limitOf("quota", { limit: 120 })];
    const question = () => ask.limiter().take(limits.map((limit) => charge(limit)));
    const decisions = await Promise.all(Array.from({ length: 300 }, question));
    expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(100);
    expect(await ask.remaining(limits[1] as Limit)).toBe(20);
  });
}
