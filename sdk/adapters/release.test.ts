import { describe, expect, test } from "bun:test";
import type { Asked } from "./ask.ts";
import {
  appsBeforeStoa,
  frameworks,
  startHono,
  type Gate,
  type Settings,
  type Start,
} from "./frameworks.fixture.ts";

/** Policies, and places that come back: no window here ends before its test does. */
const timeoutMs = 20_000;
const patienceMs = 20_000;

const { admin, nameOne, makeRule, serve: urlOf } = appsBeforeStoa();

const placesOf = (name: string, limit: number) =>
  makeRule(name, { algorithm: "concurrency", limit });

/** The real client, with a count of the places given back. */
function counting(): { client: Asked; refunds: () => number } {
  const { limits } = admin();
  let refunds = 0;
  const refund: Asked["limits"]["refund"] = (question, options) => (
    refunds++,
    limits.refund(question, options)
  );
  return { client: { limits: { check: limits.check, refund } }, refunds: () => refunds };
}

async function serve(start: Start, limits: Settings[], gate?: Gate) {
  const url = await urlOf(start, limits, gate);
  return (path = "/thing", init: RequestInit = {}) =>
    fetch(url + path, { ...init, headers: { "x-client": "ada" } });
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + patienceMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`it never came true: ${what}`);
    await Bun.sleep(5);
  }
}

/** How many are free for ada. */
const free = async (rule: string) => (await admin().limits.peek({ rule, key: "ada" })).remaining;
const freeAre = (rule: string, count: number) =>
  until(`${count} places of ${rule} are free`, async () => (await free(rule)) === count);

for (const [name, start] of frameworks) {
  describe(name, () => {
    test("gives a place back once when the response has been sent, not before", async () => {
      const rule = await placesOf(nameOne(), 3);
      const { client, refunds } = counting();
      const { promise, resolve } = Promise.withResolvers<void>();
      const ask = await serve(start, [{ client, rule, release: true, timeoutMs }], () => promise);
      const held = await admin().limits.check({ rule, key: "ada" });
      expect(held.remaining).toBe(2);
      const [one, two] = await Promise.all([ask("/slow"), ask("/slow")]);
      expect([one.status, two.status, await free(rule)]).toEqual([200, 200, 0]);
      const refused = await ask();
      expect(refused.status).toBe(429);
      expect(await refused.json()).toMatchObject({ rule });
      expect(refunds()).toBe(0);
      resolve();
      expect(await Promise.all([one.text(), two.text()])).toEqual(["begun, done", "begun, done"]);
      await freeAre(rule, 2);
      for (const method of ["GET", "POST"]) {
        expect(await (await ask("/thing", { method })).text()).toBe("done");
        await freeAre(rule, 2);
      }
      // The one that somebody else holds is still held, because each came back once.
      expect(refunds()).toBe(4);
    }, 60_000);

    test("gives it back when the caller goes away, while the work goes on", async () => {
      const rule = await placesOf(nameOne(), 1);
      const { client, refunds } = counting();
      const { promise, resolve } = Promise.withResolvers<void>();
      const ask = await serve(start, [{ client, rule, release: true, timeoutMs }], () => promise);
      // In the middle of the answer, and before its first byte.
      for (const path of ["/slow", "/mute"]) {
        const caller = new AbortController();
        const answer = ask(path, { signal: caller.signal }).catch(() => {});
        await freeAre(rule, 0);
        if (path === "/slow") await answer;
        expect((await ask()).status).toBe(429);
        caller.abort();
        await freeAre(rule, 1);
        await answer;
      }
      resolve();
      expect((await ask()).status).toBe(200);
      await freeAre(rule, 1);
      expect(refunds()).toBe(3);
    }, 60_000);

    test("asks all rules of a policy at once, and gives back places only", async () => {
      const policy = nameOne();
      await makeRule(`${policy}.hourly`, { limit: 2 });
      const atOnce = await placesOf(`${policy}.at_once`, 1);
      const { client } = counting();
      const settings = { client, policy, release: [atOnce], timeoutMs };
      const ask = await serve(start, [settings]);
      for (const left of [1, 0]) {
        expect((await ask()).status).toBe(200);
        await freeAre(atOnce, 1);
        expect(await free(`${policy}.hourly`)).toBe(left);
      }
      const refused = await ask();
      expect([refused.status, await refused.json()]).toMatchObject([
        429,
        { rule: `${policy}.hourly` },
      ]);
      // What one rule refused took no place of the other.
      expect(await free(atOnce)).toBe(1);
    }, 60_000);

    test("a refusal by an inner limit gives back the place of the outer one", async () => {
      const rule = await placesOf(nameOne(), 1);
      const inner = await makeRule(nameOne(), { limit: 1 });
      const { client, refunds } = counting();
      const outer = { client, rule, release: true, timeoutMs };
      const ask = await serve(start, [outer, { client, rule: inner, timeoutMs }]);
      for (const status of [200, 429]) {
        expect((await ask()).status).toBe(status);
        await freeAre(rule, 1);
      }
      expect(refunds()).toBe(2);
    }, 60_000);
  });
}

describe("every adapter", () => {
  test("asks of a policy the rules of the tier it is told", async () => {
    const policy = nameOne();
    await makeRule(`${policy}.free`, { limit: 1, tiers: ["free"] });
    await makeRule(`${policy}.paid`, { limit: 2, tiers: ["paid"] });
    const statuses = async (tier: string) => {
      const ask = await serve(startHono, [{ client: admin(), policy, tier, timeoutMs }]);
      return [(await ask()).status, (await ask()).status, (await ask()).status];
    };
    expect(await statuses("free")).toEqual([200, 429, 429]);
    expect(await statuses("paid")).toEqual([200, 200, 429]);
  }, 60_000);

  test("gives back the place of a response that nobody reads: HEAD, and no such page", async () => {
    const rule = await placesOf(nameOne(), 1);
    const ask = await serve(startHono, [{ client: admin(), rule, release: true, timeoutMs }]);
    for (const [path, method, status] of [
      ["/thing", "HEAD", 200],
      ["/nowhere", "GET", 404],
    ] as const) {
      expect((await ask(path, { method })).status).toBe(status);
      await freeAre(rule, 1);
    }
  }, 60_000);

  test("tells of a place that could not be given back, and goes on", async () => {
    const rule = await placesOf(nameOne(), 9);
    const { limits } = admin();
    const refund = () => Promise.reject(new Error("out of reach"));
    const errors: unknown[] = [];
    const onError = (error: unknown) => errors.push(error);
    const client = { limits: { check: limits.check, refund } };
    const ask = await serve(startHono, [{ client, rule, release: true, timeoutMs, onError }]);
    expect(await (await ask()).text()).toBe("done");
    await until("an error is told", () => errors.length === 1);
    expect(await (await ask()).text()).toBe("done");
    expect(await free(rule)).toBe(7);
  }, 60_000);
});
