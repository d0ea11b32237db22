import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startRedis } from "../../../test/redis.ts";
import { startWorld, type World } from "../../../test/world.ts";
import type { NamedAnswer } from "./questions.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 60_000);
afterAll(() => world.stop(), 60_000);

type Problem = { code: string; errors: { field: string }[] };

async function post<T = NamedAnswer>(what: string, body: unknown) {
  const reply = await world.call("POST", `/api/v1/limits/${what}`, { as: world.admin, body });
  return { status: reply.status, body: reply.body as T };
}

let names = 0;
/** A rule of its own for one test, by default five an hour of the bucket kind. */
async function rule(more: object = {}, name = `test.check-${++names}`) {
  const plain = { name, algorithm: "token_bucket", limit: 5, window_ms: 3_600_000, service: true };
  const made = await post<{ id: string }>("rules", { ...plain, ...more });
  if (made.status !== 201) throw new Error(JSON.stringify(made.body));
  return { name, id: made.body.id };
}

describe("a check", () => {
  test("charges, says what is left, and refuses with the time to come back", async () => {
    const { name } = await rule({ limit: 2 });
    const key = "customer-7";
    const before = Date.now();
    const first = await post("check", { rule: name, key });
    expect(first).toEqual({
      status: 200,
      body: {
        ...{ allowed: true, rule: name, limit: 2, remaining: 1, retry_after_ms: 0, delay_ms: 0 },
        reset_at: expect.any(String),
      },
    });
    const resetAt = Date.parse(first.body.reset_at as string);
    expect(resetAt - before).toBeGreaterThanOrEqual(1_800_000);
    expect(resetAt - Date.now()).toBeLessThanOrEqual(1_800_000);
    expect((await post("check", { rule: name, key })).body.remaining).toBe(0);
    const refused = await post("check", { rule: name, key });
    expect(refused.status).toBe(200);
    expect(refused.body).toMatchObject({ allowed: false, remaining: 0 });
    expect(refused.body.retry_after_ms).toBeGreaterThan(1_700_000);
    expect((await post("check", { rule: name, key: "customer-8" })).body.allowed).toBe(true);
  });

  test("of a divided rule costs what a sub-key has, and no more", async () => {
    const numbers = { algorithm: "fixed_window", limit: 640, accuracy: "leased", sub_keys: 8 };
    const { name } = await rule(numbers);
    const answer = await post("check", { rule: name, key: "k", cost: 80 });
    expect(answer.body).toMatchObject({ allowed: true, remaining: 560 });
    const more = await post<Problem>("check", { rule: name, key: "k", cost: 81 });
    expect([more.status, more.body.errors[0]?.field]).toEqual([422, "cost"]);
  });

  test("takes a cost, the rule's own where none is given", async () => {
    const { name } = await rule({ limit: 10, cost: 3 });
    const ask = async (more = {}) => (await post("check", { rule: name, key: "k", ...more })).body;
    expect((await ask()).remaining).toBe(7);
    expect((await ask({ cost: 5 })).remaining).toBe(2);
    expect(await ask()).toMatchObject({ allowed: false, remaining: 2 });
    expect(await ask({ cost: 2 })).toMatchObject({ allowed: true, remaining: 0 });
  });

  test("by a policy asks all of its rules, each by its part of the key", async () => {
    const policy = `test.policy-${++names}`;
    await rule({ limit: 3, key: ["customer"], key_fallback: [] }, `${policy}.customer`);
    await rule({ limit: 5, key: ["ip"], key_fallback: [] }, `${policy}.address`);
    await rule({ limit: 1, key: ["customer"], tiers: ["paid"] }, `${policy}.paid`);
    const ask = async (customer: string, more = {}) =>
      (await post("check", { policy, key: { customer, ip: "2001:db8::1" }, ...more })).body;
    const answers = [];
    for (const customer of ["a", "a", "a", "a", "b", "b", "b"]) answers.push(await ask(customer));
    expect(answers.map((answer) => [answer.allowed, answer.rule?.split(".").at(-1)])).toEqual([
      ...[
        [true, "customer"],
        [true, "customer"],
        [true, "customer"],
        [false, "customer"],
      ],
      ...[
        [true, "address"],
        [true, "address"],
        [false, "address"],
      ],
    ]);
    expect(await ask("c", { tier: "paid" })).toMatchObject({ rule: `${policy}.address` });
    const other = { policy, key: { customer: "c", ip: "192.0.2.1" }, tier: "paid" };
    expect((await post("check", other)).body).toMatchObject({
      rule: `${policy}.paid`,
      remaining: 0,
    });
    const nobody = await post("check", { policy, key: { unheard_of: "x" } });
    expect(nobody.body).toMatchObject({ allowed: true, rule: null, remaining: null });
  });

  test("that can not be answered says which field is wrong, and charges nothing", async () => {
    const { name } = await rule({ key: ["customer"], key_fallback: [] });
    for (const [field, question] of [
      ["rule", { key: "k" }],
      ["rule", { rule: name, policy: name, key: "k" }],
      ["cost", { rule: name, key: "k", cost: 6 }],
      ["key", { rule: name, key: { user: "1" } }],
    ] as const) {
      const { status, body } = await post<Problem>("check", question);
      expect([status, body.code, body.errors[0]?.field]).toEqual([
        ...[422, "limits.question_invalid", field],
      ]);
    }
    expect((await post("check", { rule: "test.none", key: "k" })).status).toBe(404);
    expect((await post("check", { rule: name, key: "k", cost: 0 })).status).toBe(400);
    expect((await post("check", { rule: name, key: "" })).status).toBe(400);
  });

  test("of a rule that is off lets pass; lists and shadows count as for requests", async () => {
    const off = await rule({ limit: 1, enabled: false });
    const shadow = await rule({ limit: 1, mode: "shadow" });
    for (const { name } of [off, shadow, off, shadow]) {
      const { body } = await post("check", { rule: name, key: "k" });
      expect(body).toMatchObject({ allowed: true, rule: null });
    }
    const lists = await rule({ limit: 1, allow: ["vip"], deny: ["203.0.113.0/24"] });
    const ask = async (key: string) => (await post("check", { rule: lists.name, key })).body;
    expect([await ask("vip"), await ask("vip")].map((one) => one.allowed)).toEqual([true, true]);
    expect(await ask("203.0.113.9")).toMatchObject({ allowed: false, retry_after_ms: null });
  });
});

