import { afterEach, beforeEach, describe, expect, test, setDefaultTimeout } from "bun:test";
import { statsQuery } from "./wire.ts";
import type { Clicks } from "./clicks.ts";
import { agents, clicksOf, counted, foreign, hit, links } from "./clicks.fixture.ts";
import { openClicks, openPlace, owner, until, type Place } from "./clicks.fixture.ts";
import { latestClicks, latestOrphans } from "./raw.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
// The first test of a run starts the database.
setDefaultTimeout(60_000);

const yesterday = Date.now() - dayMs;
let place: Place;
let clicks: Clicks;

beforeEach(async () => {
  place = await openPlace();
  // Some clicks here are months old.
  clicks = openClicks(place, { clickRetentionDays: 36_500 });
  await clicks.start();
});
afterEach(async () => {
  await clicks.stop(AbortSignal.timeout(5_000));
  await place.remove();
});

const linkStats = (query: Record<string, unknown> = {}, link = links.spring) =>
  clicks.stats.ofLink(place.db, link, statsQuery.parse(query));
const ownerStats = (query: Record<string, unknown> = {}, of = owner) =>
  clicks.stats.ofOwner(place.db, of, statsQuery.parse(query));
/** Of yesterday, whose visitors are counted to the last one here. */
const past = (change: Parameters<typeof hit>[0] = {}) => hit({ at: yesterday, ...change });
const keys = (reply: { rows: { key: string; clicks: number }[] }) =>
  Object.fromEntries(reply.rows.map(({ key, clicks: count }) => [key, count]));

test("a click is in the numbers within seconds, by itself", async () => {
  clicks.record(hit());
  await until("rolled up", async () => (await counted(place)).rolled === 1);
  await until("no lag", () => clicks.lagSeconds() === 0);
});

test("what made the clicks is told apart and counted once each", async () => {
  for (let i = 0; i < 5; i++) clicks.record(past({ address: `192.0.2.${i}` }));
  clicks.record(past());
  clicks.record(past({ userAgent: agents.slack }));
  clicks.record(past({ userAgent: agents.curl }));
  clicks.record(past({ userAgent: agents.curl }));
  clicks.record(past({ purpose: "prefetch;prerender" }));
  clicks.record(past({ method: "HEAD" }));
  clicks.record(past({ doNotTrack: true }));
  await clicks.settle();
  const { totals } = await linkStats();
  expect(totals).toEqual({
    clicks: 12,
    humans: 7,
    bots: 3,
    unfurlers: 1,
    prefetches: 1,
    unique_visitors: 5,
    new_visitors: 5,
  });
  expect(keys(await linkStats({ group_by: "kind" }))).toEqual({
    human: 7,
    bot: 3,
    unfurler: 1,
    prefetch: 1,
  });
  expect(clicks.kindOf(agents.slack, "")).toBe("unfurler");
  expect(clicks.kindOf(agents.chrome, "")).toBe("human");
  expect(clicks.kindOf(agents.chrome, "prefetch")).toBe("prefetch");
});

test("groups: values, unknown ones, order, limit and traffic", async () => {
  clicks.record(hit({ referrer: "https://www.news.example/a", query: "?utm_source=mail" }));
  clicks.record(hit({ referrer: "https://news.example/b", userAgent: agents.iphone }));
  clicks.record(hit({ address: "198.51.100.1" }));
  clicks.record(hit({ address: "203.0.113.1", userAgent: agents.curl }));
  await clicks.settle();
  const by = async (group_by: string, more = {}) => keys(await linkStats({ group_by, ...more }));
  expect(await by("country")).toEqual({ DE: 2, FR: 1 });
  expect(await by("country", { traffic: "all" })).toEqual({ DE: 2, FR: 1, "": 1 });
  expect(await by("city")).toEqual({ "Berlin, DE": 2, "Paris, FR": 1 });
  expect(await by("referrer")).toEqual({ "news.example": 2, "": 1 });
  expect(await by("utm_source")).toEqual({ mail: 1, "": 2 });
  expect(await by("browser")).toEqual({ Chrome: 2, Safari: 1 });
  expect(await by("device", { traffic: "all" })).toEqual({ desktop: 2, mobile: 1, bot: 1 });
  expect(await by("os", { limit: 1 })).toEqual({ windows: 2 });
  const { rows } = await linkStats({ group_by: "referrer" });
  expect(rows.map((row) => row.key)).toEqual(["news.example", ""]);
});

