import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { startWorld, type World } from "../../../test/world.ts";
import { testDatabase } from "../../../test/database.ts";
import { fakeClock } from "../../platform/clock/clock.ts";
import { silentLog } from "../../platform/log/log.ts";
import { Metrics } from "../../platform/metrics/metrics.ts";
import { Frequent } from "./frequent.ts";
import { limitsMigrations } from "./migrations.ts";
import { suddenRises, topKeys } from "./refusal-store.ts";
import { refusalDaysKept, Refusals } from "./refusals.ts";

describe("over HTTP", () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
  }, 60_000);
  afterAll(() => world.stop(), 60_000);

  type Body = {
    keys: { rule: string; key: string; refused: number }[];
    series: { at: string; rule: string; route: string; shadow: boolean; refused: number }[];
    rises: { rule: string; route: string; refused: number; expected: number }[];
  };
  const read = async (query = "") => {
    const path = `/api/v1/limits/refusals${query}`;
    const reply = await world.call("GET", path, { as: world.admin });
    return { status: reply.status, body: reply.body as Body };
  };
  const rule = (body: object) =>
    world.call("POST", "/api/v1/limits/rules", { as: world.admin, body });

  test("whom which rule refused, where and when", async () => {
    const plain = { algorithm: "fixed_window", limit: 1, window_ms: 86_400_000, key: ["user"] };
    await rule({ ...plain, name: "t.live", routes: ["/api/v1/webhooks", "/api/v1/domains"] });
    await rule({ ...plain, name: "t.shadow", mode: "shadow", routes: ["/api/v1/domains"] });
    for (const as of [world.ada, world.ada, world.ada, world.bob, world.bob]) {
      await world.call("GET", "/api/v1/domains", { as });
    }
    const { body } = await read();
    expect(body.keys.filter((one) => one.rule === "t.live")).toEqual([
      { rule: "t.live", key: `user:${world.ada.id}`, refused: 2 },
      { rule: "t.live", key: `user:${world.bob.id}`, refused: 1 },
    ]);
    const nameOf = (row: Body["series"][number]) => `${row.rule} ${row.route} ${row.shadow}`;
    const sum = (name: string) =>
      body.series.filter((row) => nameOf(row) === name).reduce((n, row) => n + row.refused, 0);
    expect(sum("t.live GET /api/v1/domains false")).toBe(3);
    expect(sum("t.shadow GET /api/v1/domains true")).toBe(3);
    const hours = (await read("?rule=t.shadow&step=hour")).body;
    expect(hours.keys).toEqual([]);
    expect(new Set(hours.series.map((row) => row.rule))).toEqual(new Set(["t.shadow"]));
    const metrics = await (await fetch(`${world.url}/metrics`)).text();
    expect(metrics).toContain('stoa_limits_decisions_total{rule="t.live",outcome="refused"} 3');
    expect(metrics).toContain('stoa_limits_decisions_total{rule="t.live",outcome="allowed"} 2');
    const route = 'route="GET /api/v1/domains"';
    for (const [name, mode] of [
      ["t.live", "enforce"],
      ["t.shadow", "shadow"],
    ]) {
      const series = `stoa_limits_refusals_total{rule="${name}",${route},mode="${mode}"} 3`;
      expect(metrics).toContain(series);
    }
  });

  test("sudden rises stand out", async () => {
    const plain = { algorithm: "fixed_window", limit: 1, window_ms: 86_400_000, service: true };
    await rule({ ...plain, name: "t.rise" });
    const checks = Array.from({ length: 40 }, () => ({ rule: "t.rise", key: "busy" }));
    const body = { checks };
    expect(
      (await world.call("POST", "/api/v1/limits/checks", { as: world.admin, body })).status,
    ).toBe(200);
    expect((await read()).body.rises).toContainEqual({
      ...{ rule: "t.rise", route: "check", refused: 39, expected: 0 },
    });
  });

  test("only over spans that can be shown", async () => {
    const at = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();
    expect((await read(`?since=${at(30)}&step=hour`)).status).toBe(400);
    expect((await read(`?since=${at(30)}&step=day`)).status).toBe(200);
    expect((await read(`?since=${at(0)}&until=${at(1)}`)).status).toBe(400);
    expect((await read("?since=yesterday")).status).toBe(400);
  });
});

