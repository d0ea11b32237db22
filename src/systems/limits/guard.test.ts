import { beforeEach, describe, expect, test } from "bun:test";
import type { Principal } from "../../platform/auth/principal.ts";
import { fakeClock, type FakeClock } from "../../platform/clock/clock.ts";
import { type Config, loadConfig } from "../../platform/config/config.ts";
import type { Db } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import { route, type Route } from "../../platform/http/route.ts";
import { createApi, type Api } from "../../platform/http/server.ts";
import { silentLog } from "../../platform/log/log.ts";
import { Metrics } from "../../platform/metrics/metrics.ts";
import { createGuard } from "./guard.ts";
import { headersIn } from "./headers.ts";
import { rulesPath } from "./http.ts";
import { assembleInMemory, rowOf } from "./preset-limits.fixture.ts";
import { definitionOf } from "./rules.ts";

/** The guard in the real HTTP block, on a clock that only moves when told to. */
let clock: FakeClock;
let parts: ReturnType<typeof assembleInMemory>;
let metrics: Metrics;
let api: Api;
let handled: number;
let streams: ReadableStreamDefaultController<Uint8Array>[];

const spec = { summary: "", tag: "test", access: "public", replies: { 200: null } } as const;

function routes(): Route[] {
  const things = "/api/v1/things";
  const handler = () => {
    handled++;
    return { status: 200, body: { handled } };
  };
  return [
    route({ ...spec, method: "GET", path: things, handler }),
    route({ ...spec, method: "POST", path: things, handler }),
    route({
      ...{ ...spec, method: "GET", path: `${things}/{id}` },
      handler: () => {
        throw new AppError("links.not_found", "There is none.");
      },
    }),
    route({ ...spec, method: "GET", path: rulesPath, handler }),
    route({
      ...{ ...spec, method: "GET", path: "/api/v1/live", stream: true },
      handler: () => {
        const start = (c: ReadableStreamDefaultController<Uint8Array>) => void streams.push(c);
        const headers = { "content-type": "text/event-stream" };
        return new Response(new ReadableStream({ start }), { headers });
      },
    }),
  ];
}

const people: Record<string, Partial<Principal>> = {
  ada: { account_id: "1", kind: "key", credential_id: "11" },
  ada_elsewhere: { account_id: "1", kind: "key", credential_id: "12" },
  bob: { account_id: "2", tier: "paid" },
  root: { account_id: "3", role: "admin" },
};

function open(headers: Config["limitHeaders"] = "all") {
  clock = fakeClock();
  metrics = new Metrics();
  parts = assembleInMemory(clock, metrics);
  handled = 0;
  streams = [];
  api = createApi({
    ...{ ...loadConfig({}), routes: routes(), db: {} as Db, clock, log: silentLog, metrics },
    authenticate: async (request) => {
      const name = request.headers.get("authorization");
      if (name === "wrong") throw new AppError("auth.invalid_token", "No.");
      if (name === null) return null;
      const plain = { kind: "session", role: "member", tier: "free", scopes: ["*"] } as const;
      return { ...plain, account_id: "0", credential_id: "0", ...people[name] };
    },
    guard: createGuard({ ...parts, headersOf: headersIn(headers, clock) }),
  });
}
beforeEach(() => open());

let version = 0;
type Wish = Parameters<typeof definitionOf>[0];
function rules(...wishes: Wish[]) {
  const plain = { algorithm: "fixed_window", limit: 2, window_ms: 60_000 } as const;
  const all = wishes.map((wish, i) => definitionOf({ ...plain, name: `rule-${i}`, ...wish }));
  version++;
  parts.book.take(all.map((rule, i) => ({ ...rowOf(rule, i), version })));
}

async function ask(
  path: string,
  { as, from = "192.0.2.1", method = "GET" }: { as?: string; from?: string; method?: string } = {},
) {
  const headers: Record<string, string> = as === undefined ? {} : { authorization: as };
  const request = new Request(`http://stoa.test/api/v1${path}`, { method, headers });
  return await api.fetch(request, from);
}
const statuses = async (answers: Promise<Response>[]) =>
  (await Promise.all(answers)).map((answer) => answer.status);
const times = (n: number, one: () => Promise<Response>) => statuses(Array.from({ length: n }, one));