describe("over time", () => {
  const noon = Date.UTC(2026, 5, 10, 12);
  const iso = (at: number) => new Date(at).toISOString();

  async function recordDays(): Promise<void> {
    // Three a day for ten days at 00, 12 and 23 o'clock, each by visitors of its own.
    for (let day = 0; day < 10; day++) {
      for (const hour of [0, 12, 23]) {
        const at = Date.UTC(2026, 5, 5 + day, hour, 30);
        clicks.record(hit({ at, address: `192.0.2.${day * 24 + hour}` }));
      }
    }
    await clicks.settle();
  }

  test("days, weeks and months, empty ones too", async () => {
    await recordDays();
    const range = { from: "2026-06-03T00:00:00Z", to: "2026-06-17T00:00:00Z" };
    const days = await linkStats(range);
    expect(days.rows).toHaveLength(14);
    expect(days.rows.slice(1, 4)).toEqual([
      { key: "2026-06-04T00:00:00.000Z", clicks: 0, unique_visitors: 0 },
      { key: "2026-06-05T00:00:00.000Z", clicks: 3, unique_visitors: 3 },
      { key: "2026-06-06T00:00:00.000Z", clicks: 3, unique_visitors: 3 },
    ]);
    expect(days.totals).toMatchObject({ clicks: 30, unique_visitors: 30 });
    expect(keys(await linkStats({ ...range, interval: "week" }))).toEqual({
      "2026-06-01T00:00:00.000Z": 9,
      "2026-06-08T00:00:00.000Z": 21,
      "2026-06-15T00:00:00.000Z": 0,
    });
    expect(keys(await linkStats({ ...range, interval: "month" }))).toEqual({
      "2026-06-01T00:00:00.000Z": 30,
    });
  });

  test.each(["unpacked", "packed"])("a range may begin and end within a day, %s", async (form) => {
    await recordDays();
    if (form === "packed") {
      for (let i = 0; i < 1_200; i++) clicks.record(hit({ at: noon, userAgent: agents.curl }));
      await clicks.settle();
      const row = await place.db.one<{ log: number }>`
        SELECT octet_length(log) AS log FROM links.click_days
        WHERE subject_id = ${links.spring} AND day = '2026-06-10'`;
      expect(row?.log).toBe(0);
    }
    const range = { from: iso(noon), to: iso(noon + 2 * dayMs) };
    for (const group_by of ["time", "country", "kind", "browser"]) {
      const reply = await linkStats({ ...range, group_by });
      expect(reply.totals).toMatchObject({ humans: 6, unique_visitors: 6, new_visitors: 6 });
      const shown = reply.rows.filter(({ key }) => key !== "bot");
      expect(shown.reduce((sum, row) => sum + row.clicks, 0)).toBe(6);
    }
    const hours = await linkStats({ ...range, interval: "hour" });
    expect(hours.rows).toHaveLength(48);
    expect(hours.rows.filter((row) => row.clicks > 0).map((row) => row.key)).toEqual(
      [0, 11, 12, 24, 35, 36].map((hour) => iso(noon + hour * hourMs)),
    );
  });

  test("ranges that make no sense are refused by name", async () => {
    const later = { from: "2026-06-02T00:00:00Z", to: "2026-06-01T00:00:00Z" };
    expect(linkStats(later)).rejects.toThrow("from: an instant before `to`");
    const long = { from: "2016-06-02T00:00:00Z", to: "2026-06-01T00:00:00Z", interval: "hour" };
    expect(linkStats(long)).rejects.toThrow("interval:");
    expect((await linkStats({ ...long, interval: "day" })).rows).toHaveLength(3_651);
  });

  test("clicks around midnight fall into their own days and partitions", async () => {
    const midnight = Date.UTC(2026, 5, 11);
    for (const at of [midnight - 1, midnight, midnight + 1]) clicks.record(hit({ at }));
    await clicks.settle();
    const reply = await linkStats({ from: iso(noon), to: iso(noon + dayMs) });
    expect(reply.rows.map((row) => row.clicks)).toEqual([1, 2]);
    const parts = await place.db.all<{ part: string; n: string }>`
      SELECT tableoid::regclass::text AS part, count(*) AS n
      FROM links.clicks GROUP BY 1 ORDER BY 1`;
    expect(parts.map(({ part, n }) => [part, n])).toEqual([
      ["links.clicks_20260610", "1"],
      ["links.clicks_20260611", "2"],
    ]);
  });
});

test("an owner's numbers are those of all the owner's links and of no others", async () => {
  clicks.record(past({ link: links.spring }));
  clicks.record(past({ link: links.summer }));
  clicks.record(past({ link: links.summer, address: "198.51.100.7" }));
  clicks.record(past({ link: foreign.link }));
  clicks.record(past({ link: "123456789" }));
  await clicks.settle();
  expect((await ownerStats()).totals).toMatchObject({ clicks: 3, unique_visitors: 2 });
  expect(keys(await ownerStats({ group_by: "country" }))).toEqual({ DE: 2, FR: 1 });
  expect((await ownerStats({}, foreign.owner)).totals.clicks).toBe(1);
  expect((await ownerStats({}, "5")).totals.clicks).toBe(0);
  const totals = await place.db.all<{ link_id: string; owner_id: string; clicks: string }>`
    SELECT link_id, owner_id, clicks FROM links.click_totals ORDER BY link_id`;
  expect(totals.map((row) => [row.link_id, row.owner_id, row.clicks])).toEqual([
    [links.spring, owner, "1"],
    [links.summer, owner, "2"],
    [foreign.link, foreign.owner, "1"],
  ]);
});

