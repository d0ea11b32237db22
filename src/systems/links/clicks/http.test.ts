import { afterEach, beforeEach, expect, test, setDefaultTimeout } from "bun:test";
import type { Principal } from "../../../platform/auth/principal.ts";
import { systemClock } from "../../../platform/clock/clock.ts";
import { createApi, type Api } from "../../../platform/http/server.ts";
import type { Route } from "../../../platform/http/route.ts";
import { recordAnswers } from "../../../../test/answers.ts";
import { silentLog } from "../../../platform/log/log.ts";
import { Metrics } from "../../../platform/metrics/metrics.ts";
import type { Clicks } from "./clicks.ts";
import { counted, foreign, hit, links, openClicks, openPlace } from "./clicks.fixture.ts";
import { owner, until, type Place } from "./clicks.fixture.ts";
import { clickRoutes } from "./http.ts";

// The first test of a run starts the database.
setDefaultTimeout(60_000);

/** As a fresh install has it. */
const streamsPerOwnerMax = 20;

let place: Place;
let clicks: Clicks;
let api: Api;

const people: Record<string, Partial<Principal>> = {
  ann: { account_id: owner, scopes: ["links:read"] },
  bob: { account_id: foreign.owner },
  maker: { account_id: owner, scopes: ["links:create"] },
  root: { account_id: "1", role: "admin" },
};

let routes: Route[];
let metrics: Metrics;
beforeEach(async () => {
  place = await openPlace();
  clicks = openClicks(place);
  await clicks.start();
  routes = clickRoutes({
    clicks,
    findOwned: (reader, principal, id) => reader.one<{ id: string }>`
      SELECT id FROM links.links WHERE id = ${id} AND owner_id = ${principal.account_id}`,
  });
  metrics = new Metrics();
  api = createApi({
    routes,
    authenticate: async (request) => {
      const who = people[request.headers.get("authorization") ?? ""];
      const plain = { kind: "session", role: "member", scopes: ["*"] } as const;
      return who ? ({ ...plain, tier: "free", credential_id: "1", ...who } as Principal) : null;
    },
    db: place.db,
    clock: systemClock,
    log: silentLog,
    metrics,
    requestBodyBytesMax: 1024,
    requestTimeoutMs: 5_000,
    requestsInFlightMax: 10,
  });
});
afterEach(async () => {
  recordAnswers(routes, metrics);
  await clicks.stop(AbortSignal.timeout(5_000));
  await place.remove();
});

async function ask(who: string, path: string, signal?: AbortSignal): Promise<Response> {
  const request = new Request(`http://stoa.test/api/v1${path}`, {
    headers: { authorization: who },
    signal: signal ?? null,
  });
  return await api.fetch(request, "127.0.0.1");
}

const body = async (reply: Response) => (await reply.json()) as Record<string, unknown>;

test("numbers, latest clicks and orphans answer in the form they promise", async () => {
  clicks.record(hit());
  clicks.recordOrphan("nothing-here", hit({ referrer: "https://example.org/" }));
  await clicks.settle();
  for (const path of [`/links/${links.spring}/stats?group_by=country`, "/stats?group_by=country"]) {
    const reply = await ask("ann", path);
    expect(reply.status).toBe(200);
    expect(await body(reply)).toMatchObject({
      interval: "day",
      group_by: "country",
      totals: { clicks: 1, unique_visitors: 1 },
      rows: [{ key: "DE", clicks: 1, unique_visitors: null }],
    });
  }
  const latest = await ask("ann", `/links/${links.spring}/clicks?limit=1`);
  const [item] = (await body(latest))["items"] as Record<string, unknown>[];
  expect(item).toMatchObject({ kind: "human", country: "DE" });
  expect(Object.keys(item!)).not.toContain("address");
  const orphans = await body(await ask("root", "/orphans"));
  expect(orphans["items"]).toMatchObject([{ code: "nothing-here", referrer: "example.org" }]);
});