describe("counting", () => {
  const metrics = new Metrics();

  test("adds up over processes, is told of rises and forgets what is old", async () => {
    const database = await testDatabase(limitsMigrations);
    const { db } = database;
    const clock = fakeClock();
    const processes = [0, 1].map(() => new Refusals({ db, clock, log: silentLog, metrics }));
    const refuse = (times: number, key = "k") => {
      for (let i = 0; i < times; i++) {
        processes[i % 2]!.record({ rule: "r", route: "GET /x", key, shadow: false });
      }
    };
    const flush = () => Promise.all(processes.map((one) => one.flush()));
    const rises = () => suddenRises(db, new Date(clock.now()), { refusedMin: 20, timesMin: 3 });
    refuse(120);
    await flush();
    clock.advance(30 * 60_000);
    expect(await rises()).toEqual([]);
    refuse(25, "other");
    await flush();
    expect(await rises()).toEqual([]);
    refuse(20, "other");
    await flush();
    expect(await rises()).toEqual([{ rule: "r", route: "GET /x", refused: 45, expected: 10 }]);
    const all = { since: new Date(0), until: new Date(clock.now() + 1), rule: null };
    expect(await topKeys(db, all, 9)).toEqual([
      { rule: "r", key: "k", refused: 120 },
      { rule: "r", key: "other", refused: 45 },
    ]);
    clock.advance((refusalDaysKept + 1) * 86_400_000);
    await processes[0]!.sweep();
    expect(await topKeys(db, all, 9)).toEqual([]);
    expect(await db.one`SELECT 1 FROM limits.refusals`).toBeNull();
    await database.drop();
  });

  test("loses nothing while the database is away", async () => {
    const database = await testDatabase(limitsMigrations);
    let away = true;
    const db = {
      ...database.db,
      write: ((...given) => {
        if (away) throw new Error("away");
        return database.db.write(...given);
      }) as typeof database.db.write,
    };
    const refusals = new Refusals({ db, clock: fakeClock(), log: silentLog, metrics });
    const refuse = () => refusals.record({ rule: "r", route: "x", key: "k", shadow: false });
    refuse();
    await expect(refusals.flush()).rejects.toThrow("away");
    refuse();
    away = false;
    await refusals.flush();
    const rows = await db.all<{ refused: number }>`
      SELECT refused::int FROM limits.refusals
      UNION ALL SELECT refused::int FROM limits.refused_keys`;
    expect(rows.map((row) => row.refused)).toEqual([2, 2]);
    await database.drop();
  });
});

describe("the most frequent keys", () => {
  test("are counted exactly while there is room", () => {
    const frequent = new Frequent(10);
    for (const key of "aaabbc") frequent.add(key);
    expect(frequent.top(2)).toEqual([
      { key: "a", count: 3 },
      { key: "b", count: 2 },
    ]);
  });

  test("are never too low, too high by at most total over places, and none is missed", () => {
    const streams = fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 600 });
    fc.assert(
      fc.property(streams, fc.integer({ min: 1, max: 20 }), (stream, places) => {
        const frequent = new Frequent(places);
        const exact = new Map<string, number>();
        for (const n of stream) {
          // Squared, so that some keys are far more frequent than others.
          const key = String(Math.floor((n * n) / 60));
          frequent.add(key);
          exact.set(key, (exact.get(key) ?? 0) + 1);
        }
        const error = stream.length / places;
        const top = new Map(frequent.top(places).map(({ key, count }) => [key, count]));
        for (const [key, count] of top) {
          expect(count).toBeGreaterThanOrEqual(exact.get(key) as number);
          expect(count - (exact.get(key) as number)).toBeLessThanOrEqual(error);
        }
        for (const [key, count] of exact) if (count > error) expect(top.has(key)).toBe(true);
      }),
    );
  });
});
