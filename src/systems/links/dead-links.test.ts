import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { testDatabase, type TestDatabase } from "../../../test/database.ts";
import { type Clock, systemClock } from "../../platform/clock/clock.ts";
import { createEvents } from "../../platform/events/outbox.ts";
import { openIds } from "../../platform/ids/ids.ts";
import { createJobs } from "../../platform/jobs/queue.ts";
import { silentLog } from "../../platform/log/log.ts";
import { Metrics } from "../../platform/metrics/metrics.ts";
import { createOutbound } from "../../platform/outbound/outbound.ts";
import { platformMigrations } from "../../platform/platform.ts";
import {
  ailingDaysMax,
  checkDeadLinks,
  type DeadLinkDeps,
  goneDaysMax,
  perHostMax,
  stepLinks,
} from "./dead-links.ts";
import { probe } from "./probe.ts";
import { linksMigrations } from "./migrations.ts";
import { walk } from "./walk.ts";

/** Real servers on loopback that answer what the test says; names resolve to them. */
const asked: { method: string; host: string; path: string; at: number }[] = [];
let answer: (path: string, method: string) => Response = () => new Response("ok");
let inFlight = 0;
let inFlightMax = 0;
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  async fetch(request) {
    const { hostname, pathname } = new URL(request.url);
    asked.push({ method: request.method, host: hostname, path: pathname, at: performance.now() });
    inFlightMax = Math.max(inFlightMax, ++inFlight);
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    inFlight--;
    return answer(pathname, request.method);
  },
});
const at = (path: string, host = "site.test") => `http://${host}:${server.port}${path}`;

const outbound = createOutbound({
  ...{ log: silentLog, clock: systemClock, allowPrivate: ["127.0.0.1"] },
  async resolve(host) {
    if (host.startsWith("nowhere")) throw Object.assign(new Error("none"), { code: "ENOTFOUND" });
    if (host.startsWith("flaky")) throw Object.assign(new Error("later"), { code: "EAI_AGAIN" });
    return [host.startsWith("inside") ? "10.0.0.1" : "127.0.0.1"];
  },
});

const dayMs = 86_400_000;
let now = Date.UTC(2026, 0, 1);
const slept: number[] = [];
/** Days go by as the test says; waits are noted and not waited for. */
const clock: Clock = {
  now: () => now,
  monotonic: systemClock.monotonic,
  sleep: async (ms) => void slept.push(ms),
};

let database: TestDatabase;
let deps: DeadLinkDeps;
let ids: Awaited<ReturnType<typeof openIds>>;
beforeAll(async () => {
  database = await testDatabase([...platformMigrations, ...linksMigrations]);
  const { db } = database;
  ids = await openIds({ db, clock: systemClock, log: silentLog });
  const base = { db, ids, clock: systemClock, log: silentLog };
  const events = createEvents({ ...base, jobs: createJobs(base) });
  const naming = { publicUrl: "https://stoa.test" };
  deps = { db, clock, events, outbound, naming, metrics: new Metrics() };
});
afterAll(async () => {
  await ids.close();
  await database.drop();
  await server.stop(true);
});
beforeEach(async () => {
  await database.db.write(async (tx) => {
    await tx.run`TRUNCATE links.links, links.walks, platform.outbox`;
  });
  asked.length = 0;
  slept.length = 0;
  inFlightMax = 0;
});
afterEach(() => {
  answer = () => new Response("ok");
});

type Made = { url: string; checked_at?: Date; expires_at?: Date; deleted_at?: Date };

async function links(...rows: (string | Made)[]): Promise<void> {
  const all = rows.map((row, i) => {
    const made = typeof row === "string" ? { url: row } : row;
    const url_host = /^https?:/.test(made.url) ? new URL(made.url).hostname : "";
    return { checked_at: null, expires_at: null, deleted_at: null, ...made, url_host, id: i + 1 };
  });
  await database.db.write(
    (tx) => tx.run`
      INSERT INTO links.links
        (id, owner_id, code, url, url_host, checked_at, expires_at, deleted_at)
      SELECT id, 7, 'code' || id, url, url_host, checked_at, expires_at, deleted_at
      FROM jsonb_populate_recordset(NULL::links.links, ${tx.json(all)})`,
  );
}

type State = { checks: number; dead: boolean };

async function states(): Promise<State[]> {
  return await database.db.all<State>`
    SELECT dead_checks AS checks, dead_since IS NOT NULL AS dead FROM links.links ORDER BY id`;
}

