import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { startRedis, type TestRedis } from "../../../test/redis.ts";
import { limitOf } from "./limiter-suite.fixture.ts";
import { algorithms, type Algorithm, type Charge, type Limit } from "./limiter.ts";
import { ask, openMembers, until, type Member } from "./spread.fixture.ts";

let redis: TestRedis;
const open: { close(): Promise<void> }[] = [];
beforeAll(async () => {
  redis = await startRedis();
});
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});
afterAll(() => redis.stop());

async function members(count = 4): Promise<Member[]> {
  const all = await openMembers(count, redis.url);
  open.push(...all);
  return all;
}

const charge = (limit: Limit, cost = 1, key = "key"): Charge => ({ limit, key, cost });
const refused = ({ allowed }: { allowed: boolean }) => !allowed;
const leasable: Algorithm[] = [
  ...(["fixed_window", "sliding_window", "sliding_log", "token_bucket", "quota"] as const),
];

describe("four members, 64 callers", () => {
  test.each([...algorithms])("strict %s: exactly the limit passes", async (algorithm) => {
    const limit = limitOf(algorithm, { limit: 500 });
    const charges = () => [charge(limit)];
    expect(await ask(await members(), { callers: 64, charges, enough: refused })).toBe(500);
  });

  test("strict, three rules: what the narrowest allows is charged to all", async () => {
    const limits = [400, 300, 350].map((limit) => limitOf("token_bucket", { limit }));
    const charges = () => limits.map((limit) => charge(limit));
    const all = await members();
    expect(await ask(all, { callers: 64, charges, enough: refused })).toBe(300);
    const left = await all[0]?.limiter.peek(charges());
    expect(left?.answers.map(({ remaining }) => remaining)).toEqual([100, 0, 50]);
  });

  test.each(leasable)("leased %s: never more, and short by the stated share", async (algorithm) => {
    const limit = limitOf(algorithm, { limit: 2_000, accuracy: "leased" });
    const charges = () => [charge(limit)];
    const passed = await ask(await members(), { callers: 64, charges, enough: refused });
    expect(passed).toBeLessThanOrEqual(2_000);
    // Stocks of three others, and the reserve of a bucket.
    const reserve = algorithm === "token_bucket" ? 1 : 0;
    expect(passed).toBeGreaterThanOrEqual(2_000 - reserve - (3 * 2_000) / 32);
  });

  test("leased, weighed: never more", async () => {
    const limit = limitOf("fixed_window", { limit: 2_000, accuracy: "leased" });
    let units = 0;
    const all = await members();
    const caller = async (member: Member, cost: number) => {
      for (;;) {
        const { allowed } = await member.limiter.take([charge(limit, cost)]);
        if (!allowed) return;
        units += cost;
        if (units % 16 === 0) await Bun.sleep(0);
      }
    };
    await Promise.all(
      Array.from({ length: 64 }, (_, i) => caller(all[i % 4] as Member, 1 + (i % 5))),
    );
    expect(units).toBeLessThanOrEqual(2_000);
    expect(units).toBeGreaterThan(1_700);
  });
});

describe("local", () => {
  test("each lets its limit through at most, and soon knows of the others", async () => {
    const limit = limitOf("fixed_window", { limit: 100, accuracy: "local" });
    const all = await members();
    const charges = () => [charge(limit)];
    const passed = await ask(all, { callers: 64, charges, enough: refused });
    expect(passed).toBeGreaterThanOrEqual(100);
    expect(passed).toBeLessThanOrEqual(400);
  });

  test("what one let through counts for the others within a moment", async () => {
    const limit = limitOf("sliding_log", { limit: 100, accuracy: "local" });
    const [one, other] = await members(2);
    for (let i = 0; i < 60; i++) await one?.limiter.take([charge(limit)]);
    // Slower than it settles; what the first let through is charged once, however often it does.
    let passed = 0;
    for (; (await other?.limiter.take([charge(limit)]))?.allowed; passed++) await Bun.sleep(15);
    expect(passed).toBe(40);
  });
});

