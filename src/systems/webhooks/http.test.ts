import { afterAll, beforeAll, expect, test } from "bun:test";
import { openReceiver, openStage, type Stage } from "./webhooks.fixture.ts";

let stage: Stage;
let strict: Stage;
let hook: ReturnType<typeof openReceiver>;
beforeAll(async () => {
  stage = await openStage();
  // As in production, where nothing private may be reached.
  strict = await openStage({ allowPrivate: false, webhooksPerOwnerMax: 2 });
  hook = openReceiver(() => new Response());
});
afterAll(async () => {
  await hook.close();
  await stage.close();
  await strict.close();
});

const base = "/api/v1/webhooks";
type Problem = { code: string; detail: string; errors?: { field: string }[] };
const codeOf = (reply: { body: unknown }) => (reply.body as Problem | null)?.code;
const wish = (more: Record<string, unknown> = {}) => ({
  body: { url: hook.url, event_types: ["links.*"], ...more },
});

test("a webhook is made, read, listed, changed and deleted; the secret is shown once", async () => {
  const made = await stage.call("ada", "POST", base, wish({ description: "My shop" }));
  expect(made.status).toBe(201);
  const { secret, ...webhook } = made.body as { secret: string; id: string; updated_at: string };
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(webhook).toMatchObject({
    ...{ url: hook.url, description: "My shop", event_types: ["links.*"], enabled: true },
    ...{ disabled_reason: null, failing_since: null },
  });
  const path = `${base}/${webhook.id}`;
  const read = await stage.call("ada", "GET", path);
  expect(read).toMatchObject({ status: 200, body: webhook });
  const list = await stage.call("ada", "GET", base);
  expect((list.body as { items: unknown[] }).items).toContainEqual(webhook);
  expect(list.text + read.text).not.toContain("whsec_");

  const change = { body: { event_types: ["*", "*"], enabled: false } };
  const changed = await stage.call("ada", "PATCH", path, change);
  expect(changed.status).toBe(200);
  expect(changed.body).toMatchObject({ event_types: ["*"], enabled: false, url: hook.url });
  expect((await stage.call("ada", "DELETE", path)).status).toBe(204);
  expect((await stage.call("ada", "GET", path)).status).toBe(404);
  const done = stage.audited.filter((entry) => entry.target === webhook.id);
  expect(done.map((entry) => entry.action)).toEqual([
    ...["webhooks.created", "webhooks.updated", "webhooks.deleted"],
  ]);
  expect(JSON.stringify(done)).not.toContain("whsec_");
});

test("creating with one Idempotency-Key makes one webhook", async () => {
  const given = { ...wish(), headers: { "idempotency-key": "once-1" } };
  const [first, second] = [
    await stage.call("bob", "POST", base, given),
    await stage.call("bob", "POST", base, given),
  ];
  expect(second.text).toBe(first.text);
  const list = await stage.call("bob", "GET", base);
  expect((list.body as { items: unknown[] }).items).toHaveLength(1);
});

test("a foreign webhook answers exactly as an unknown one, on every route", async () => {
  const { id } = await stage.subscribe(hook.url);
  await stage.call("ada", "POST", `${base}/${id}/test`);
  const [delivery] = await stage.deliveries(id);
  const routes: [string, string, unknown?][] = [
    ["GET", ""],
    ["PATCH", "", { enabled: false }],
    ["DELETE", ""],
    ["POST", "/rotate_secret"],
    ["POST", "/test"],
    ["GET", "/deliveries"],
    ["POST", `/deliveries/${delivery?.id}/replay`],
  ];
  for (const [method, rest, body] of routes) {
    const answers = [];
    for (const some of [id, "4611686018427387904"]) {
      const reply = await stage.call("bob", method, `${base}/${some}${rest}`, { body });
      answers.push({ ...(reply.body as Problem), status: reply.status, request_id: null });
    }
    expect(answers[0]).toEqual(answers[1] as never);
    expect(answers[0]).toMatchObject({ status: 404, code: "webhooks.not_found" });
  }
  expect((await stage.call("ada", "GET", `${base}/${id}`)).body).toMatchObject({ enabled: true });
  const unknown = `${base}/${id}/deliveries/4611686018427387904/replay`;
  expect(codeOf(await stage.call("ada", "POST", unknown))).toBe("webhooks.not_found");
});

test("callers without credentials or scope get nothing, and ids must be ids", async () => {
  const { id } = await stage.subscribe(hook.url);
  const routes: [string, string, unknown?][] = [
    ["GET", ""],
    ["POST", "", wish().body],
    ["GET", `/${id}`],
    ["PATCH", `/${id}`, {}],
    ["DELETE", `/${id}`],
    ["POST", `/${id}/rotate_secret`],
    ["POST", `/${id}/test`],
    ["GET", `/${id}/deliveries`],
    ["POST", `/${id}/deliveries/1/replay`],
  ];
  for (const [method, rest, body] of routes) {
    expect((await stage.call("", method, base + rest, { body })).status).toBe(401);
    const scoped = await stage.call(
      method === "GET" ? "narrow_admin" : "reader",
      method,
      base + rest,
      {
        body,
      },
    );
    expect(scoped).toMatchObject({ status: 403, body: { code: "auth.scope_missing" } });
    const wrong = rest === "" ? "?cursor=x" : rest.replace(id, "nine");
    const given = method === "POST" && rest === "" ? { body: {} } : { body };
    expect((await stage.call("ada", method, base + wrong, given)).status).toBe(400);
  }
});