test("a foreign link answers exactly as one that is not there", async () => {
  clicks.record(hit());
  await clicks.settle();
  for (const part of ["stats", "clicks"]) {
    const theirs = await ask("bob", `/links/${links.spring}/${part}`);
    const nobody = await ask("bob", `/links/123/${part}`);
    expect([theirs.status, nobody.status]).toEqual([404, 404]);
    const [a, b] = [await body(theirs), await body(nobody)];
    expect({ ...a, request_id: "", detail: "" }).toEqual({ ...b, request_id: "", detail: "" });
    expect(a["detail"]).toBe(`There is no link ${links.spring} of yours.`);
  }
  const all = await body(await ask("bob", "/stats"));
  expect(all["totals"]).toMatchObject({ clicks: 0 });
});

test.each([
  ["", "/stats", 401],
  ["maker", "/stats", 403],
  ["maker", "/stats/live", 403],
  ["maker", `/links/${links.spring}/clicks`, 403],
  ["ann", "/orphans", 403],
  ["ann", "/stats?group_by=address", 400],
  ["ann", "/stats?from=yesterday", 400],
  ["ann", "/stats?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", 400],
  ["ann", "/stats?from=1000-01-01T00:00:00Z&interval=hour", 400],
  ["ann", `/links/${links.spring}/clicks?cursor=x`, 400],
  ["ann", `/links/${links.spring}/clicks?cursor=1.1.65536`, 400],
  ["ann", `/links/${links.spring}/clicks?limit=0`, 400],
  ["root", "/orphans?cursor=1.4294967296.1", 400],
  ["root", "/orphans?cursor=1.1.99999", 400],
  ["root", "/orphans?cursor=99999999999999.4294967295.65535", 200],
  ["ann", "/links/0/stats", 400],
] as const)("%s asking for %s gets %d", async (who, path, status) => {
  const reply = await ask(who, path);
  const said = await reply.text();
  expect([reply.status, said.includes('"server.')]).toEqual([status, false]);
});

test("whoever watches sees own clicks of any process as they are counted", async () => {
  const other = openClicks(place);
  await other.start();
  const gone = new AbortController();
  const reply = await ask("ann", "/stats/live", gone.signal);
  expect(reply.headers.get("content-type")).toBe("text/event-stream");
  let text = "";
  const reading = (async () => {
    for await (const chunk of reply.body!) text += new TextDecoder().decode(chunk);
  })();
  clicks.record(hit());
  other.record(hit({ link: links.summer }));
  other.record(hit({ link: foreign.link }));
  const events = () =>
    text
      .split("\n")
      .filter((line) => line.startsWith("data: "))
      .map((line) => JSON.parse(line.slice(6)) as { clicks: number; links: { id: string }[] });
  const seen = () => events().reduce((sum, event) => sum + event.clicks, 0);
  await until("both arrive", async () => seen() === 2 && (await counted(place)).rolled === 3);
  const ids = events().flatMap((event) => event.links.map((link) => link.id));
  expect(ids.toSorted()).toEqual([links.spring, links.summer]);
  gone.abort();
  await reading;
  await other.stop(AbortSignal.timeout(5_000));
});

test("an owner has so many streams and no more, also when all are asked for at once", async () => {
  const gone = new AbortController();
  const asked = Array.from({ length: streamsPerOwnerMax + 5 }, () =>
    ask("ann", "/stats/live", gone.signal),
  );
  const replies = await Promise.all(asked);
  const served = replies.filter((reply) => reply.status === 200);
  expect(served).toHaveLength(streamsPerOwnerMax);
  for (const reply of replies.filter((each) => !served.includes(each))) {
    expect(reply.status).toBe(429);
    expect(Number(reply.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await body(reply)).toMatchObject({ code: "request.rate_limited" });
  }
  expect((await ask("bob", "/stats/live", gone.signal)).status).toBe(200);
  await served[0]!.body!.cancel();
  expect((await ask("ann", "/stats/live", gone.signal)).status).toBe(200);
  gone.abort();
});

test("streams end when the process stops", async () => {
  const reply = await ask("ann", "/stats/live");
  const reading = reply.text();
  await clicks.stop(AbortSignal.timeout(5_000));
  expect(await reading).toBe("retry: 2000\n\n");
  expect((await ask("ann", "/stats/live")).status).toBe(503);
});