test("many clicks of many visitors: exact counts, uniques within three percent", async () => {
  const many = 40_000;
  const at = Date.now();
  for (let i = 0; i < many; i++) {
    const visitor = i % 10_000;
    clicks.record(hit({ at, address: `10.${visitor >> 8}.${visitor & 255}.1` }));
  }
  await clicks.settle();
  for (const { totals } of [await linkStats(), await ownerStats()]) {
    expect(totals.clicks).toBe(many);
    expect(totals.new_visitors).toBeGreaterThan(9_700);
    expect(totals.new_visitors).toBeLessThan(10_300);
    expect(Math.abs(totals.unique_visitors - 10_000)).toBeLessThan(500);
  }
});

test("the latest clicks come newest first, page by page, and each once", async () => {
  const now = Date.now();
  const times = [0, 0, 0, 5, 500, 60_000, hourMs, 26 * hourMs, 26 * hourMs, 90 * hourMs];
  for (const ago of times.toReversed()) clicks.record(hit({ at: now - ago }));
  clicks.record(hit({ at: now, link: links.summer }));
  await clicks.settle();
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const query = { cursor, limit: 3, linkId: links.spring, now: Date.now() };
    const page = await latestClicks(place.db, clicks.names, query);
    expect(page.items.length).toBeLessThanOrEqual(3);
    seen.push(...page.items.map((item) => item.at));
    cursor = page.next_cursor ?? undefined;
  } while (cursor);
  expect(seen).toEqual(times.map((ago) => new Date(now - ago).toISOString()));
  expect(
    latestClicks(place.db, clicks.names, { cursor: "x", limit: 1, linkId: "1", now }),
  ).rejects.toThrow("cursor:");
});

test("the latest clicks of a rush that is over come whole, and each once", async () => {
  const now = Date.now();
  const rush = Array.from({ length: 3_000 }, (_, n) => 2 * hourMs + n * 3);
  const instant = Array.from({ length: 2_500 }, () => hourMs);
  const times = [0, ...instant, ...rush];
  for (const ago of times.toReversed()) clicks.record(hit({ at: now - ago }));
  await clicks.settle();
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const query = { cursor, limit: 1_000, linkId: links.spring, now };
    const page = await latestClicks(place.db, clicks.names, query);
    seen.push(...page.items.map((item) => item.at));
    cursor = page.next_cursor ?? undefined;
  } while (cursor);
  expect(seen).toEqual(times.map((ago) => new Date(now - ago).toISOString()));
});

test("a raw click says what is known of it", async () => {
  clicks.record(hit({ referrer: "https://news.example/", query: "?utm_campaign=May%00%27%22" }));
  clicks.record(hit({ at: Date.now() + 1, doNotTrack: true }));
  await clicks.settle();
  const items = await clicksOf(place, clicks, links.spring);
  expect(items[1]).toMatchObject({
    kind: "human",
    reason: "browser",
    new_visitor: true,
    do_not_track: false,
    country: "DE",
    city: "Berlin",
    device: "desktop",
    browser: "Chrome",
    os: "windows",
    referrer: "news.example",
    utm_campaign: `May'"`,
  });
  expect(items[0]).toMatchObject({ kind: "human", do_not_track: true, country: "", browser: "" });
});

test("orphans are kept, with what their codes really were", async () => {
  const codes = ["wp-login.php", "ü", "a\0b", `'; DROP TABLE links.links; --`, "z".repeat(100)];
  const at = Date.now();
  codes.forEach((code, i) => clicks.recordOrphan(code, hit({ at: at - i })));
  await clicks.settle();
  const first = await latestOrphans(place.db, clicks.names, { limit: 3 });
  const rest = await latestOrphans(place.db, clicks.names, {
    limit: 3,
    cursor: first.next_cursor!,
  });
  expect([...first.items, ...rest.items].map((item) => item.code)).toEqual([
    "wp-login.php",
    "ü",
    "ab",
    `'; DROP TABLE links.links; --`,
    "z".repeat(64),
  ]);
  expect(rest.next_cursor).toBeNull();
  expect((await ownerStats()).totals.clicks).toBe(0);
});

test("the day's key is shared, made for tomorrow too, and gone after its day", async () => {
  await place.db.write(
    (tx) => tx.run`
    INSERT INTO links.visitor_keys (day, key) VALUES (current_date - 1, 'old')`,
  );
  const second = openClicks(place);
  await second.start();
  const rows = await place.db.all<{ days: number; bytes: number }>`
    SELECT day - current_date AS days, octet_length(key) AS bytes
    FROM links.visitor_keys ORDER BY day`;
  expect(rows.map(({ days, bytes }) => [days, bytes])).toEqual([
    [0, 32],
    [1, 32],
  ]);
  clicks.record(hit());
  second.record(hit());
  await clicks.settle();
  await second.settle();
  expect((await linkStats()).totals).toMatchObject({ clicks: 2, unique_visitors: 1 });
  await second.stop(AbortSignal.timeout(5_000));
});