describe("what is answered", () => {
  test("no header of a limit where no rule concerns the call", async () => {
    rules({ routes: ["/api/v1/things"], methods: ["POST"] });
    const answer = await ask("/things");
    expect(answer.headers.get("ratelimit")).toBeNull();
    expect(answer.headers.get("x-ratelimit-limit")).toBeNull();
  });

  test("the rest, then 429 with the rule's name and when to come back", async () => {
    rules({ name: "per-minute" });
    const first = await ask("/things");
    expect([first.status, first.headers.get("x-ratelimit-remaining")]).toEqual([200, "1"]);
    clock.advance(15_250);
    await ask("/things");
    const refused = await ask("/things");
    const resetAt = (Date.UTC(2026, 0, 1) + 60_000) / 1000;
    expect(Object.fromEntries(refused.headers)).toMatchObject({
      ...{ "x-ratelimit-limit": "2", "x-ratelimit-remaining": "0" },
      ...{ "x-ratelimit-reset": String(resetAt), "retry-after": "45" },
      ...{ ratelimit: '"per-minute";r=0;t=45', "ratelimit-policy": '"per-minute";q=2;w=60' },
      "content-type": "application/problem+json",
    });
    expect([refused.status, await refused.json(), handled]).toEqual([
      429,
      expect.objectContaining({
        ...{ code: "request.rate_limited", rule: "per-minute", retry_after_ms: 44_750 },
      }),
      2,
    ]);
    clock.advance(44_749);
    expect((await ask("/things")).status).toBe(429);
    clock.advance(1);
    expect((await ask("/things")).status).toBe(200);
  });

  test("errors of the handler carry the headers too, and count", async () => {
    rules({});
    expect((await ask("/things/1")).headers.get("x-ratelimit-remaining")).toBe("1");
    expect(await times(2, () => ask("/things/1"))).toEqual([404, 429]);
  });

  test.each([
    ["x", { ratelimit: null, "x-ratelimit-limit": "2" }],
    ["draft-7", { ratelimit: "limit=2, remaining=1, reset=60", "ratelimit-policy": "2;w=60" }],
    ["draft-11", { ratelimit: '"rule-0";r=1;t=60', "x-ratelimit-limit": null }],
    ["none", { ratelimit: null, "x-ratelimit-limit": null }],
  ] as const)("in the dialect %s", async (dialect, expected) => {
    open(dialect);
    rules({});
    const { headers } = await ask("/things");
    for (const [name, value] of Object.entries(expected)) expect(headers.get(name)).toBe(value);
  });
});

describe("several rules", () => {
  test("must all allow; the tightest shapes the headers; a refusal charges none", async () => {
    rules(
      ...[
        { name: "wide", limit: 10, key: ["global"] },
        { name: "per-user", limit: 3 },
      ],
      { name: "writes", limit: 1, methods: ["POST" as const] },
    );
    const read = await ask("/things", { as: "ada" });
    expect(read.headers.get("ratelimit")).toStartWith('"per-user";r=2');
    const written = await ask("/things", { as: "ada", method: "POST" });
    expect(written.headers.get("ratelimit")).toStartWith('"writes";r=0');
    for (let i = 0; i < 20; i++) {
      const refused = await ask("/things", { as: "ada", method: "POST" });
      expect([refused.status, (await refused.json()).rule]).toEqual([429, "writes"]);
    }
    expect(await times(2, () => ask("/things", { as: "ada" }))).toEqual([200, 429]);
    expect(await times(8, () => ask("/things", { as: "bob" }))).toEqual([
      ...[200, 200, 200],
      ...[429, 429, 429, 429, 429],
    ]);
    expect(handled).toBe(6);
  });

  test("of other tiers and methods do not concern a call", async () => {
    rules({ name: "free", tiers: ["free"] }, { name: "nobody", tiers: ["anonymous"], limit: 1 });
    expect(await times(3, () => ask("/things", { as: "ada" }))).toEqual([200, 200, 429]);
    expect(await times(9, () => ask("/things", { as: "bob" }))).not.toContain(429);
    expect(await times(2, () => ask("/things"))).toEqual([200, 429]);
  });

  test("hold at once when they change, also for what was used before", async () => {
    const rule = { name: "one", limit: 2 };
    rules(rule);
    expect(await times(3, () => ask("/things"))).toEqual([200, 200, 429]);
    rules({ ...rule, limit: 4 });
    expect(await times(3, () => ask("/things"))).toEqual([200, 200, 429]);
    rules({ ...rule, limit: 1 });
    expect((await ask("/things")).status).toBe(429);
    rules();
    expect((await ask("/things")).status).toBe(200);
  });
});

