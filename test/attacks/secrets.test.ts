import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createLog } from "../../src/platform/log/log.ts";
import { password, startWorld, type World } from "../world.ts";
import { signIn } from "./owned.ts";
import { pathWith, queryFor } from "./samples.ts";

/**
 * Secrets planted by every way in that takes one, and then looked for in all that comes out: the
 * log at its most talkative, answers, errors, metrics, exports, lists, and the tables themselves.
 */
let world: World;
let receiver: ReturnType<typeof Bun.serve>;
const logged: string[] = [];
const said: string[] = [];
const signatures: string[] = [];

const typed = {
  account: "canary-Account-3391-pw",
  link: "canary-Link-5512-pw",
  wrong: "canary-Wrong-7740-pw",
  database: "canary-Database-9083",
  metrics: "canary-Metrics-1277-token",
  userinfo: "canary-Userinfo-6620",
  broken: "canary-Broken-4415",
  query: "canary-Query-8209",
};
/** Made by Stoa while it ran: shown once by the answer that makes it, and never again. */
const issued: Record<string, string> = {};

async function call(method: string, path: string, options: Parameters<World["call"]>[2] = {}) {
  const reply = await world.call(method, path, options);
  const heads = [...reply.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  return { ...reply, text: `${heads}\n${JSON.stringify(reply.body)}` };
}

/** An answer in which no secret belongs. */
async function listen(...args: Parameters<typeof call>) {
  const reply = await call(...args);
  said.push(`${args[0]} ${args[1].split("?")[0]}: ${reply.text}`);
  return reply;
}

beforeAll(async () => {
  receiver = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      signatures.push(JSON.stringify(request.headers));
      return new Response("no", { status: 500 });
    },
  });
  const log = createLog({ level: "debug", write: (line) => void logged.push(line) });
  const env = {
    STOA_SIGN_UP_OPEN: "true",
    STOA_METRICS_TOKEN: typed.metrics,
    DATABASE_URL: `postgres://stoa:${typed.database}@127.0.0.1:1/stoa`,
  };
  world = await startWorld(env, log);
  await plant();
  await provoke();
  await world.settle();
}, 60_000);
afterAll(async () => {
  await world.stop();
  await receiver.stop(true);
}, 60_000);

async function plant(): Promise<void> {
  const account = { email: "canary@stoa.test", password: typed.account };
  const headers = { "idempotency-key": "canary-1" };
  await listen("POST", "/api/v1/accounts", { as: null, body: account, headers });
  await listen("POST", "/api/v1/accounts", { as: null, body: account });
  const signedIn = await call("POST", "/api/v1/sessions", { as: null, body: account });
  const tokens = signedIn.body as { access_token: string; refresh_token: string };
  issued["access token"] = tokens.access_token;
  issued["old refresh token"] = tokens.refresh_token;
  const body = { refresh_token: tokens.refresh_token };
  const again = await call("POST", "/api/v1/sessions/refresh", { as: null, body });
  issued["refresh token"] = (again.body as { refresh_token: string }).refresh_token;
  const as = issued["access token"];
  const wish = { name: "canary", scopes: ["*"] };
  issued["key"] = (
    (await call("POST", "/api/v1/keys", { as, body: wish })).body as { key: string }
  ).key;
  const hook = { url: `http://127.0.0.1:${receiver.port}/`, event_types: ["*"] };
  const hooked = (await call("POST", "/api/v1/webhooks", { as, body: hook })).body;
  const { id, secret } = hooked as { id: string; secret: string };
  issued["old webhook secret"] = secret;
  const rotated = await call("POST", `/api/v1/webhooks/${id}/rotate_secret`, { as });
  issued["webhook secret"] = (rotated.body as { secret: string }).secret;
  const link = { url: "https://example.com/", alias: "canary-link", password: typed.link };
  await listen("POST", "/api/v1/links", {
    as,
    body: link,
    headers: { "idempotency-key": "canary-2" },
  });
  await listen("POST", `/api/v1/webhooks/${id}/test`, { as });
}

