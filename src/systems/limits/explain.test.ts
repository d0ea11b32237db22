import { afterAll, beforeAll, expect, test } from "bun:test";
import { startWorld, type World } from "../../../test/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 60_000);
afterAll(() => world.stop(), 60_000);

type Explained = {
  route: string | null;
  tier: string;
  allowed: boolean;
  rules: { rule: string; applies: boolean; why: string; key: string | null; state: State | null }[];
};
type State = { allowed: boolean; remaining: number };

async function rule(more: object) {
  const plain = { algorithm: "fixed_window", limit: 3, window_ms: 86_400_000, key_fallback: [] };
  const body = { ...plain, ...more };
  const made = await world.call("POST", "/api/v1/limits/rules", { as: world.admin, body });
  expect(made.status).toBe(201);
  return (made.body as { id: string }).id;
}

async function explain(query: Record<string, string>) {
  const path = `/api/v1/limits/explain?${new URLSearchParams(query)}`;
  const reply = await world.call("GET", path, { as: world.admin });
  return { status: reply.status, body: reply.body as Explained };
}

test("tells which rules concern a request, in what order, with what state and why", async () => {
  const account_id = world.ada.id;
  await rule({ name: "t.user", routes: ["/api/v1/links/*"], key: ["user"] });
  await rule({ name: "t.paid", routes: ["/api/v1/links/*"], tiers: ["paid"], key: ["user"] });
  await rule({ name: "t.writes", methods: ["POST"], key: ["user"] });
  await rule({ name: "t.key", routes: ["/api/v1/links/*"], key: ["api_key"] });
  await rule({ name: "t.shadow", mode: "shadow", limit: 1, key: ["global"] });
  await rule({
    name: "t.zlist",
    algorithm: "list",
    limit: 0,
    window_ms: 0,
    deny: ["203.0.113.0/24"],
  });
  await rule({ name: "t.allows", key: ["ip"], routes: ["/api/v1/links/*"], allow: ["192.0.2.77"] });
  await world.call("GET", "/api/v1/links/1", { as: world.ada });
  const asked = { path: "/api/v1/links/42", account_id, tier: "free", address: "192.0.2.77" };
  const { body } = await explain(asked);
  expect(body).toMatchObject({ route: "GET /api/v1/links/{id}", tier: "free", allowed: true });
  const own = body.rules.filter((one) => one.rule.startsWith("t."));
  expect(own.map(({ rule: name, applies, why, key }) => [name, applies, why, key])).toEqual([
    ["t.zlist", false, "the caller is on none of its lists", null],
    ["t.allows", false, "the caller is on its allow list, so it does not count", null],
    ["t.key", false, "the caller has no api_key, and no fallback helps", null],
    ["t.paid", false, "it is for paid and not for free", null],
    ["t.user", true, "it matches", `user:${account_id}`],
    ["t.writes", false, "it is for POST", null],
    ["t.shadow", true, "it matches, and only counts", "global"],
  ]);
  const state = (name: string) => own.find((one) => one.rule === name)?.state;
  expect(state("t.user")).toMatchObject({ allowed: true, remaining: 2 });
  expect(state("t.shadow")).toMatchObject({ allowed: false, remaining: 0 });
  expect((await explain(asked)).body).toEqual({ ...body, rules: expect.any(Array) });
  const service = body.rules.find((one) => one.rule === "links.reports");
  expect(service).toMatchObject({ applies: false, why: "it is only asked for by name" });
  await rule({ name: "t.divided", limit: 640, accuracy: "leased", sub_keys: 8, key: ["global"] });
  const { rules } = (await explain(asked)).body;
  expect(rules.find((one) => one.rule === "t.divided")).toMatchObject({
    ...{ applies: true, accuracy: "leased", sub_keys: 8, state: { limit: 640 } },
  });
  expect(rules.find((one) => one.rule === "t.zlist")).toMatchObject({
    ...{ accuracy: null, sub_keys: null },
  });
});

test("tells of refusals, of lists and of paths that nothing answers", async () => {
  const denied = await explain({ path: "/abc", address: "203.0.113.5" });
  expect(denied.body).toMatchObject({ route: "GET /{code}", tier: "anonymous", allowed: false });
  const list = denied.body.rules.find((one) => one.rule === "t.zlist");
  expect(list).toMatchObject({ applies: true, why: "the caller is on its deny list" });
  const used = { path: "/api/v1/links/9", account_id: world.ada.id, tier: "free" };
  for (let i = 0; i < 2; i++) await world.call("GET", "/api/v1/links/1", { as: world.ada });
  expect((await explain(used)).body.allowed).toBe(false);
  const id = await rule({
    name: "t.exempt",
    algorithm: "list",
    limit: 0,
    window_ms: 0,
    allow: [`user:${world.ada.id}`],
  });
  expect((await explain(used)).body.allowed).toBe(true);
  await world.call("DELETE", `/api/v1/limits/rules/${id}`, { as: world.admin });
  const nothing = await explain({ path: "/api/v1/nothing/at/all" });
  expect(nothing.body.route).toBeNull();
  expect(nothing.body.rules.every((one) => !one.applies)).toBe(true);
  const more = { method: "POST", api_key_id: "5", address: "2001:db8::1" };
  const written = await explain({ path: "/api/v1/links", ...more });
  expect(written.body.route).toBe("POST /api/v1/links");
  for (const wrong of [
    { path: "abc" },
    { path: "/a", address: "nobody" },
    { path: "/a", method: "X" },
  ]) {
    expect((await explain(wrong as unknown as Record<string, string>)).status).toBe(400);
  }
});

test("a plan that an administrator changes holds at once, for what was used already", async () => {
  const limit = { algorithm: "sliding_log", window_ms: 86_400_000, key: ["user"] };
  await rule({
    ...limit,
    name: "t.plan.free",
    limit: 1,
    tiers: ["free"],
    routes: ["/api/v1/domains"],
  });
  await rule({
    ...limit,
    name: "t.plan.paid",
    limit: 3,
    tiers: ["paid"],
    routes: ["/api/v1/domains"],
  });
  const ask = async () => (await world.call("GET", "/api/v1/domains", { as: world.bob })).status;
  expect([await ask(), await ask()]).toEqual([200, 429]);
  const signedIn = await world.call("POST", "/api/v1/sessions", {
    as: null,
    body: { email: world.admin.email, password: "correct horse battery staple" },
  });
  const as = (signedIn.body as { access_token: string }).access_token;
  const path = `/api/v1/accounts/${world.bob.id}`;
  const changed = await world.call("PATCH", path, { as, body: { tier: "paid" } });
  expect([changed.status, (changed.body as { tier: string }).tier]).toEqual([200, "paid"]);
  expect([await ask(), await ask(), await ask(), await ask()]).toEqual([200, 200, 200, 429]);
  const wrong = await world.call("PATCH", path, { as, body: { tier: "gold" } });
  expect([wrong.status, (wrong.body as { errors: { field: string }[] }).errors[0]?.field]).toEqual([
    ...[422, "tier"],
  ]);
});
