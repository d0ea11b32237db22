import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { startRedis, type TestRedis } from "../../test/redis.ts";
import { loadConfig } from "../platform/config/config.ts";
import { createPlace, type Place } from "./cli.fixture.ts";
import { checkState } from "./doctor-state.ts";
import type { Finding } from "./finding.ts";

/** What several processes need, as the doctor and the server say it. */
setDefaultTimeout(60_000);
let redis: TestRedis;
let place: Place;
beforeAll(async () => {
  redis = await startRedis();
  place = await createPlace();
});
afterAll(async () => {
  redis.thaw();
  await redis.stop();
  await place.remove();
});

const statuses = async (env: Record<string, string>) =>
  (await checkState(loadConfig(env))).map(({ status }) => status);

test("one process needs no Redis, several do", async () => {
  expect(await statuses({})).toEqual(["ok"]);
  expect(await statuses({ STOA_PROCESSES: "4" })).toEqual(["fail"]);
  expect(await statuses({ STOA_PROCESSES: "4", REDIS_URL: redis.url })).toEqual(["ok"]);
  const mixed: Finding["status"][] = ["ok", "ok", "fail"];
  const STOA_LEASE_REDIS_URLS = `${redis.url},redis://127.0.0.1:1`;
  expect(await statuses({ REDIS_URL: redis.url, STOA_LEASE_REDIS_URLS })).toEqual(mixed);
});

test("a Redis that forgets keys is warned of; one that is frozen or away is told", async () => {
  const client = await redis.client();
  await client.send("CONFIG", ["SET", "maxmemory-policy", "allkeys-lru"]);
  expect(await statuses({ REDIS_URL: redis.url })).toEqual(["ok", "warn"]);
  redis.freeze();
  expect(await statuses({ REDIS_URL: redis.url })).toEqual(["fail"]);
  redis.thaw();
  const [finding] = await checkState(loadConfig({ REDIS_URL: "redis://u:s3cret@127.0.0.1:1" }));
  expect(finding?.status).toBe("fail");
  expect(JSON.stringify(finding)).not.toContain("s3cret");
});

test("several processes without Redis do not start, and say which setting is missing", async () => {
  const { code, err } = await place.stoa(["serve", "--processes", "4", "--port", "0"]);
  expect(code).toBe(2);
  expect(err).toContain("REDIS_URL: must be set");
  expect((await place.stoa(["serve", "--processes", "none"])).err).toContain("STOA_PROCESSES");
  expect((await place.stoa(["serve-process", "1"])).code).toBe(2);
});