/** Errors of every kind, with a secret in what caused them. */
async function provoke(): Promise<void> {
  const as = issued["key"] as string;
  const { wrong, broken, query, userinfo, account } = typed;
  const email = "canary@stoa.test";
  await listen("POST", "/api/v1/sessions", { as: null, body: { email, password: wrong } });
  await listen("GET", "/api/v1/account", { as: `stoa_key_${wrong}` });
  await listen("GET", `/api/v1/links?password=${query}&limit=x`, { as });
  await listen("GET", `/api/v1/nothing?token=${query}`, { as });
  await listen("POST", "/api/v1/links", {
    as,
    body: { url: `https://u:${userinfo}@example.com/` },
  });
  const hook = { url: `https://u:${userinfo}@example.com/`, event_types: ["*"] };
  await listen("POST", "/api/v1/webhooks", { as, body: hook });
  await listen("POST", "/api/v1/accounts", { as: null, body: { email, password: [account] } });
  const long = { email, password: account.repeat(60) };
  await listen("POST", "/api/v1/accounts", { as: null, body: long });
  const text = `{"email":"${email}","password":"${broken}`;
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${world.url}/api/v1/sessions`, {
    method: "POST",
    body: text,
    headers,
  });
  said.push(await response.text());
  await world.visit("/canary-link", { "x-link-password": wrong });
  await world.visit("/canary-link", { "x-link-password": typed.link, accept: "text/html" });
  await world.visit("/canary-link", {
    authorization: `Bearer ${as}`,
    cookie: `stoa_refresh=${broken}`,
  });
  await whileBroken("accounts.accounts", async () => {
    const body = { email, password: account };
    const failed = await listen("POST", "/api/v1/sessions", { as: null, body });
    expect(failed.status).toBe(500);
    await listen("POST", "/api/v1/sessions/refresh", {
      as: null,
      body: { refresh_token: issued["refresh token"] },
    });
  });
  await whileBroken("links.links", async () => {
    const body = { url: "https://example.com/", password: typed.link };
    const failed = await listen("POST", "/api/v1/links", { as, body });
    expect(failed.status).toBe(500);
  });
}

/** With its table out of the way: a fault of ours, and all that PostgreSQL has to say of it. */
async function whileBroken(table: string, work: () => Promise<void>): Promise<void> {
  const [schema, name] = table.split(".");
  const rename = (from: string, to: string) =>
    world.db.client.begin("READ WRITE", (tx) => tx.unsafe(`ALTER TABLE ${from} RENAME TO ${to}`));
  await rename(table, "away");
  try {
    await work();
  } finally {
    await rename(`${schema}.away`, name as string);
  }
}

/** Names of the secrets that a text holds. */
function foundIn(text: string, secrets: Record<string, string>): string[] {
  return Object.entries(secrets).flatMap(([name, secret]) => (text.includes(secret) ? [name] : []));
}

const all = (): Record<string, string> => ({ ...typed, ...issued, "another's password": password });

describe("no secret is", () => {
  test("in the log, though everything was logged", () => {
    const text = logged.join("");
    expect(text).toContain('"message":"request failed"');
    expect(text).toContain('"level":"debug"');
    expect(foundIn(text, all())).toEqual([]);
  });

  test("in an answer that does not make it, nor in an error", () => {
    expect(Object.values(issued).filter((secret) => !secret || secret.length < 20)).toEqual([]);
    expect(said.length).toBeGreaterThan(15);
    expect(said.flatMap((text) => foundIn(text, all()).map((name) => `${name}: ${text}`))).toEqual(
      [],
    );
  });

  test("in anything that can be read afterwards", async () => {
    const gets = world.running.routes.filter((r) => r.method === "GET" && !r.stream);
    const admin = await signIn(world, world.admin);
    const found: string[] = [];
    for (const route of gets) {
      for (const as of [issued["key"] as string, admin]) {
        const ids = await idsOf(route.path, as);
        const { text } = await call("GET", pathWith(route, ids) + queryFor(route), { as });
        found.push(...foundIn(text, all()).map((name) => `${route.path} tells the ${name}`));
      }
    }
    for (const path of ["/openapi.json", "/docs", "/docs/errors", "/readyz", "/console/"]) {
      found.push(
        ...foundIn((await call("GET", path)).text, all()).map((n) => `${path} tells ${n}`),
      );
    }
    const headers = { authorization: `Bearer ${typed.metrics}` };
    const metrics = await call("GET", "/metrics", { as: null, headers });
    expect(metrics.text).toContain("stoa_http_requests_total");
    found.push(...foundIn(metrics.text, all()).map((name) => `/metrics tells the ${name}`));
    expect(found).toEqual([]);
  });

  test("sent along to a webhook", () => {
    expect(signatures.length).toBeGreaterThan(0);
    expect(foundIn(signatures.join(), all())).toEqual([]);
  });

  test("in a table, but for what has to be sent or signed with", async () => {
    const tables: { name: string }[] = await world.db.all`
      SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
      WHERE schemaname IN ('accounts', 'links', 'platform', 'webhooks')`;
    const { "webhook secret": _, "old webhook secret": __, ...others } = all();
    const found: string[] = [];
    for (const { name } of tables) {
      const rows: { text: string }[] = await world.db.client.unsafe(
        `SELECT t::text AS text FROM ${name} AS t`,
      );
      const text = rows.map((row) => row.text).join("\n");
      found.push(...foundIn(text, others).map((secret) => `${name} holds the ${secret}`));
      if (name === "webhooks.webhooks") continue;
      found.push(...foundIn(text, issued).map((secret) => `${name} holds the ${secret}`));
    }
    expect(tables.length).toBeGreaterThan(15);
    expect(found).toEqual([]);
  });
});

test("no table holds what guesses at a request's body could be compared with", async () => {
  const rows = await world.db.all<{ text: string }>`
    SELECT k::text AS text FROM platform.idempotency_keys k`;
  // What a thief of the table would hash who guesses right.
  const body = JSON.stringify({ email: "canary@stoa.test", password: typed.account });
  const request = `POST /api/v1/accounts\n${body}`;
  const sha256 = (text: string, key?: string) =>
    new Bun.CryptoHasher("sha256", key).update(text).digest("hex");
  const text = rows.map((row) => row.text).join("\n");
  for (const guess of [sha256(request), sha256(body), "canary-1", "canary-2"]) {
    expect(text).not.toContain(guess);
  }
  // With the key they agree, so the guesses above are right ones.
  expect(text).toContain(sha256("public\ncanary-1"));
  expect(text).toContain(sha256(request, "canary-1"));
});

/** An id of the caller's own where there is a list of such things, else one of nobody. */
async function idsOf(path: string, as: string): Promise<string> {
  const list = path.split("/{")[0] as string;
  if (list === path) return "1";
  const { body } = await world.call("GET", list, { as });
  return (body as { items?: { id: string }[] }).items?.[0]?.id ?? "1";
}
