import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startWorld, type World } from "../../../test/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 60_000);
afterAll(() => world.stop(), 60_000);

type Rule = { id: string; name: string; version: number; [field: string]: unknown };
type Problem = { code: string; detail: string; errors: { field: string; message: string }[] };

const path = "/api/v1/limits/rules";
let names = 0;
const plain = (more: object = {}) => ({
  ...{ name: `test.rule-${++names}`, algorithm: "fixed_window", limit: 5, window_ms: 60_000 },
  ...{ service: true, ...more },
});

async function send<T = Rule>(method: string, at: string, body?: unknown, headers = {}) {
  const reply = await world.call(method, at, { as: world.admin, body, headers });
  return { status: reply.status, headers: reply.headers, body: reply.body as T };
}
const create = (more: object = {}) => send("POST", path, plain(more));

describe("rules", () => {
  test("are made with defaults, read, listed, changed and removed", async () => {
    const made = await create({ description: "As it was." });
    expect(made.status).toBe(201);
    expect(made.headers.get("etag")).toBe('"1"');
    expect(made.body).toMatchObject({
      ...{ enabled: true, mode: "enforce", tiers: [], routes: [], methods: [], burst: null },
      ...{ cost: 1, key: ["user"], key_fallback: ["ip"], accuracy: "strict", on_failure: null },
      ...{ penalty_ms: 0, wait_ms_max: 0, queue_max: 0, allow: [], deny: [], preset: false },
      ...{ version: 1, updated_by: world.admin.id, description: "As it was." },
    });
    const one = `${path}/${made.body.id}`;
    expect((await send("GET", one)).body).toEqual(made.body);
    const list = await send<{ items: Rule[] }>("GET", path);
    expect(list.body.items).toContainEqual(made.body);
    expect(list.body.items.map((rule) => rule.name)).toEqual(
      list.body.items.map((rule) => rule.name).toSorted(),
    );
    const changed = await send("PATCH", one, { limit: 7, enabled: false });
    expect(changed.body).toEqual({
      ...{ ...made.body, limit: 7, enabled: false, version: 2 },
      updated_at: changed.body["updated_at"] as string,
    } as Rule);
    expect((await send("DELETE", one)).status).toBe(204);
    expect((await send("GET", one)).status).toBe(404);
  });

  test("keep every state, with who made it, also once they are removed", async () => {
    const { body: made } = await create();
    const one = `${path}/${made.id}`;
    await send("PATCH", one, { limit: 6 });
    await send("DELETE", one);
    type Versions = { items: Record<string, unknown>[]; next_cursor: string | null };
    const first = await send<Versions>("GET", `${one}/versions?limit=2`);
    const rest = await send<Versions>(
      "GET",
      `${one}/versions?cursor=${first.body.next_cursor ?? ""}`,
    );
    const all = [...first.body.items, ...rest.body.items];
    expect(all.map(({ version, change }) => [version, change])).toEqual([
      ...[
        [3, "removed"],
        [2, "updated"],
      ],
      [1, "created"],
    ]);
    expect(all.map(({ definition }) => (definition as { limit: number }).limit)).toEqual([6, 6, 5]);
    for (const version of all) {
      expect(version).toMatchObject({ rule_id: made.id, changed_by: world.admin.id });
    }
    expect(rest.body.next_cursor).toBeNull();
    const audit = await send<{ items: Record<string, unknown>[] }>(
      "GET",
      "/api/v1/audit?action=limits.rule_updated",
    );
    expect(audit.body.items).toContainEqual(
      expect.objectContaining({
        ...{ target: made.id, actor_id: world.admin.id, detail: { name: made.name, version: 2 } },
      }),
    );
  });

  test("are not overwritten by who read an older version", async () => {
    const { body: made } = await create();
    const one = `${path}/${made.id}`;
    expect((await send("PATCH", one, { limit: 6 }, { "if-match": '"1"' })).status).toBe(200);
    const late = await send<Problem>("PATCH", one, { limit: 8 }, { "if-match": '"1"' });
    expect([late.status, late.body.code]).toEqual([412, "limits.rule_changed"]);
    const said = await send<Problem>("PATCH", one, { limit: 8, version: 1 });
    expect([said.status, said.body.errors[0]?.field]).toEqual([412, "version"]);
    expect((await send("DELETE", one, undefined, { "if-match": '"1"' })).status).toBe(412);
    expect((await send("DELETE", one, undefined, { "if-match": "one" })).status).toBe(400);
    expect((await send("GET", one)).body["limit"]).toBe(6);
    const both = await Promise.all([
      send("PATCH", one, { limit: 20, version: 2 }),
      send("PATCH", one, { limit: 30, version: 2 }),
    ]);
    expect(both.map(({ status }) => status).toSorted()).toEqual([200, 412]);
    expect((await send("DELETE", one, undefined, { "if-match": '"3"' })).status).toBe(204);
  });

  test("have names of their own, and those that Stoa asks for stay", async () => {
    const { body: made } = await create();
    const again = await send<Problem>("POST", path, plain({ name: made.name }));
    expect([again.status, again.body.code]).toEqual([409, "limits.rule_name_taken"]);
    const { body: list } = await send<{ items: Rule[]; tiers: string[] }>("GET", path);
    expect(list.tiers).toEqual(["free", "paid", "anonymous"]);
    const preset = list.items.find((rule) => rule.name === "links.reports") as Rule;
    expect(preset).toMatchObject({ preset: true, updated_by: null });
    const one = `${path}/${preset.id}`;
    expect((await send("DELETE", one)).status).toBe(409);
    expect((await send("PATCH", one, { name: "links.other" })).status).toBe(409);
    expect((await send("PATCH", one, { enabled: false })).status).toBe(200);
    expect((await send("PATCH", one, { enabled: true })).status).toBe(200);
    const taken = await send("PATCH", `${path}/${made.id}`, { name: "links.reports" });
    expect(taken.status).toBe(409);
  });

  test("that are not there answer so", async () => {
    for (const at of [`${path}/999`, `${path}/999/versions`]) {
      expect((await send("GET", at)).status).toBe(404);
    }
    expect((await send("PATCH", `${path}/999`, { limit: 1 })).status).toBe(404);
    expect((await send("DELETE", `${path}/999`)).status).toBe(404);
  });

  test("that come with an idempotency key come once", async () => {
    const headers = { "idempotency-key": crypto.randomUUID() };
    const body = plain();
    const [one, two] = [
      await send("POST", path, body, headers),
      await send("POST", path, body, headers),
    ];
    expect([one.status, two.status]).toEqual([201, 201]);
    expect(two.body).toEqual(one.body);
    const other = await send("POST", path, plain(), headers);
    expect(other.status).toBe(422);
  });
});