test("wrong fields are refused by name", async () => {
  const cases: [Record<string, unknown>, string][] = [
    [{ url: "ftp://example.com/" }, "url"],
    [{ url: "javascript:alert(1)" }, "url"],
    [{ url: `https://example.com/${"x".repeat(2_050)}` }, "url"],
    [{ event_types: [] }, "event_types"],
    [{ event_types: ["Links.Created"] }, "event_types[0]"],
    [{ event_types: ["links*"] }, "event_types[0]"],
    [{ event_types: Array.from({ length: 51 }, () => "*") }, "event_types"],
    [{ description: "a\nb" }, "description"],
    [{ owner_id: "12" }, ""],
    [{ secret: "whsec_mine" }, ""],
  ];
  for (const [more, field] of cases) {
    const reply = await stage.call("ada", "POST", base, wish(more));
    expect(reply).toMatchObject({ status: 400, body: { code: "request.invalid" } });
    const fields = (reply.body as Problem).errors?.map((error) => error.field);
    if (field !== "") expect(fields).toContain(field);
  }
});

test("a URL that leads inside is refused when made and when changed", async () => {
  const refused = [
    ...["http://127.0.0.1/", "http://0x7f.1/", "http://[::1]/", "http://169.254.169.254/latest"],
    ...["http://10.0.0.8/", "http://93.184.216.34:22/"],
  ];
  for (const url of refused) {
    const reply = await strict.call("ada", "POST", base, { body: { url, event_types: ["*"] } });
    expect(reply, url).toMatchObject({ status: 422, body: { code: "webhooks.url_refused" } });
  }
  const { id } = await strict.subscribe("https://93.184.216.34/hook");
  const change = { body: { url: "http://192.168.1.1/" } };
  const reply = await strict.call("ada", "PATCH", `${base}/${id}`, change);
  expect(codeOf(reply)).toBe("webhooks.url_refused");
});

test("a URL is stored in the one spelling that it is read in, or not at all", async () => {
  const misleading = [
    ...["https://example.com\\@evil.test", "https://example.com/\\x", "https:///x.y"],
    ...["https://exa\u200bmple.com/", "https://example.com/\u202e", "https://e\u00adx.com/"],
    ...["https://example.com\t.evil.test/", "https://e xample.com/", "https://e\u3164.com/"],
    ...[`https://example.com/${"\u00e9".repeat(1_000)}`],
    ...["https://a..b/", "https://.a.b/", "https://a.b../", "https://@example.com/"],
    ...["https://user:pw@93.184.216.34/", "https://example.com\n/"],
    ...["http://LOCALHOST./", "http://x.localhost/", "http://local\u200dhost/"],
  ];
  const { id } = await strict.subscribe("HTTPS://93.184.216.34:443/a/../hook?x#y", {}, "eve");
  const path = `${base}/${id}`;
  const stored = async () => (await strict.call("eve", "GET", path)).body as { url: string };
  expect(await stored()).toMatchObject({ url: "https://93.184.216.34/hook?x#y" });
  for (const url of misleading) {
    for (const [method, at] of [
      ["POST", base],
      ["PATCH", path],
    ] as const) {
      const reply = await strict.call("eve", method, at, { body: { url, event_types: ["*"] } });
      expect(reply.status, `${method} ${url}`).toBeOneOf([400, 422]);
      expect((reply.body as Problem).errors, url).toMatchObject([{ field: "url" }]);
    }
  }
  expect(await stored()).toMatchObject({ url: "https://93.184.216.34/hook?x#y" });
  const change = { body: { url: "https://B\u00fccher.invalid" } };
  const changed = await strict.call("eve", "PATCH", path, change);
  expect(changed.body).toMatchObject({ url: "https://xn--bcher-kva.invalid/" });
  // A developer's own machine is a receiver too, where private addresses are allowed.
  await stage.subscribe("http://hooks.localhost:9/", { enabled: false });
});

test("an owner may have so many, also when they are made at once", async () => {
  const body = { url: "https://93.184.216.34/hook", event_types: ["*"] };
  const replies = await Promise.all(
    Array.from({ length: 8 }, () => strict.call("bob", "POST", base, { body })),
  );
  expect(replies.filter((reply) => reply.status === 201)).toHaveLength(2);
  expect(replies.filter((reply) => codeOf(reply) === "webhooks.limit")).toHaveLength(6);
});

