import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { startRedis, type TestRedis } from "../../../test/redis.ts";
import { StateAwayError } from "../../platform/state/state.ts";
import { limitOf } from "./limiter-suite.fixture.ts";
import type { Charge, Limit } from "./limiter.ts";
import { RedisLimiter } from "./redis.ts";
import { openMember, openMembers, until, type Member } from "./spread.fixture.ts";

/** Redis killed, started again and frozen under limiters in use. */
let redis: TestRedis;
let open: Member[] = [];
let children: { kill(): void }[] = [];
beforeEach(async () => {
  redis = await startRedis({ durable: true });
});
afterEach(async () => {
  redis.thaw();
  for (const child of children.splice(0)) child.kill();
  for (const member of open) await member.close();
  open = [];
  await redis.stop();
});

const charge = (limit: Limit): Charge => ({ limit, key: "key", cost: 1 });

async function killOften(done: () => boolean): Promise<number> {
  let kills = 0;
  for (; !done() && kills < 3; kills++) {
    await redis.kill();
    await redis.start();
    // Some work between one kill and the next.
    for (let i = 0; i < 20 && !done(); i++) await Bun.sleep(10);
  }
  return kills;
}

test("strict through kills: exactly the limit, but for what nobody heard of again", async () => {
  const limit = limitOf("fixed_window", { limit: 6_000 });
  open = await openMembers(4, redis.url);
  let [passed, unknown, refusals] = [0, 0, 0];
  const caller = async ({ state }: Member) => {
    const central = new RedisLimiter({ state });
    for (;;) {
      try {
        const { allowed } = await central.take([charge(limit)]);
        if (!allowed) return refusals++;
        passed++;
      } catch (error) {
        if (!(error instanceof StateAwayError)) throw error;
        if (error.sent) unknown++;
        await Bun.sleep(5);
      }
    }
  };
  const callers = Promise.all(Array.from({ length: 64 }, (_, i) => caller(open[i % 4] as Member)));
  const kills = await killOften(() => refusals > 0);
  await callers;
  expect(kills).toBeGreaterThan(0);
  expect(unknown).toBeGreaterThan(0);
  expect(passed).toBeLessThanOrEqual(6_000);
  expect(passed + unknown).toBeGreaterThanOrEqual(6_000);
});