describe("who is counted", () => {
  test("a user with all of his keys, or each key by itself", async () => {
    rules({ name: "user", key: ["user"], limit: 3 }, { name: "key", key: ["api_key"], limit: 2 });
    expect(await times(3, () => ask("/things", { as: "ada" }))).toEqual([200, 200, 429]);
    expect(await times(2, () => ask("/things", { as: "ada_elsewhere" }))).toEqual([200, 429]);
  });

  test("by the fallback who has no such part, and by nothing who has neither", async () => {
    rules({ key: ["api_key"], key_fallback: ["ip"], limit: 1 });
    expect(await times(2, () => ask("/things"))).toEqual([200, 429]);
    expect((await ask("/things", { from: "192.0.2.2" })).status).toBe(200);
    rules({ key: ["api_key"], key_fallback: [], limit: 1, name: "other" });
    expect(await times(5, () => ask("/things", { from: "192.0.2.3" }))).not.toContain(429);
  });

  test("a whole IPv6 /64 as one, and refused credentials as nobody's", async () => {
    rules({ key: ["user", "ip"], key_fallback: ["ip"] });
    const from = ["2001:db8:1:2::1", "2001:db8:1:2:ffff::1", "2001:db8:1:2:3:4:5:6"];
    expect(await statuses(from.map((each) => ask("/things", { from: each })))).toEqual([
      ...[200, 200, 429],
    ]);
    expect((await ask("/things", { from: "2001:db8:1:3::1" })).status).toBe(200);
    const bad = { as: "wrong", from: "192.0.2.9" };
    expect(await times(3, () => ask("/things", bad))).toEqual([401, 401, 429]);
  });

  test("each route by itself where the key says so", async () => {
    rules({ key: ["ip", "route"], limit: 1 });
    expect(await times(2, () => ask("/things"))).toEqual([200, 429]);
    expect(await times(2, () => ask("/things/1"))).toEqual([404, 429]);
  });
});

describe("lists", () => {
  test("refuse for good, or let pass whatever other rules say", async () => {
    rules(
      { name: "all", limit: 1, key: ["global"] },
      {
        name: "list",
        algorithm: "list",
        limit: 0,
        window_ms: 0,
        allow: ["user:1"],
        deny: ["203.0.113.0/24"],
      },
    );
    expect(await times(3, () => ask("/things", { as: "ada" }))).toEqual([200, 200, 200]);
    const denied = await ask("/things", { from: "203.0.113.77" });
    expect([denied.status, await denied.json(), denied.headers.get("retry-after")]).toEqual([
      ...[403, expect.objectContaining({ code: "limits.denied", rule: "list" }), null],
    ]);
    expect((await ask("/things", { as: "ada", from: "203.0.113.77" })).status).toBe(403);
    expect(await times(2, () => ask("/things"))).toEqual([200, 429]);
  });

  test("of a rule are about that rule alone", async () => {
    rules(
      { name: "narrow", limit: 1, allow: ["ip:192.0.2.5", "2001:db8::/32"], deny: ["api_key:12"] },
      { name: "wide", limit: 3, key: ["global"] },
    );
    expect(await times(2, () => ask("/things", { from: "192.0.2.5" }))).toEqual([200, 200]);
    expect((await ask("/things", { as: "ada_elsewhere" })).status).toBe(403);
    expect(await times(2, () => ask("/things", { from: "2001:db8::9" }))).toEqual([200, 429]);
  });
});