describe("many checks in one call", () => {
  test("are decided one by one, in their order", async () => {
    const [one, two] = [await rule({ limit: 2 }), await rule({ limit: 1 })];
    const check = (name: string, key: string) => ({ rule: name, key });
    const { body } = await post<{ results: NamedAnswer[] }>("checks", {
      checks: [
        ...[check(one.name, "a"), check(two.name, "a"), check(one.name, "a")],
        ...[check(one.name, "a"), check(two.name, "a"), check(one.name, "b")],
      ],
    });
    expect(body.results.map((result) => result.allowed)).toEqual([
      ...[true, true, true, false, false, true],
    ]);
  });

  test("are all refused where one can not be answered, and none is charged", async () => {
    const { name } = await rule({ limit: 2 });
    const good = { rule: name, key: "a" };
    const bad = await post<Problem>("checks", { checks: [good, good, { ...good, cost: 9 }] });
    expect([bad.status, bad.body.errors[0]?.field]).toEqual([422, "checks[2].cost"]);
    expect((await post("checks", { checks: [good, { rule: "test.no", key: "k" }] })).status).toBe(
      404,
    );
    const malformed = await post<Problem>("checks", { checks: [good, { ...good, cost: "1" }] });
    expect([malformed.status, malformed.body.errors[0]?.field]).toEqual([400, "checks[1].cost"]);
    const extra = await post<Problem>("checks", { checks: [{ ...good, price: 1 }] });
    expect([extra.status, extra.body.errors[0]?.field]).toEqual([400, "checks[0].price"]);
    expect((await post("checks", { checks: [] })).status).toBe(400);
    expect(
      (await post("checks", { checks: Array.from({ length: 1_001 }, () => good) })).status,
    ).toBe(400);
    expect((await post("peek", good)).body.remaining).toBe(2);
  });
});

