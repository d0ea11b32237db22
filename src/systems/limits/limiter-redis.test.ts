import { afterAll, beforeAll } from "bun:test";
import { startRedis, type TestRedis } from "../../../test/redis.ts";
import { systemClock } from "../../platform/clock/clock.ts";
import { silentLog } from "../../platform/log/log.ts";
import { Metrics } from "../../platform/metrics/metrics.ts";
import { openState } from "../../platform/state/open.ts";
import { behavesAsLimiter } from "./limiter-suite.fixture.ts";
import { RedisLimiter } from "./redis.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

behavesAsLimiter("on Redis", async () => {
  const parts = { clock: systemClock, log: silentLog, metrics: new Metrics() };
  const state = await openState({ redisUrl: redis.url, commandTimeoutMs: 5_000, ...parts });
  const client = await redis.client();
  const now = async () => {
    const [seconds, micros] = (await client.send("TIME", [])) as [string, string];
    return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  };
  return {
    limiter: new RedisLimiter({ state }),
    async pass(ms) {
      for (const until = (await now()) + ms; (await now()) < until;) await Bun.sleep(1);
    },
    close: () => state.close(),
  };
});