describe("modes", () => {
  test("a shadow rule counts beside the others, and neither refuses nor shows", async () => {
    rules({ name: "candidate", limit: 1, mode: "shadow" }, { name: "live", limit: 3 });
    const first = await ask("/things");
    expect(first.headers.get("ratelimit")).toStartWith('"live"');
    expect(await times(3, () => ask("/things"))).toEqual([200, 200, 429]);
    expect(counted("candidate")).toEqual({ allowed: 1, refused: 3 });
    expect(counted("live")).toEqual({ allowed: 3, refused: 1 });
  });

  test("administrators can always mend the rules", async () => {
    rules({ name: "nothing", limit: 1, key: ["global"] });
    const path = rulesPath.replace("/api/v1", "");
    expect(await times(2, () => ask("/things", { as: "root" }))).toEqual([200, 429]);
    expect(await times(2, () => ask(path, { as: "root" }))).toEqual([200, 200]);
    expect((await ask(path, { as: "ada" })).status).toBe(429);
  });

  test("when the limiter cannot be asked, reads go on and writes do not", async () => {
    const fail = () => {
      throw new Error("away");
    };
    rules({});
    Object.assign(parts.decider.limiter, {
      take: () => Promise.reject(new Error("away")),
      takeOne: fail,
    });
    expect((await ask("/things")).status).toBe(200);
    const closed = await ask("/things", { method: "POST" });
    expect([closed.status, closed.headers.get("retry-after")]).toEqual([503, "1"]);
    rules({ on_failure: "closed", name: "closed" });
    expect((await ask("/things")).status).toBe(503);
    rules({ on_failure: "open", name: "open" });
    expect((await ask("/things", { method: "POST" })).status).toBe(200);
  });
});

test("a leaky bucket delays the handler instead of refusing, up to its queue", async () => {
  const wait = { wait_ms_max: 2_500, queue_max: 2, window_ms: 1_000, limit: 1 };
  rules({ algorithm: "leaky_bucket", ...wait });
  const answers = [ask("/things"), ask("/things"), ask("/things"), ask("/things")];
  const settled: number[] = [];
  for (const [i, answer] of answers.entries()) void answer.then(() => settled.push(i));
  const until = async (n: number) => {
    for (let i = 0; i < 50 && settled.length < n; i++) await Promise.resolve();
    for (let i = 0; i < 50 && settled.length < n; i++) await Bun.sleep(1);
    return settled.toSorted();
  };
  expect(await until(2)).toEqual([0, 3]);
  expect((await answers[3]!).status).toBe(429);
  clock.advance(999);
  expect(await until(2)).toEqual([0, 3]);
  clock.advance(1);
  expect(await until(3)).toEqual([0, 1, 3]);
  clock.advance(1_000);
  expect(await until(4)).toEqual([0, 1, 2, 3]);
  expect(handled).toBe(3);
});

describe("a concurrency limit", () => {
  const rule = { algorithm: "concurrency", limit: 1 } as const;

  test("is freed once an answer is made, whatever it was", async () => {
    rules(rule);
    for (let i = 0; i < 5; i++) expect((await ask("/things")).status).toBe(200);
    for (let i = 0; i < 5; i++) expect((await ask("/things/1")).status).toBe(404);
    expect((await ask("/things")).headers.get("ratelimit-policy")).toBe(
      '"rule-0";q=1;qu="concurrent-requests"',
    );
  });

  test("in shadow is freed too, whether or not another rule refuses", async () => {
    rules({ ...rule, mode: "shadow" }, { limit: 3, window_ms: 60_000 });
    const answers = [];
    for (let i = 0; i < 5; i++) answers.push((await ask("/things")).status);
    expect(answers).toEqual([200, 200, 200, 429, 429]);
    expect(counted("rule-0")).toEqual({ allowed: 5, refused: 0 });
  });

  test("holds for as long as a stream is read", async () => {
    rules(rule);
    const held = await ask("/live");
    expect((await ask("/live")).status).toBe(429);
    const reading = held.text();
    streams[0]!.enqueue(new TextEncoder().encode("data: 1\n\n"));
    streams[0]!.close();
    expect(await reading).toBe("data: 1\n\n");
    const next = await ask("/live");
    expect(next.status).toBe(200);
    await next.body!.cancel();
    expect((await ask("/live")).status).toBe(200);
  });
});

function counted(rule: string) {
  const read = (outcome: string) =>
    metrics.counter("stoa_limits_decisions_total", "", { rule, outcome }).value;
  return { allowed: read("allowed"), refused: read("refused") };
}