async function deaths(): Promise<{ owner_id: string; data: Record<string, string> }[]> {
  return await database.db.all`
    SELECT owner_id, data FROM platform.outbox WHERE type = 'links.died' ORDER BY id`;
}

async function nextDay(days = 1): Promise<void> {
  for (let i = 0; i < days; i++) {
    now += dayMs;
    await checkDeadLinks(deps, new AbortController().signal);
  }
}

test("404 on three days in a row is dead, told once, and forgotten when it is back", async () => {
  answer = (path) => new Response("", { status: path === "/gone" ? 404 : 200 });
  await links(at("/gone"), at("/fine"));
  await nextDay(goneDaysMax - 1);
  expect(await states()).toEqual([
    { checks: goneDaysMax - 1, dead: false },
    { checks: 0, dead: false },
  ]);
  expect(await deaths()).toEqual([]);
  await nextDay(3);
  const data = { link_id: "1", code: "code1", url: at("/gone"), reason: "it answers 404" };
  expect(await deaths()).toEqual([{ owner_id: "7", data: expect.objectContaining(data) }]);
  answer = () => new Response("back");
  await nextDay();
  expect(await states()).toEqual([
    { checks: 0, dead: false },
    { checks: 0, dead: false },
  ]);
  answer = () => new Response("", { status: 410 });
  await nextDay(goneDaysMax);
  expect(await deaths()).toHaveLength(3);
});

test("a good day in between starts the count anew", async () => {
  answer = () => new Response("", { status: 404 });
  await links(at("/a"));
  await nextDay(2);
  answer = () => new Response("");
  await nextDay();
  answer = () => new Response("", { status: 404 });
  await nextDay(2);
  expect(await states()).toEqual([{ checks: 2, dead: false }]);
});

test("errors of a server are dead only after many days", async () => {
  answer = () => new Response("", { status: 503 });
  await links(at("/a"));
  await nextDay(ailingDaysMax - 1);
  expect(await states()).toEqual([{ checks: ailingDaysMax - 1, dead: false }]);
  await nextDay();
  expect(await states()).toEqual([{ checks: ailingDaysMax, dead: true }]);
});

test("a walk that comes again within the day neither asks nor counts again", async () => {
  answer = () => new Response("", { status: 404 });
  await links(at("/a"));
  await nextDay();
  const before = asked.length;
  for (let i = 0; i < 5; i++) await checkDeadLinks(deps, new AbortController().signal);
  expect(asked).toHaveLength(before);
  expect(await states()).toEqual([{ checks: 1, dead: false }]);
});

test("only links that redirect to the web are asked for", async () => {
  const past = new Date(now - 1);
  await links(
    { url: at("/expired"), expires_at: past },
    { url: at("/deleted"), deleted_at: past },
    "myapp://open/this",
    at("/live"),
  );
  await database.db.write(
    (tx) => tx.run`
      INSERT INTO links.links (id, owner_id, code, url, url_host, quarantined)
      VALUES (90, 7, 'q', ${at("/quarantined")}, 'site.test', 'admin: x')`,
  );
  await nextDay();
  expect(asked.map(({ path }) => path)).toEqual(["/live"]);
});

test("an edit while it was asked for is not counted against the new URL", async () => {
  await links(at("/old"));
  answer = () => {
    void database.db.write((tx) => tx.run`UPDATE links.links SET url = ${at("/new")}`);
    return new Response("", { status: 404 });
  };
  const edited = async () => {
    const row = await database.db.one<{ url: string }>`SELECT url FROM links.links`;
    return row?.url === at("/new");
  };
  const slow: DeadLinkDeps["outbound"] = {
    ...outbound,
    async fetch(request) {
      const response = await outbound.fetch(request);
      while (!(await edited())) await Bun.sleep(1);
      return response;
    },
  };
  now += dayMs;
  await checkDeadLinks({ ...deps, outbound: slow }, new AbortController().signal);
  expect(await states()).toEqual([{ checks: 0, dead: false }]);
});

test("a URL is asked for once, a host one at a time with pauses and not too often", async () => {
  const many = Array.from({ length: perHostMax + 15 }, (_, i) => at(`/p/${i}`));
  await links(at("/same"), at("/same"), ...many);
  await nextDay();
  expect(asked.filter(({ path }) => path === "/same")).toHaveLength(1);
  expect(asked).toHaveLength(perHostMax);
  expect(inFlightMax).toBe(1);
  expect(slept.filter((ms) => ms === 1_000)).toHaveLength(perHostMax - 1);
  const first = new Set(asked.map(({ path }) => path));
  asked.length = 0;
  await nextDay();
  // Those that had to wait come first.
  const fresh = asked.filter(({ path }) => !first.has(path));
  expect(fresh).toHaveLength(many.length + 1 - perHostMax);
});

