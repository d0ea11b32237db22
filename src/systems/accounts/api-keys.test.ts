import { afterAll, beforeAll, expect, test } from "bun:test";
import { fakeClock } from "../../platform/clock/clock.ts";
import { openStage, type Stage, until } from "./accounts.fixture.ts";

let stage: Stage;
const clock = fakeClock(Date.UTC(2026, 5, 1));
beforeAll(async () => {
  stage = await openStage({ clock, config: { apiKeysPerAccountMax: 5 } });
});
afterAll(() => stage.close());

const make = (token: string, body: Record<string, unknown> = {}) =>
  stage.call("POST", "/keys", { token, body: { name: "build", scopes: ["*"], ...body } });

test("a key is shown once, stored as a hash, and opens its owner's account", async () => {
  const owner = await stage.person();
  const made = await make(owner.token, { scopes: ["*:read", "*:read"] });
  expect(made.status).toBe(201);
  const { key, prefix, scopes } = made.body;
  expect(key).toMatch(/^stoa_key_[0-9A-Za-z]{43}$/);
  expect([prefix, scopes]).toEqual([key.slice(0, 17), ["*:read"]]);
  const listed = await stage.call("GET", "/keys", { token: owner.token });
  expect(JSON.stringify(listed.body)).not.toContain(key);
  expect(listed.body.items[0]).toMatchObject({ prefix, name: "build", last_used_at: null });
  const [row] = await stage.db.all<{ text: string }>`
    SELECT k::text AS text FROM accounts.keys k WHERE id = ${made.body.id}`;
  expect(row?.text).not.toContain(key.slice(17));
  expect((await stage.call("GET", "/account", { token: key })).body.id).toBe(owner.id);
});

test("what a key was given decides what it may do", async () => {
  const { token } = await stage.person();
  const can = async (scopes: string[]) => {
    const { key, id } = (await make(token, { scopes })).body;
    const read = await stage.call("GET", "/account", { token: key });
    await stage.call("DELETE", `/keys/${id}`, { token });
    return [read.status, read.body.code ?? "fine"];
  };
  expect(await can(["*"])).toEqual([200, "fine"]);
  expect(await can(["accounts:read"])).toEqual([200, "fine"]);
  expect(await can(["links:*"])).toEqual([403, "auth.scope_missing"]);
  expect(await can(["*:create"])).toEqual([403, "auth.scope_missing"]);
  expect(await can(["*:write"])).toEqual([403, "auth.scope_missing"]);
});

test("no key, whatever its scopes, makes keys or changes how its owner signs in", async () => {
  const owner = await stage.person("admin");
  const victim = await stage.person();
  const { key, id } = (await make(owner.token)).body;
  const tries: [string, string, unknown?][] = [
    ["POST", "/keys", { name: "more", scopes: ["*"] }],
    ["PATCH", `/keys/${id}`, { name: "renamed" }],
    ["DELETE", `/keys/${id}`],
    ["PATCH", "/account", { name: "Mallory" }],
    ["DELETE", "/sessions"],
    ["DELETE", "/sessions/123"],
    ["PATCH", `/accounts/${victim.id}`, { role: "admin" }],
  ];
  for (const [method, path, body] of tries) {
    const answer = await stage.call(method, path, { token: key, body });
    expect([path, answer.status, answer.body.code]).toEqual([path, 403, "auth.forbidden"]);
  }
  expect((await stage.call("DELETE", "/sessions/current", { token: key })).status).toBe(401);
});

test("a revoked or expired key is refused at once", async () => {
  const { token } = await stage.person();
  const first = (await make(token)).body;
  expect((await stage.call("GET", "/account", { token: first.key })).status).toBe(200);
  expect((await stage.call("DELETE", `/keys/${first.id}`, { token })).status).toBe(204);
  expect((await stage.call("GET", "/account", { token: first.key })).status).toBe(401);
  const expires_at = new Date(clock.now() + 60_000).toISOString();
  const second = (await make(token, { expires_at })).body;
  expect((await stage.call("GET", "/account", { token: second.key })).status).toBe(200);
  clock.advance(60_000);
  const late = await stage.call("GET", "/account", { token: second.key });
  expect([late.status, late.body.code]).toEqual([401, "auth.invalid_token"]);
});

test("bad names, scopes and times are refused", async () => {
  const { token } = await stage.person();
  const bad: Record<string, unknown>[] = [
    { name: "" },
    { name: "x".repeat(101) },
    { scopes: [] },
    { scopes: ["admin"] },
    { scopes: ["links:delete"] },
    { scopes: ["links:read\n"] },
    { scopes: Array.from({ length: 21 }, () => "*") },
    { expires_at: "tomorrow" },
    { expires_at: new Date(clock.now() - 1).toISOString() },
    { account_id: "1" },
  ];
  for (const body of bad) expect((await make(token, body)).status).toBe(400);
});

test("an account holds so many keys and no more, also in parallel", async () => {
  const { token } = await stage.person();
  const answers = await Promise.all(Array.from({ length: 9 }, () => make(token)));
  const statuses = answers.map((answer) => answer.status).sort();
  expect(statuses).toEqual([201, 201, 201, 201, 201, 422, 422, 422, 422]);
});

test("another's key answers as an unknown one", async () => {
  const owner = await stage.person();
  const other = await stage.person();
  const { id } = (await make(owner.token)).body;
  for (const [method, body] of [["DELETE"], ["PATCH", { name: "mine" }]] as const) {
    const foreign = await stage.call(method, `/keys/${id}`, { token: other.token, body });
    const unknown = await stage.call(method, "/keys/987654", { token: other.token, body });
    expect([foreign.status, foreign.body.code]).toEqual([404, "accounts.key_not_found"]);
    expect(unknown.body.detail).toBe(foreign.body.detail);
  }
  const listed = await stage.call("GET", "/keys", { token: owner.token });
  expect(listed.body.items.map((key) => key.name)).toEqual(["build"]);
  const renamed = await stage.call("PATCH", `/keys/${id}`, {
    token: owner.token,
    body: { name: "deploy" },
  });
  expect(renamed.body.name).toBe("deploy");
});

test("when a key was last used is kept to the minute, at one write a minute", async () => {
  const { token } = await stage.person();
  const { key, id } = (await make(token)).body;
  const lastUsed = async () => {
    const listed = await stage.call("GET", "/keys", { token });
    return listed.body.items.find((one) => one.id === id)?.last_used_at ?? null;
  };
  const use = () => stage.call("GET", "/account", { token: key });
  const first = clock.now();
  await use();
  clock.advance(10_000);
  await until("the first use is saved", async () => (await lastUsed()) !== null);
  expect(new Date((await lastUsed()) ?? 0).getTime()).toBe(first);
  await use();
  clock.advance(10_000);
  clock.advance(45_000);
  const second = clock.now();
  await use();
  clock.advance(10_000);
  await until("the later use is saved", async () => {
    return new Date((await lastUsed()) ?? 0).getTime() === second;
  });
});
