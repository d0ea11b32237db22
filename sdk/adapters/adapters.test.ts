import { describe, expect, test } from "bun:test";
import { Hono, type Context } from "hono";
import { createStoa } from "../stoa.ts";
import {
  appsBeforeStoa,
  frameworks,
  startHono,
  type Settings,
  type Start,
} from "./frameworks.fixture.ts";
import { limit as honoLimit } from "./hono.ts";

/** Each adapter in the real framework, before a real Stoa and before servers that misbehave. */
const { admin, nameOne, makeRule, serve: urlOf, closeLater } = appsBeforeStoa();

async function serve(start: Start, ...limits: Settings[]) {
  const url = await urlOf(start, limits);
  return (client = "ada", method = "GET") =>
    fetch(`${url}/thing`, { method, headers: { "x-client": client } });
}

/** A Stoa that does with every question what the test wants. */
function stoaThat(answer: () => Response | Promise<Response>) {
  let asked = 0;
  const fetch = () => (asked++, answer());
  const server = Bun.serve({ port: 0, fetch, idleTimeout: 0 });
  closeLater({ close: () => server.stop(true) });
  const client = createStoa({ baseUrl: server.url.origin, apiKey: "key" });
  return { client, asked: () => asked };
}
const silent = () => stoaThat(() => new Promise<Response>(() => {}));

for (const [name, start] of frameworks) {
  describe(name, () => {
    test("lets pass what the rule allows, then refuses, and says so on every answer", async () => {
      const limited = await makeRule(nameOne());
      const ask = await serve(start, { client: admin(), rule: limited, timeoutMs: 20_000 });
      for (const left of ["1", "0"]) {
        const passed = await ask();
        expect([passed.status, await passed.text()]).toEqual([200, "done"]);
        expect(passed.headers.get("x-ratelimit-limit")).toBe("2");
        expect(passed.headers.get("x-ratelimit-remaining")).toBe(left);
        expect(passed.headers.get("ratelimit-policy")).toBe(`"${limited}";q=2`);
        expect(passed.headers.get("ratelimit")).toMatch(
          new RegExp(`^"${limited}";r=${left};t=3[0-9]{3}$`),
        );
        expect(passed.headers.has("retry-after")).toBe(false);
      }
      const refused = await ask();
      expect(refused.status).toBe(429);
      expect(refused.headers.get("content-type")).toStartWith("application/problem+json");
      const retryAfter = Number(refused.headers.get("retry-after"));
      const problem = (await refused.json()) as { retry_after_ms: number };
      expect(problem).toMatchObject({ status: 429, code: "request.rate_limited", rule: limited });
      expect(retryAfter * 1000).toBeGreaterThanOrEqual(problem.retry_after_ms);
      expect(retryAfter).toBeLessThanOrEqual(3_600);
      expect(refused.headers.get("ratelimit")).toStartWith(`"${limited}";r=0;t=`);
      expect((await ask("bob")).status).toBe(200);
      expect((await ask("free")).headers.has("ratelimit")).toBe(false);
    }, 60_000);

    test("within its time limit goes on or refuses as it was told", async () => {
      for (const [onFailure, method, status] of [
        ["open", "POST", 200],
        ["closed", "GET", 503],
        [undefined, "GET", 200],
        [undefined, "POST", 503],
      ] as const) {
        const { client } = silent();
        const errors: unknown[] = [];
        const onError = (error: unknown) => errors.push(error);
        const settings = { client, rule: "any", onFailure, timeoutMs: 50, onError };
        const ask = await serve(start, settings);
        const answer = await ask("ada", method);
        expect([answer.status, errors.length]).toEqual([status, 1]);
        if (status !== 503) continue;
        expect(answer.headers.get("retry-after")).toBe("1");
        expect(await answer.json()).toMatchObject({ code: "limits.unavailable", status });
      }
    }, 60_000);

    test("of several limits the tightest speaks, and a broken key is an error", async () => {
      const [wide, tight] = [
        await makeRule(nameOne(), { limit: 9 }),
        await makeRule(nameOne(), { limit: 5 }),
      ];
      const settings = { client: admin(), timeoutMs: 20_000 };
      for (const order of [
        [wide, tight],
        [tight, wide],
      ]) {
        const ask = await serve(start, ...order.map((each) => ({ ...settings, rule: each })));
        const answer = await ask();
        expect(answer.headers.get("x-ratelimit-limit")).toBe("5");
        expect((await ask("broken")).status).toBe(500);
      }
    }, 60_000);
  });
}