describe("what else can be done with a key", () => {
  test("peek charges nothing; report charges whatever it was; refund gives back", async () => {
    const { name } = await rule({ algorithm: "fixed_window", limit: 10 });
    const ask = async (what: string, more = {}) => post(what, { rule: name, key: "k", ...more });
    expect((await ask("peek")).body.remaining).toBe(10);
    expect((await ask("peek", { cost: 10 })).body.allowed).toBe(true);
    expect((await ask("report", { cost: 7 })).body.remaining).toBe(3);
    expect((await ask("report", { cost: 700 })).status).toBe(200);
    expect((await ask("check")).body.allowed).toBe(false);
    expect((await ask("report")).status).toBe(400);
    await ask("reset");
    await ask("check", { cost: 6 });
    expect((await ask("refund", { cost: 4 })).status).toBe(204);
    expect((await ask("peek")).body.remaining).toBe(8);
    expect((await ask("refund", { cost: 100 })).status).toBe(204);
    expect((await ask("peek")).body.remaining).toBe(10);
  });

  test("reset forgets, and penalize refuses for a while whatever is left", async () => {
    const { name } = await rule({ limit: 1 });
    const ask = async (what: string, more = {}) => post(what, { rule: name, key: "k", ...more });
    await ask("check");
    expect((await ask("check")).body.allowed).toBe(false);
    expect((await ask("reset")).status).toBe(204);
    expect((await ask("check")).body.allowed).toBe(true);
    await ask("reset");
    expect((await ask("penalize", { ms: 60_000 })).status).toBe(204);
    const blocked = await ask("check");
    expect(blocked.body.allowed).toBe(false);
    expect(blocked.body.retry_after_ms).toBeGreaterThan(50_000);
    expect((await ask("penalize", { ms: 0 })).status).toBe(400);
    await ask("reset");
    expect((await ask("check")).body.allowed).toBe(true);
  });

  test.each(["peek", "report", "refund", "reset", "penalize"])(
    "%s knows its rule",
    async (what) => {
      const more = what === "report" ? { cost: 1 } : what === "penalize" ? { ms: 1 } : {};
      expect((await post(what, { rule: "test.none", key: "k", ...more })).status).toBe(404);
      expect((await post(what, { key: "k", ...more })).status).toBe(422);
    },
  );

  test("a change of the rule's numbers holds for what was used already", async () => {
    const { name, id } = await rule({ algorithm: "sliding_log", limit: 2 });
    const ask = async () => (await post("check", { rule: name, key: "k" })).body.allowed;
    expect([await ask(), await ask(), await ask()]).toEqual([true, true, false]);
    await world.call("PATCH", `/api/v1/limits/rules/${id}`, {
      as: world.admin,
      body: { limit: 3 },
    });
    expect([await ask(), await ask()]).toEqual([true, false]);
  });
});

test("checks are an administrator's, with the one scope that each needs", async () => {
  const { name } = await rule();
  const body = { rule: name, key: "k" };
  const key = async (scopes: string[], id = world.admin.id) => {
    const wish = { name: "gateway", scopes, expires_at: null };
    return await world.db.write((tx) => world.running.operations.createKey(tx, id, wish));
  };
  const ask = async (what: string, as: string) =>
    (await world.call("POST", `/api/v1/limits/${what}`, { as, body })).status;
  const gateway = (await key(["limits:create"])).key;
  expect(await ask("check", gateway)).toBe(200);
  expect(await ask("reset", gateway)).toBe(403);
  expect(await ask("check", (await key(["limits:read"])).key)).toBe(403);
  expect(await ask("peek", (await key(["limits:read"])).key)).toBe(200);
  expect(await ask("check", world.ada.key)).toBe(403);
});

test("traffic is tried against numbers before they hold for anybody", async () => {
  const arrivals = [0, 10, 20].map((at_ms) => ({ at_ms }));
  const reply = await post<Record<string, { allowed: boolean }[]>>("simulate", {
    ...{ limit: 2, window_ms: 1_000, wait_ms_max: 1_000, queue_max: 5, arrivals },
  });
  expect(reply.status).toBe(200);
  const allowed = Object.entries(reply.body).map(([name, all]) => [
    name,
    all.map((one) => one.allowed),
  ]);
  expect(Object.fromEntries(allowed)).toEqual({
    fixed_window: [true, true, false],
    sliding_log: [true, true, false],
    sliding_window: [true, true, false],
    token_bucket: [true, true, false],
    leaky_bucket: [true, true, true],
  });
  const wrong = await post<Problem>("simulate", { limit: 2, window_ms: 0, arrivals });
  expect([wrong.status, wrong.body.errors[0]?.field]).toEqual([422, "window_ms"]);
  expect((await post("simulate", { limit: 2, window_ms: 1_000, arrivals: [] })).status).toBe(400);
});

test("a refund reaches what a shadow rule counted", async () => {
  const { name } = await rule({ limit: 1, mode: "shadow" });
  for (let i = 0; i < 3; i++) {
    await post("check", { rule: name, key: "k" });
    expect((await post("refund", { rule: name, key: "k" })).status).toBe(204);
  }
  expect(world.running.metrics.render()).toContain(`{rule="${name}",outcome="allowed"} 3`);
});

test("what must reach Redis answers 503 while it is away", async () => {
  const redis = await startRedis();
  const own = await startWorld({ REDIS_URL: redis.url });
  const ask = async (what: string, body: object) =>
    (await own.call("POST", `/api/v1/limits/${what}`, { as: own.admin, body })).status;
  const numbers = { algorithm: "fixed_window", limit: 5, window_ms: 3_600_000, service: true };
  expect(await ask("rules", { ...numbers, name: "test.away", accuracy: "strict" })).toBe(201);
  const about = { rule: "test.away", key: "k" };
  expect(await ask("reset", about)).toBe(204);
  await redis.kill();
  expect(await ask("reset", about)).toBe(503);
  expect(await ask("penalize", { ...about, ms: 1_000 })).toBe(503);
  await own.stop();
  await redis.stop();
}, 60_000);