test("hosts are asked side by side, not too many and not too fast", async () => {
  await links(...Array.from({ length: 60 }, (_, i) => at("/", `host${i}.test`)));
  await nextDay();
  expect(asked).toHaveLength(60);
  expect(inFlightMax).toBeGreaterThan(1);
  expect(inFlightMax).toBeLessThanOrEqual(8);
  // The last of 60 was told to wait for its place at 20 a second.
  expect(Math.max(...slept)).toBeGreaterThan(1_500);
});

test("a walk that is cut off goes on where it was", async () => {
  const rows = Array.from({ length: stepLinks + 40 }, (_, i) => at("/", `h${i}.test`));
  await links(...rows);
  const cut = new AbortController();
  answer = () => {
    if (asked.length > stepLinks + 10) cut.abort();
    return new Response("");
  };
  now += dayMs;
  await checkDeadLinks(deps, cut.signal);
  const before = new Set(asked.map(({ host }) => host));
  expect(before.size).toBeGreaterThan(stepLinks);
  expect(before.size).toBeLessThan(rows.length);
  const done = await database.db.one<{ n: string }>`
    SELECT count(*) AS n FROM links.links WHERE checked_at IS NOT NULL`;
  expect(Number(done?.n)).toBeGreaterThanOrEqual(stepLinks);
  asked.length = 0;
  await checkDeadLinks(deps, new AbortController().signal);
  expect(asked.length).toBe(rows.length - Number(done?.n));
  const [left] = await database.db.all<{ walks: string; unchecked: string }>`
    SELECT (SELECT count(*) FROM links.walks) AS walks,
      (SELECT count(*) FROM links.links WHERE checked_at IS NULL) AS unchecked`;
  expect(left).toEqual({ walks: "0", unchecked: "0" });
});

test("a walk goes on from its place, unless that is from another day", async () => {
  const { db } = database;
  const seen: string[] = [];
  const run = (stopAt: string | null) => {
    const stop = new AbortController();
    const step = async (after: string) => {
      seen.push(after);
      const next = String(Number(after) + 10);
      if (next === stopAt) stop.abort();
      return next === "50" ? null : next;
    };
    return walk({ db, clock, name: "test", signal: stop.signal, step });
  };
  await run("20");
  await run("30");
  now += dayMs;
  await run(null);
  await run("10");
  expect(seen).toEqual(["0", "10", "20", "0", "10", "20", "30", "40", "0"]);
});

const findingOf = async (url: string) => {
  const signal = new AbortController().signal;
  return (await probe(outbound, url, "Stoa test", signal)).verdict;
};

test.each([
  [200, "alive"],
  [204, "alive"],
  [400, "alive"],
  [401, "alive"],
  [403, "alive"],
  [404, "gone"],
  [410, "gone"],
  [429, "alive"],
  [451, "alive"],
  [500, "ailing"],
  [503, "ailing"],
])("status %d is %s", async (status, verdict) => {
  answer = () => new Response(null, { status });
  expect(await findingOf(at("/"))).toBe(verdict as "alive");
});

test("a server that does not know HEAD is asked again, and only then", async () => {
  for (const status of [404, 405, 501]) {
    answer = (_, method) => new Response("", { status: method === "HEAD" ? status : 200 });
    expect(await findingOf(at(`/${status}`))).toBe("alive");
    expect(asked.splice(0).map(({ method }) => method)).toEqual(["HEAD", "GET"]);
  }
  answer = () => new Response("", { status: 403 });
  await findingOf(at("/403"));
  expect(asked.map(({ method }) => method)).toEqual(["HEAD"]);
});

test("what the network says", async () => {
  expect(await findingOf("http://nowhere.test/")).toBe("gone");
  expect(await findingOf("http://flaky.test/")).toBe("unknown");
  expect(await findingOf("http://inside.test/")).toBe("unknown");
  const free = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const { port } = free;
  await free.stop(true);
  expect(await findingOf(`http://site.test:${port}/`)).toBe("gone");
  answer = (path) => Response.redirect(at(path === "/loop" ? "/loop" : "/end"), 302);
  expect(await findingOf(at("/loop"))).toBe("ailing");
  answer = (path) =>
    path === "/moved" ? Response.redirect(at("/end"), 301) : new Response("", { status: 404 });
  expect(await findingOf(at("/moved"))).toBe("gone");
  answer = () => new Response("x".repeat(10_000_000));
  expect(await findingOf(at("/large"))).toBe("alive");
});