describe("four processes, 64 callers, Redis killed and started again", () => {
  async function passedBy(limit: Limit): Promise<{ passed: number; kills: number }> {
    const child = join(import.meta.dir, "spread.child.ts");
    const command = [process.execPath, child, redis.url, JSON.stringify(limit), "16"];
    const members = Array.from({ length: 4 }, () => {
      return Bun.spawn(command, { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    });
    children = members;
    let ended = 0;
    const outputs = members.map(async ({ stdout }) => {
      let text = "";
      for await (const chunk of stdout) text += Buffer.from(chunk).toString();
      ended++;
      return text;
    });
    const counts = Promise.all(outputs);
    for (const { stdin } of members) {
      stdin.write("go\n");
      await stdin.flush();
    }
    const client = await redis.client();
    await until(async () => Number(await client.send("DBSIZE", [])) > 0);
    const kills = await killOften(() => ended > 0);
    const passed = (await counts).map((text) => Number(text.replace("ready\n", "")));
    return { passed: passed.reduce((sum, count) => sum + count, 0), kills };
  }

  test("strict: never more than the limit", async () => {
    const { passed, kills } = await passedBy(limitOf("fixed_window", { limit: 8_000 }));
    expect(kills).toBeGreaterThan(0);
    expect(passed).toBeLessThanOrEqual(8_000);
    // Each kill leaves at most one question of each caller without an answer.
    expect(passed).toBeGreaterThanOrEqual(8_000 - kills * 64);
  }, 60_000);

  test("leased: never more than the limit", async () => {
    const limit = limitOf("sliding_window", { limit: 100_000, accuracy: "leased" });
    const { passed, kills } = await passedBy(limit);
    expect(kills).toBeGreaterThan(0);
    expect(passed).toBeLessThanOrEqual(100_000);
    expect(passed).toBeGreaterThan(60_000);
  }, 60_000);
});

describe("Redis frozen", () => {
  const timeoutMs = 50;
  const many = 200;
  let member: Member;
  beforeEach(async () => {
    member = await openMember(redis.url, timeoutMs);
    open = [member];
  });

  const takeMany = (limit: Limit) =>
    Promise.all(Array.from({ length: many }, async () => member.limiter.take([charge(limit)])));

  /** A busy machine may stop the pair of us at the wrong moment; then it is asked again. */
  const whenUp = () => until(() => member.state.state() === "up");

  test.each(["strict", "leased"] as const)(
    "%s and closed: refused within the deadline",
    async (accuracy) => {
      for (let tries = 0, waitedMs = Infinity; waitedMs > timeoutMs + 10; tries++) {
        // Of which no more than a unit lies here.
        const limit = limitOf("token_bucket", { limit: 10_000, accuracy });
        // A busy machine is late now and then, and never each time.
        expect(tries).toBeLessThan(30);
        await until(async () => (await member.limiter.take([charge(limit)])).allowed);
        redis.freeze();
        const begun = performance.now();
        const decisions = await takeMany(limit);
        waitedMs = performance.now() - begun;
        const stock = decisions.filter(({ allowed }) => allowed).length;
        expect(stock).toBeLessThanOrEqual(accuracy === "strict" ? 0 : 10_000 / 32);
        expect(decisions.at(-1)?.answers[0]).toMatchObject({ allowed: false, retryAfterMs: 1_000 });
        expect(member.state.state()).toBe("down");
        redis.thaw();
      }
    },
  );

  test("strict and open: counted here meanwhile, up to the limit", async () => {
    const limit = limitOf("fixed_window", { limit: 50, onFailure: "open" });
    await whenUp();
    redis.freeze();
    const decisions = await takeMany(limit);
    expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(50);
    expect((await member.limiter.peek([charge(limit)])).answers[0]?.remaining).toBe(0);
    redis.thaw();
    await whenUp();
    // Asked of Redis again, which has at most heard of the questions that it froze with.
    await until(async () => (await member.limiter.take([charge(limit)])).allowed === false);
  });

  test("a closed rule beside an open one refuses, and charges neither", async () => {
    const rules = [
      limitOf("fixed_window", { onFailure: "open" }),
      limitOf("fixed_window", { onFailure: "closed" }),
    ];
    await whenUp();
    redis.freeze();
    const both = await member.limiter.take(rules.map(charge));
    expect(both.answers.map(({ allowed }) => allowed)).toEqual([true, false]);
    const only = await member.limiter.take([charge(rules[0] as Limit)]);
    expect(only.answers[0]).toMatchObject({ allowed: true, remaining: 4 });
  });

  test("between the rules of a question: those before are charged nothing", async () => {
    const local = limitOf("sliding_log", { limit: 50, accuracy: "local" });
    const leased = limitOf("fixed_window", { limit: 3_200, accuracy: "leased" });
    const strict = limitOf("token_bucket", { limit: 50 });
    const all = [strict, local, leased].map(charge);
    await whenUp();
    // So many that some of the leased units lie here, and no block is on its way.
    for (let i = 0; i < 25; i++) await member.limiter.take([charge(leased)]);
    const left = async () =>
      (await member.limiter.peek(all)).answers.map(({ remaining }) => remaining);
    const before = await left();
    redis.freeze();
    for (let i = 0; i < 5; i++) {
      const { allowed, answers } = await member.limiter.take(all);
      expect({ allowed, strict: answers[0]?.allowed }).toEqual({ allowed: false, strict: false });
    }
    redis.thaw();
    await whenUp();
    const after = await left();
    expect(after.slice(1)).toEqual(before.slice(1));
    // The first was sent, and nobody knows.
    expect(before[0]! - after[0]!).toBeLessThanOrEqual(1);
  });

  test("under a refund: what another try would give back again is not given back yet", async () => {
    const local = limitOf("sliding_log", { limit: 50, accuracy: "local" });
    const strict = limitOf("token_bucket", { limit: 50 });
    const all = [local, strict].map(charge);
    await until(async () => (await member.limiter.take(all)).allowed);
    const before = (await member.limiter.peek([charge(local)])).answers[0]?.remaining as number;
    redis.freeze();
    const refund = async () => member.limiter.refund(all);
    await expect(refund()).rejects.toBeInstanceOf(StateAwayError);
    expect((await member.limiter.peek([charge(local)])).answers[0]?.remaining).toBe(before);
    redis.thaw();
    await whenUp();
    await refund();
    expect((await member.limiter.peek([charge(local)])).answers[0]?.remaining).toBe(before + 1);
  });

  test("a place given meanwhile is told afterwards, and releasing it frees no other", async () => {
    const other = await openMember(redis.url);
    open.push(other);
    const limit = limitOf("concurrency", { limit: 4, onFailure: "open" });
    const place = [charge(limit)];
    const free = async () => (await other.limiter.peek(place)).answers[0]?.remaining;
    await other.limiter.take(place);
    const outage = async (taken: number) => {
      await whenUp();
      redis.freeze();
      while (member.state.state() === "up") await member.limiter.peek(place);
      for (let i = 0; i < taken; i++) expect((await member.limiter.take(place)).allowed).toBe(true);
      redis.thaw();
      await whenUp();
    };
    await outage(1);
    await member.limiter.refund(place);
    expect(await free()).toBe(3);
    // Two more, which all know of before they are released, wherever that is.
    await outage(2);
    await until(async () => (await free()) === 1);
    await member.limiter.refund(place);
    await other.limiter.refund(place);
    expect(await free()).toBe(3);
    await other.limiter.refund(place);
    expect(await free()).toBe(4);
  });

  test("a place released meanwhile is not counted twice, nor forgotten, in the end", async () => {
    const limit = limitOf("concurrency", { limit: 2, onFailure: "open" });
    const place = [charge(limit)];
    const free = async () => (await member.limiter.peek(place)).answers[0]?.remaining;
    await until(async () => (await member.limiter.take(place)).allowed);
    redis.freeze();
    while (member.state.state() === "up") await member.limiter.peek(place);
    expect((await member.limiter.take(place)).allowed).toBe(true);
    await member.limiter.refund(place);
    redis.thaw();
    await whenUp();
    // One of the two is there still.
    expect(await free()).toBe(1);
    await member.limiter.refund(place);
    expect(await free()).toBe(2);
  });

  test("local: nobody notices, and the others hear of it afterwards", async () => {
    const limit = limitOf("fixed_window", { limit: 100, accuracy: "local" });
    const other = await openMember(redis.url);
    open.push(other);
    await whenUp();
    redis.freeze();
    const decisions = await takeMany(limit);
    expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(100);
    redis.thaw();
    await until(async () => {
      const { allowed } = await other.limiter.take([charge(limit)]);
      return !allowed;
    });
  });
});