describe("what is charged at once or not at all", () => {
  const untilRefused = async ({ limiter }: Member, charges: Charge[]) => {
    for (let [passed, atOnce] = [0, 0]; ; passed++) {
      if (limiter.takeAll?.(charges)) atOnce++;
      else if (!(await limiter.take(charges)).allowed) return { passed, atOnce };
    }
  };

  test.each([
    ["local", 1],
    ["leased", 0.5],
    ["strict", 0],
  ] as const)("%s: the limit all the same", async (accuracy, share) => {
    const rules = [2_000, 3_000].map((limit) => limitOf("fixed_window", { limit, accuracy }));
    const [one] = await members(1);
    const { passed, atOnce } = await untilRefused(
      one as Member,
      rules.map((rule) => charge(rule)),
    );
    expect(passed).toBe(2_000);
    expect(atOnce / passed).toBeGreaterThanOrEqual(share);
    expect(atOnce / passed).toBeLessThanOrEqual(2 * share);
    const [other] = rules as [Limit, Limit];
    expect((await one?.limiter.peek([charge(other)]))?.answers[0]?.remaining).toBe(0);
  });

  test("local: the others hear of it", async () => {
    const limit = limitOf("sliding_log", { limit: 100, accuracy: "local" });
    const [one, other] = (await members(2)) as [Member, Member];
    for (let i = 0; i < 60; i++) expect(one.limiter.takeAll?.([charge(limit)])).toBe(true);
    let passed = 0;
    for (; other.limiter.takeAll?.([charge(limit)]); passed++) await Bun.sleep(15);
    expect(passed).toBe(40);
  });
});

describe("several accuracies in one question", () => {
  test("nothing is charged by the others when one refuses", async () => {
    const local = limitOf("sliding_log", { limit: 50, accuracy: "local" });
    const leased = limitOf("fixed_window", { limit: 3_200, accuracy: "leased" });
    const strict = limitOf("token_bucket", { limit: 3, accuracy: "strict" });
    const all = [charge(strict), charge(local), charge(leased)];
    const [one] = await members(1);
    const passed = [];
    for (let i = 0; i < 10; i++) passed.push((await one?.limiter.take(all))?.allowed);
    expect(passed.filter(Boolean)).toHaveLength(3);
    const left = (await one?.limiter.peek(all))?.answers.map(({ remaining }) => remaining);
    expect(left).toEqual([0, 47, 3_197]);
    const { answers } = (await one?.limiter.take(all)) ?? { answers: [] };
    expect(answers.map(({ allowed }) => allowed)).toEqual([false, true, true]);
    expect(answers[0]?.retryAfterMs).toBeGreaterThan(0);
  });

  test("a refund reaches each where it was taken", async () => {
    const limits = (["local", "leased", "strict"] as const).map((accuracy) =>
      limitOf("fixed_window", { limit: 40, accuracy }),
    );
    const all = limits.map((limit) => charge(limit, 2));
    const [one] = await members(1);
    await one?.limiter.take(all);
    await one?.limiter.refund(all);
    const left = (await one?.limiter.peek(all))?.answers.map(({ remaining }) => remaining);
    expect(left).toEqual([40, 40, 40]);
  });

  test.each(["local", "leased", "strict"] as const)(
    "%s: a key that is reset or refused for a while is so everywhere",
    async (accuracy) => {
      const limit = limitOf("fixed_window", { limit: 64, accuracy });
      const all = await members(2);
      const [one, other] = all as [Member, Member];
      const passes = async ({ limiter }: Member) => (await limiter.take([charge(limit)])).allowed;
      for (const member of all) await passes(member);
      await one.limiter.penalize(limit, "key", 10 ** 6);
      await until(async () => !(await passes(other)));
      expect(await passes(one)).toBe(false);
      await other.limiter.reset(limit, "key");
      await until(async () => passes(one));
      expect(await passes(other)).toBe(true);
    },
  );
});

test("every key has an end, windows below a second and penalties too", async () => {
  const [one] = await members(1);
  const client = await redis.client();
  await client.send("FLUSHALL", []);
  for (const accuracy of ["strict", "leased", "local"] as const) {
    for (const algorithm of algorithms) {
      for (const windowMs of [1, 7, 999, 10 ** 9]) {
        const limit = limitOf(algorithm, { limit: 3, windowMs, waitMsMax: 10, accuracy });
        for (const penaltyMs of [0, 5]) {
          const question = [charge({ ...limit, id: `${limit.id}-${penaltyMs}`, penaltyMs })];
          for (let i = 0; i < 5; i++) await one?.limiter.take(question);
          await one?.limiter.refund(question);
        }
      }
    }
  }
  await one?.close();
  const keys = (await client.send("KEYS", ["*"])) as string[];
  expect(keys.length).toBeGreaterThan(20);
  for (const key of keys) {
    expect(key).toStartWith("{stoa}:");
    // -2: it ended while we looked. -1 would be a key without an end.
    expect({ key, ttl: await client.send("PTTL", [key]) }).not.toEqual({ key, ttl: -1 });
  }
});
