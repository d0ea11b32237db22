import { afterAll, beforeAll, expect, test } from "bun:test";
import { startRedis, type TestRedis } from "../../../test/redis.ts";
import { fakeClock, systemClock } from "../../platform/clock/clock.ts";
import { silentLog } from "../../platform/log/log.ts";
import { Metrics } from "../../platform/metrics/metrics.ts";
import { openState } from "../../platform/state/open.ts";
import type { State } from "../../platform/state/state.ts";
import { limitOf } from "./limiter-suite.fixture.ts";
import { algorithms, type Algorithm, type Charge, type Limit } from "./limiter.ts";
import { MemoryLimiter } from "./memory.ts";
import { RedisLimiter } from "./redis.ts";

/**
 * The scripts beside the memory limiter, which has models of its own: the same random questions at
 * the same times must get the same answers. Each reply says when Redis decided, and the memory
 * limiter's clock is set to that.
 */
let redis: TestRedis;
let state: State;
let decidedAt = 0;
beforeAll(async () => {
  redis = await startRedis({ cluster: true });
  const parts = { clock: systemClock, log: silentLog, metrics: new Metrics() };
  const opened = await openState({ redisUrl: redis.url, commandTimeoutMs: 5_000, ...parts });
  state = Object.assign(Object.create(opened) as State, {
    async run(...question: Parameters<State["run"]>): Promise<number[]> {
      const reply = await opened.run(...question);
      decidedAt = reply[0] as number;
      return reply;
    },
  });
});
afterAll(async () => {
  await state.close();
  await redis.stop();
});

/** Repeatable: the seed is in the test's name. */
function randomOf(seed: number): (below: number) => number {
  let at = seed;
  return (below) => {
    at = (Math.imul(at, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((at / 2 ** 32) * below);
  };
}

/** Numbers that divide badly, in windows of which many pass during the test. */
function randomLimit(algorithm: Algorithm, random: (below: number) => number): Limit {
  const limit = 1 + random(12);
  const windowMs = 7 + random(60);
  const burst = algorithm === "token_bucket" ? 1 + random(15) : limit;
  return limitOf(algorithm, {
    ...{ limit, windowMs, burst, waitMsMax: random(80), queueMax: random(8) },
    penaltyMs: random(4) === 0 ? 1 + random(30) : 0,
  });
}

const seeds = [1, 2].flatMap((seed) => algorithms.map((name) => [name, seed] as const));

test.each(seeds)("%s decides as in process, seed %d", async (algorithm, seed) => {
  const random = randomOf(seed * 7_919 + algorithms.indexOf(algorithm));
  const clock = fakeClock();
  const memory = new MemoryLimiter({ clock, keysMax: 1_000 });
  const central = new RedisLimiter({ state });
  const limits = [0, 1, 2].map(() => randomLimit(algorithm, random));
  const randomCharge = (): Charge => {
    const limit = limits[random(3)] as Limit;
    return { limit, key: `key ${random(2)}`, cost: 1 + random(Math.min(4, limit.burst)) };
  };
  const atTheSameTime = <T>(ask: () => T): T => {
    clock.set(decidedAt);
    return ask();
  };

  for (let i = 0; i < 300; i++) {
    const [first, second] = [randomCharge(), randomCharge()];
    const same = first.key === second.key && first.limit === second.limit;
    const charges = random(2) === 0 || same ? [first] : [first, second];
    const what = random(12);
    if (what === 0) {
      await central.refund(charges);
      atTheSameTime(() => memory.refund(charges));
    } else if (what === 1) {
      expect(await central.report(charges)).toEqual(atTheSameTime(() => memory.report(charges)));
    } else if (what === 2) {
      expect(await central.peek(charges)).toEqual(atTheSameTime(() => memory.peek(charges)));
    } else if (what === 3 && random(10) === 0) {
      await central.reset(first.limit, first.key);
      atTheSameTime(() => memory.reset(first.limit, first.key));
    } else if (what === 4 && random(10) === 0) {
      await central.penalize(first.limit, first.key, 5);
      atTheSameTime(() => memory.penalize(first.limit, first.key, 5));
    } else {
      const decision = await central.take(charges);
      expect(decision).toEqual(atTheSameTime(() => memory.take(charges)));
      const refused = decision.answers.find((answer) => !answer.allowed);
      // Now and then as long as told, or a little; else at once.
      const pause = random(6) === 0 ? Math.min(refused?.retryAfterMs ?? 3, 40) : random(2);
      for (const until = performance.now() + pause; performance.now() < until;) await Bun.sleep(1);
    }
  }
});