test("a test event goes to that webhook only, whatever its types", async () => {
  const { id } = await stage.subscribe(hook.url, { event_types: ["links.deleted"] });
  const before = hook.received.length;
  const sent = await stage.call("ada", "POST", `${base}/${id}/test`);
  expect(sent).toMatchObject({
    status: 202,
    body: { event_type: "webhooks.test", status: "pending", attempts: 0 },
  });
  await stage.settle();
  const bodies = hook.received.slice(before).map((got) => JSON.parse(got.body) as object);
  expect(bodies.filter((body) => "data" in body)).toContainEqual(
    expect.objectContaining({ type: "webhooks.test", data: { webhook_id: id } }),
  );
  await stage.call("ada", "PATCH", `${base}/${id}`, { body: { enabled: false } });
  const [delivery] = await stage.deliveries(id);
  for (const rest of ["/test", `/deliveries/${delivery?.id}/replay`]) {
    const reply = await stage.call("ada", "POST", `${base}/${id}${rest}`);
    expect(reply).toMatchObject({ status: 409, body: { code: "request.conflict" } });
  }
});

test("deliveries come in pages, newest first, and by status", async () => {
  const { id } = await stage.subscribe(hook.url, { event_types: ["links.never"] });
  for (let n = 0; n < 3; n++) await stage.call("ada", "POST", `${base}/${id}/test`);
  await stage.settle();
  await stage.call("ada", "POST", `${base}/${id}/test`);
  type Page = { items: { id: string; status: string }[]; next_cursor: string | null };
  const get = async (query: string) =>
    (await stage.call("ada", "GET", `${base}/${id}/deliveries?${query}`)).body as Page;
  const first = await get("limit=3");
  const second = await get(`limit=3&cursor=${first.next_cursor}`);
  const all = [...first.items, ...second.items];
  expect(all.map((one) => one.status)).toEqual(["pending", "delivered", "delivered", "delivered"]);
  expect(second.next_cursor).toBeNull();
  const sorted = all.toSorted((a, b) => (BigInt(a.id) < BigInt(b.id) ? 1 : -1));
  expect(all).toEqual(sorted);
  expect((await get("status=pending")).items).toHaveLength(1);
});

test("administrators see dead jobs and events and run them again; others do not", async () => {
  const dead = "/api/v1/admin/dead_letters";
  const events = "/api/v1/admin/events";
  stage.jobs.register(
    [
      {
        kind: "test.doomed",
        backoffSeconds: [],
        run: (job) => Promise.reject(new Error(`no ${String(job.payload)}`)),
      },
    ],
    [],
  );
  for (const payload of [1, 2]) {
    const job = { kind: "test.doomed", payload, key: `key ${payload}` };
    await stage.db.write((tx) => stage.jobs.enqueue(tx, job));
    await stage.settle();
    stage.clock.advance(1);
  }
  type Page = { items: { id: string; payload: unknown; error: string }[]; next_cursor: string };
  const first = await stage.call("admin", "GET", `${dead}?kind=test.doomed&limit=1`);
  const page = first.body as Page;
  expect(page.items).toMatchObject([{ payload: 2, attempts: 1, error: "Error: no 2" }]);
  const rest = await stage.call(
    "admin",
    "GET",
    `${dead}?cursor=${page.next_cursor}&kind=test.doomed`,
  );
  const [oldest] = (rest.body as Page).items;
  expect(rest.body).toMatchObject({ items: [{ payload: 1 }], next_cursor: null });

  const path = `${dead}/${oldest?.id}/replay`;
  expect((await stage.call("admin", "POST", path)).status).toBe(202);
  expect(codeOf(await stage.call("admin", "POST", path))).toBe("jobs.not_found");
  const again = { kind: "test.doomed", payload: 3, key: "key 2" };
  await stage.db.write((tx) => stage.jobs.enqueue(tx, again));
  const taken = await stage.call("admin", "POST", `${dead}/${page.items[0]?.id}/replay`);
  expect(taken).toMatchObject({ status: 409, body: { code: "request.conflict" } });

  const eventId = await stage.publish("seen", "77");
  await stage.settle();
  const listed = await stage.call("admin", "GET", `${events}?type=links.created&owner_id=77`);
  expect(listed.body).toMatchObject({
    items: [{ id: eventId, type: "links.created", owner_id: "77", data: { code: "seen" } }],
    next_cursor: null,
  });
  const replay = (id: string, body = {}) =>
    stage.call("admin", "POST", `${events}/${id}/replay`, { body });
  expect(await replay(eventId)).toMatchObject({ status: 202, body: { deliveries: 1 } });
  expect(codeOf(await replay("5"))).toBe("events.not_found");
  expect(codeOf(await replay(eventId, { subscription: "none" }))).toBe("events.not_found");

  const routes: [string, string, unknown?][] = [
    ["GET", dead],
    ["POST", path],
    ["GET", events],
    ["POST", `${events}/${eventId}/replay`, {}],
  ];
  for (const [method, route, body] of routes) {
    expect((await stage.call("", method, route, { body })).status).toBe(401);
    expect((await stage.call("ada", method, route, { body })).status).toBe(403);
    expect((await stage.call("narrow_admin", method, route, { body })).status).toBe(403);
    const wrong = method === "GET" ? `${route}?limit=0` : route.replace(/\d+\/replay/, "x/replay");
    expect((await stage.call("admin", method, wrong, { body })).status).toBe(400);
  }
});
