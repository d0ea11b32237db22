import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { startRedis, type TestRedis } from "../../../test/redis.ts";
import { systemClock } from "../../platform/clock/clock.ts";
import { Leases } from "./leases.ts";
import { limitOf } from "./limiter-suite.fixture.ts";
import type { Charge, Limit } from "./limiter.ts";
import { MemoryLimiter } from "./memory.ts";
import { RedisLimiter } from "./redis.ts";
import { SubKeys } from "./sub-keys.ts";
import { openMember, openMembers, until, type Member } from "./spread.fixture.ts";

let redis: TestRedis;
const open: { close(): Promise<void> }[] = [];
beforeAll(async () => {
  redis = await startRedis({ cluster: true });
});
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});
afterAll(() => redis.stop());

async function members(count: number): Promise<Member[]> {
  const all = await openMembers(count, redis.url);
  open.push(...all);
  return all;
}

const charge = (limit: Limit, cost = 1, key = "key"): Charge => ({ limit, key, cost });

/** Until no more is answered at once; returns how many were. */
function takeStock({ limiter }: Member, limit: Limit): number {
  for (let taken = 0; ; taken++) {
    const decision = limiter.take([charge(limit)]);
    // The question that found no stock is left to itself.
    if (decision instanceof Promise || !decision.allowed) return taken;
  }
}

/** Enough questions for a stock, of which the last left some. */
async function buildStock({ limiter }: Member, limit: Limit, questions: number): Promise<void> {
  for (let i = 0; i < questions; i++) await limiter.take([charge(limit)]);
}

/**
 * A machine may stop us at any moment, or set its clock: Redis tells windows by the time of day,
 * a stock's end is measured. A run in which that happened proves nothing and is repeated.
 */
async function undisturbed(run: () => Promise<boolean>): Promise<void> {
  const ahead = () => Date.now() - performance.now();
  for (let tries = 0; tries < 50; tries++) {
    const before = ahead();
    const outcome = await run().catch((error: unknown) => ({ error }));
    if (Math.abs(ahead() - before) > clockStepMs) continue;
    if (outcome === true) return;
    if (outcome !== false) throw outcome.error;
  }
  throw new Error("the machine is too busy for this test");
}

/** Date.now() has no fractions, so less is no step. */
const clockStepMs = 2;

async function sleepUntil(time: number): Promise<void> {
  while (Date.now() < time) await Bun.sleep(1);
}
test("most questions are answered without Redis, and a slow key holds one unit", async () => {
  const [one] = await members(1);
  const limit = limitOf("fixed_window", { limit: 100_000, accuracy: "leased" });
  const client = await redis.client();
  await client.send("CONFIG", ["RESETSTAT"]);
  for (let i = 0; i < 10_000; i++) await one?.limiter.take([charge(limit)]);
  const stats = String(await client.send("INFO", ["commandstats"]));
  const scripts = Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1]);
  expect(scripts).toBeLessThan(100);
});

test("what is not used comes back to the others", async () => {
  const limit = limitOf("fixed_window", { limit: 3_200, windowMs: 10_000, accuracy: "leased" });
  const [busy, other] = await members(2);
  const question = [charge(limit)];
  for (let i = 0; i < 1_000; i++) await busy?.limiter.take(question);
  const used = async () =>
    3_200 - ((await other?.limiter.peek(question))?.answers[0]?.remaining ?? 0);
  expect(await used()).toBeGreaterThan(1_000);
  // The window may have turned, which leaves nothing used.
  await until(async () => (await used()) <= 1_000);
});

test("are given back by a process that stops", async () => {
  const limit = limitOf("token_bucket", { limit: 3_200, accuracy: "leased" });
  const [one] = await members(1);
  const other = await openMember(redis.url);
  for (let i = 0; i < 100; i++) await other.limiter.take([charge(limit)]);
  await other.close();
  const { answers } = (await one?.limiter.peek([charge(limit)])) ?? { answers: [] };
  // The bucket is smaller by what flows in while a stock is held: here less than one.
  expect(answers[0]?.remaining).toBe(3_200 - 100 - 1);
});

test("a stock ends with its window", async () => {
  const [busy, other] = (await members(2)) as [Member, Member];
  await undisturbed(async () => {
    const limit = limitOf("fixed_window", { limit: 3_200, windowMs: 2_000, accuracy: "leased" });
    // A stock may be held for 200 ms, if the window does not end before.
    const end = Math.ceil((Date.now() + 190) / 2_000) * 2_000;
    await sleepUntil(end - 180);
    await buildStock(busy, limit, 300);
    if (Date.now() >= end - 2) return false;
    await sleepUntil(end);
    const whole = await other.limiter.take([charge({ ...limit, accuracy: "strict" }, 3_200)]);
    const late = takeStock(busy, limit);
    if (Date.now() >= end + 1_900) return false;
    expect(whole.allowed).toBe(true);
    expect(late).toBe(0);
    return true;
  });
});

test("a bucket's stock, handed out late or given back late, adds no units", async () => {
  const [busy, other] = (await members(2)) as [Member, Member];
  const numbers = { limit: 1_000, windowMs: 10_000, burst: 1_000 };
  await undisturbed(async () => {
    const limit = limitOf("token_bucket", { ...numbers, accuracy: "leased" });
    const begun = performance.now();
    await buildStock(busy, limit, 60);
    // By now all that the stock was charged with has flowed in again, and it may be held still.
    await sleepUntil(Date.now() + 900 - (performance.now() - begun));
    const from = performance.now();
    let passed = 0;
    for (const cost of [900, 50, 25, 12, 6, 3, 1]) {
      const { allowed } = await other.limiter.take([charge(limit, cost)]);
      if (allowed) passed += cost;
    }
    const late = takeStock(busy, limit);
    if (late === 0) return false;
    expect(passed).toBeGreaterThanOrEqual(900);
    expect(passed + late).toBeLessThanOrEqual(1_000 + (performance.now() - from) / 10);
    return true;
  });
  await undisturbed(async () => {
    const limit = limitOf("token_bucket", { ...numbers, accuracy: "leased" });
    const begun = performance.now();
    await buildStock(busy, limit, 60);
    await sleepUntil(Date.now() + 900 - (performance.now() - begun));
    await other.limiter.take([charge(limit, 800)]);
    const question = [charge({ ...limit, accuracy: "strict" })];
    const free = async () => (await other.limiter.peek(question)).answers[0]?.remaining as number;
    const from = performance.now();
    if (from - begun > 990) return false;
    const before = await free();
    await sleepUntil(Date.now() + 400);
    expect((await free()) - before).toBeLessThanOrEqual(2 + (performance.now() - from) / 10);
    return true;
  });
});

test("with no room for a stock, what a refused question fetched goes back at once", async () => {
  const [one] = (await members(1)) as [Member];
  const central = new RedisLimiter({ state: one.state });
  const memory = new MemoryLimiter({ clock: systemClock, keysMax: 10 });
  const subKeys = new SubKeys({ servers: [one.state], memory });
  const leases = new Leases({ central, subKeys, clock: systemClock, keysMax: 0 });
  const limits = [10, 2].map((limit) => limitOf("fixed_window", { limit, accuracy: "leased" }));
  const all = limits.map((limit) => charge(limit));
  const passed = [];
  for (let i = 0; i < 5; i++) passed.push((await leases.take(all)).allowed);
  expect(passed).toEqual([true, true, false, false, false]);
  const left = async () => (await central.peek(all)).answers.map(({ remaining }) => remaining);
  await until(async () => (await left())[0] === 8);
  expect(await left()).toEqual([8, 0]);
  await leases.close();
});
