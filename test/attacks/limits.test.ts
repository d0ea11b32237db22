import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Route } from "../../src/platform/http/route.ts";
import { startWorld, type World } from "../world.ts";
import { bodyFor, nameOf, pathWith, queryFor } from "./samples.ts";

/** That no route is without the guard, and nobody gets round it by what he says of himself. */
let world: World;
let routes: Route[];
beforeAll(async () => {
  world = await startWorld({ STOA_TRUSTED_PROXIES: "192.0.2.250" });
  routes = world.running.routes;
}, 60_000);
afterAll(() => world.stop(), 60_000);

const rules = "/api/v1/limits/rules";
let names = 0;

/** Holds during `work` alone. */
async function under(rule: object, work: () => Promise<void>): Promise<void> {
  const body = { name: `test.attack-${++names}`, ...rule };
  const made = await world.call("POST", rules, { as: world.admin, body });
  expect(made.status).toBe(201);
  await work();
  const { id } = made.body as { id: string };
  await world.call("DELETE", `${rules}/${id}`, { as: world.admin });
}

async function send(route: Route) {
  return await world.call(route.method, pathWith(route, "1") + queryFor(route), {
    ...{ as: world.bob, body: bodyFor(route) },
    headers: route.rawBody ? { "content-type": route.rawBody } : {},
  });
}

async function codes(): Promise<Set<string>> {
  const seen = new Set<string>();
  for (const route of routes) {
    const { status, body } = await send(route);
    const { code } = body as { code: string };
    seen.add(`${status} ${code}`);
    if (status !== 429 && status !== 403) throw new Error(`${nameOf(route)} answers ${status}`);
  }
  return seen;
}

test("every route refuses whom a rule refuses, whatever else it would answer", async () => {
  const limit = { algorithm: "fixed_window", limit: 1, window_ms: 86_400_000, key: ["user"] };
  await under({ ...limit, cost: 1 }, async () => {
    await send(routes[0] as Route);
    expect(await codes()).toEqual(new Set(["429 request.rate_limited"]));
  });
  await under({ algorithm: "list", deny: [`user:${world.bob.id}`] }, async () => {
    expect(await codes()).toEqual(new Set(["403 limits.denied"]));
  });
});

test("no header makes another caller of somebody", async () => {
  const limit = { algorithm: "sliding_log", limit: 3, window_ms: 86_400_000, key: ["ip"] };
  await under({ ...limit, routes: ["/api/v1/reports"] }, async () => {
    const statuses = [];
    for (let i = 0; i < 8; i++) {
      const address = `203.0.113.${i}`;
      const headers = {
        "x-forwarded-for": `${address}, ${address}`,
        ...{ "x-real-ip": address, forwarded: `for=${address}`, "cf-connecting-ip": address },
        ...{ "true-client-ip": address, "x-client-ip": address, via: address },
      };
      const body = { code: `c${i}`, reason: "spam" };
      statuses.push(
        (await world.call("POST", "/api/v1/reports", { as: null, body, headers })).status,
      );
    }
    expect(statuses).toEqual([404, 404, 404, 429, 429, 429, 429, 429]);
  });
});

test("a made-up key, a method override and another spelling of a path count alike", async () => {
  const limit = { algorithm: "sliding_log", limit: 4, window_ms: 86_400_000, key: ["ip"] };
  await under({ ...limit, routes: ["/api/v1/links/*", "/api/v1/links"] }, async () => {
    const get = async (path: string, headers = {}) =>
      (await world.call("GET", path, { as: null, headers })).status;
    expect(await get("/api/v1/links")).toBe(401);
    expect(await get("/api/v1/links?limit=1")).toBe(401);
    expect(await get("/api/v1/links/1", { authorization: "Bearer stoa_key_made_up" })).toBe(401);
    expect(await get("/api/v1/links/2", { "x-http-method-override": "POST" })).toBe(401);
    for (const path of [
      "/api/v1/links",
      "/api/v1/links/3",
      "/api/v1/%6Cinks",
      "/api/v1/links/%33",
    ]) {
      expect(await get(path)).toBe(429);
    }
  });
});