describe("a rule that can not work is refused by the name of its field:", () => {
  test.each([
    ["limit", { limit: 0 }],
    ["limit", { limit: -1 }],
    ["limit", { limit: 2_000_000_000 }],
    ["limit", { limit: 10_001, algorithm: "sliding_log" }],
    ["window_ms", { window_ms: 0 }],
    ["window_ms", { window_ms: -60_000 }],
    ["window_ms", { window_ms: 10 ** 12 }],
    ["window_ms", { window_ms: 10, algorithm: "concurrency" }],
    ["window_ms", { window_ms: 31_536_000_000, limit: 1_000_000_000 }],
    ["window_ms", { algorithm: "quota" }],
    ["cost", { cost: 0 }],
    ["cost", { cost: -1 }],
    ["cost", { cost: 6 }],
    ["cost", { cost: 4, burst: 3, algorithm: "token_bucket" }],
    ["burst", { burst: 3 }],
    ["burst", { burst: 0, algorithm: "token_bucket" }],
    ["penalty_ms", { penalty_ms: -1 }],
    ["sub_keys", { accuracy: "leased", limit: 640, sub_keys: 1 }],
    ["sub_keys", { accuracy: "leased", limit: 100_000, sub_keys: 65 }],
    ["sub_keys", { accuracy: "leased", limit: 640, sub_keys: 21 }],
    ["sub_keys", { accuracy: "leased", limit: 40, sub_keys: 2 }],
    ["sub_keys", { accuracy: "strict", limit: 640, sub_keys: 8 }],
    ["sub_keys", { accuracy: "local", limit: 640, sub_keys: 8 }],
    ["sub_keys", { accuracy: "leased", limit: 640, sub_keys: 8, algorithm: "concurrency" }],
    ["sub_keys", { accuracy: "leased", limit: 640, sub_keys: 8, penalty_ms: 1 }],
    ["sub_keys", { accuracy: "leased", limit: 640, sub_keys: 8, window_ms: 50 }],
    ["sub_keys", { accuracy: "leased", limit: 0, window_ms: 0, sub_keys: 8, algorithm: "list" }],
    ["cost", { accuracy: "leased", limit: 640, sub_keys: 8, cost: 81 }],
    ["queue_max", { algorithm: "leaky_bucket", wait_ms_max: 100 }],
    ["wait_ms_max", { algorithm: "leaky_bucket", queue_max: 10 }],
    ["wait_ms_max", { wait_ms_max: 100 }],
    ["tiers[0]", { tiers: ["gold"] }],
    ["tiers[1]", { tiers: ["free", "Free"] }],
    ["routes[0]", { service: false, routes: ["/api/v1/nothing"] }],
    ["routes[1]", { service: false, routes: ["/{code}", "/api/v2/*"] }],
    ["routes", { routes: ["/api/v1/links"] }],
    ["key", { key: [] }],
    ["key", { key: ["user", "user"] }],
    ["key", { service: false, key: ["cookie"] }],
    ["key_fallback", { service: false, key_fallback: ["cookie"] }],
    ["allow[0]", { allow: ["192.0.2.0/33"] }],
    ["deny[1]", { deny: ["user:42", "2001:db8::/129"] }],
  ])("%s of %j", async (field, wrong) => {
    const reply = await send<Problem>("POST", path, plain(wrong));
    expect([reply.status, reply.body.code]).toEqual([422, "limits.rule_invalid"]);
    expect(reply.body.errors.map((error) => error.field)).toContain(field);
    expect(reply.body.detail).not.toBe("");
  });

  test("all fields at once, and by a change as well", async () => {
    const reply = await send<Problem>("POST", path, plain({ limit: 0, window_ms: 0, cost: 0 }));
    expect(reply.body.errors.map((error) => error.field)).toEqual(["limit", "window_ms", "cost"]);
    const { body: made } = await create({ cost: 3 });
    const change = await send<Problem>("PATCH", `${path}/${made.id}`, { limit: 2 });
    expect([change.status, change.body.errors[0]?.field]).toEqual([422, "cost"]);
  });

  test("a rule is divided otherwise only while it does not hold", async () => {
    const { body: made } = await create({ accuracy: "leased", limit: 640, sub_keys: 8 });
    const one = `${path}/${made.id}`;
    for (const sub_keys of [4, null]) {
      const change = await send<Problem>("PATCH", one, { sub_keys });
      expect([change.status, change.body.errors[0]?.field]).toEqual([422, "sub_keys"]);
    }
    expect((await send("PATCH", one, { limit: 6_400 })).status).toBe(200);
    expect((await send("PATCH", one, { sub_keys: 4, enabled: false })).status).toBe(200);
    const again = await send("PATCH", one, { sub_keys: null, enabled: true });
    expect([again.status, again.body["sub_keys"]]).toEqual([200, null]);
  });

  test.each([
    [{ name: "Upper" }],
    [{ limit: 1.5 }],
    [{ limit: "5" }],
    [{ algorithm: "guess" }],
    [{ mode: "on" }],
    [{ key: ["User Name"] }],
    [{ methods: ["FETCH"] }],
    [{ unheard_of: 1 }],
  ])("the form of %j is 400", async (wrong) => {
    expect((await send("POST", path, plain(wrong))).status).toBe(400);
  });
});

test("what a rule may reach: patterns of routes, lists and every algorithm", async () => {
  for (const more of [
    { service: false, routes: ["/api/v1/links", "/api/v1/links/*", "/api/v1/links/{any}"] },
    { service: false, routes: ["/{code}"], key: ["ip"] },
    {
      algorithm: "list",
      limit: 0,
      window_ms: 0,
      deny: ["203.0.113.0/24", "user:1", "2001:db8::1"],
    },
    { algorithm: "quota", window_ms: 0 },
    { algorithm: "concurrency" },
    { algorithm: "sliding_log" },
    { accuracy: "leased", limit: 640, sub_keys: 20 },
    { algorithm: "sliding_window" },
    { algorithm: "token_bucket", burst: 20, penalty_ms: 1_000 },
    { algorithm: "leaky_bucket", wait_ms_max: 100, queue_max: 5 },
    { tiers: ["free", "anonymous"], key: ["customer", "ip"] },
  ]) {
    const made = await create({ enabled: false, ...more });
    expect([made.status, made.body]).toEqual([201, expect.objectContaining(more)]);
  }
});