describe("every adapter", () => {
  test("waits no more for a Stoa that is away, and asks again after a rest", async () => {
    let away = true;
    const answer = { allowed: true, rule: null, limit: null, remaining: null, reset_at: null };
    const good = Response.json({ ...answer, retry_after_ms: 0, delay_ms: 0 });
    const stoa = stoaThat(() => (away ? new Response("", { status: 503 }) : good.clone()));
    const settings = { client: stoa.client, rule: "any", timeoutMs: 20_000 };
    const ask = await serve(startHono, { ...settings, onFailure: "closed" });
    for (let i = 0; i < 3; i++) expect((await ask()).status).toBe(503);
    expect(stoa.asked()).toBe(3);
    away = false;
    expect((await ask()).status).toBe(503);
    expect(stoa.asked()).toBe(3);
    const until = performance.now() + 20_000;
    let status = 503;
    while (status !== 200 && performance.now() < until) ({ status } = await ask());
    expect([status, stoa.asked()]).toEqual([200, 4]);
    expect((await ask()).status).toBe(200);
  }, 60_000);

  test("tells long keys apart, and lets no unanswerable question pass", async () => {
    const limited = await makeRule(nameOne(), { limit: 1 });
    const settings = { client: admin(), rule: limited, timeoutMs: 20_000 };
    const ask = await serve(startHono, { ...settings, onFailure: "open" });
    const long = "x".repeat(1_000);
    const statuses = [];
    for (const client of [`${long}1`, `${long}1`, `${long}2`]) {
      statuses.push((await ask(client)).status);
    }
    expect(statuses).toEqual([200, 429, 200]);
    const dear = await serve(startHono, { ...settings, onFailure: "open", cost: 2 });
    for (let i = 0; i < 4; i++) expect((await dear("carol")).status).toBe(400);
    expect((await ask("dan")).status).toBe(200);
  }, 60_000);

  test("passes on a cost by request, a refusal for good, and the wait of a queue", async () => {
    const listed = await makeRule(nameOne(), { deny: ["mallory"], limit: 6 });
    const settings = { client: admin(), rule: listed, timeoutMs: 20_000 };
    const ask = await serve(startHono, { ...settings, cost: 4 });
    expect((await ask()).headers.get("x-ratelimit-remaining")).toBe("2");
    const byRequest = new Hono();
    const cost = (context: Context) => Number(context.req.query("cost"));
    byRequest.use(honoLimit({ ...settings, key: () => "erin", cost }));
    byRequest.get("/", (context) => context.text("done"));
    const paid = await byRequest.request("/?cost=3");
    expect(paid.headers.get("x-ratelimit-remaining")).toBe("3");

    const denied = await ask("mallory");
    expect(denied.status).toBe(403);
    expect(denied.headers.has("retry-after")).toBe(false);
    expect(await denied.json()).toMatchObject({ code: "limits.denied", rule: listed });

    const queue = { limit: 4, window_ms: 1_000, wait_ms_max: 10_000, queue_max: 9 };
    const slow = await makeRule(nameOne(), { algorithm: "leaky_bucket", ...queue });
    const wait = await serve(startHono, { ...settings, rule: slow });
    const started = performance.now();
    const both = await Promise.all([wait(), wait(), wait()]);
    expect(both.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(performance.now() - started).toBeGreaterThanOrEqual(490);
  }, 60_000);

  test("a rule that is gone is a failure like any other", async () => {
    const gone = { client: admin(), rule: "test.gone", timeoutMs: 20_000 };
    const closed = await serve(startHono, { ...gone, onFailure: "closed" });
    expect((await closed()).status).toBe(503);
    expect((await (await serve(startHono, gone))()).status).toBe(200);
  }, 60_000);
});
