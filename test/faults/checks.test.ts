import { describe, expect, test } from "bun:test";
import {
  checkAnswers,
  checkClicks,
  checkCounter,
  checkLinks,
  checkUnique,
  checkVisits,
} from "./checks.ts";
import { absent, gone, type Operation } from "./history.ts";

/** The checkers themselves: each finds the history that breaks its rule, and only that. */
const blank: Operation = {
  kind: "create",
  link: "1",
  code: "c1",
  intent: "i1",
  url: "a",
  seen: null,
  invokedAt: 0,
  endedAt: 1,
  outcome: "ok",
  status: 201,
};
const create = (more: Partial<Operation> = {}) => ({ ...blank, ...more });
const edit = (more: Partial<Operation>) => ({ ...blank, kind: "edit" as const, ...more });
const remove = (more: Partial<Operation>) => edit({ kind: "delete", url: null, ...more });
const visit = (more: Partial<Operation>) => edit({ kind: "visit", url: null, ...more });
const row = { id: "1", code: "c1", url: "a", title: "i1", deleted: false, clicks_used: 0 };
const rules = (found: { rule: string }[]) => found.map((v) => v.rule);

describe("links at the end", () => {
  test("as acknowledged", () => {
    expect(checkLinks([create()], [row])).toEqual([]);
  });

  test("an acknowledged one is missing", () => {
    expect(rules(checkLinks([create()], []))).toEqual(["lost"]);
  });

  test("one of unknown fate may be there or not", () => {
    const unknown = create({ outcome: "unknown", link: null, code: null });
    expect(checkLinks([unknown], [])).toEqual([]);
    expect(checkLinks([unknown], [row])).toEqual([]);
  });

  test("an acknowledged edit was undone; an unknown one may have happened", () => {
    const done = edit({ url: "b", invokedAt: 2, endedAt: 3 });
    const unknown = edit({ url: "c", invokedAt: 4, endedAt: 5, outcome: "unknown" });
    expect(rules(checkLinks([create(), done], [row]))).toEqual(["undone"]);
    expect(checkLinks([create(), done, unknown], [{ ...row, url: "b" }])).toEqual([]);
    expect(checkLinks([create(), done, unknown], [{ ...row, url: "c" }])).toEqual([]);
    expect(rules(checkLinks([create(), done, unknown], [row]))).toEqual(["undone"]);
  });

  test("a refused edit happened all the same", () => {
    const refused = edit({ url: "b", invokedAt: 2, endedAt: 3, outcome: "failed" });
    expect(rules(checkLinks([create(), refused], [{ ...row, url: "b" }]))).toEqual(["undone"]);
  });

  test("a delete was undone, or happened unasked", () => {
    const asked = remove({ invokedAt: 2, endedAt: 3 });
    expect(rules(checkLinks([create(), asked], [row]))).toEqual(["undone"]);
    expect(checkLinks([create(), asked], [{ ...row, deleted: true }])).toEqual([]);
    expect(rules(checkLinks([create()], [{ ...row, deleted: true }]))).toEqual(["undone"]);
  });

  test("one intention made two links, or a link nobody meant", () => {
    const twin = { ...row, id: "2", code: "c2" };
    expect(rules(checkLinks([create()], [row, twin]))).toEqual(["made twice"]);
    const stranger = { ...twin, title: "i2" };
    expect(rules(checkLinks([create()], [row, stranger]))).toEqual(["invented"]);
  });

  test("one code was given to two links, one of them lost", () => {
    const second = create({ link: "2", intent: "i2" });
    expect(rules(checkLinks([create(), second], [row]))).toEqual(["lost", "code twice"]);
  });
});

describe("visits", () => {
  const edited = [create(), edit({ url: "b", invokedAt: 10, endedAt: 20 })];
  const saw = (seen: string, invokedAt: number, lagMs = 0) =>
    rules(checkVisits([...edited, visit({ seen, invokedAt, endedAt: invokedAt + 1 })], lagMs));

  test("see the old one until the edit begins, either during it, the new one after", () => {
    expect(saw("a", 5)).toEqual([]);
    expect(saw("b", 5)).toEqual(["stale"]);
    expect(saw("a", 15)).toEqual([]);
    expect(saw("b", 15)).toEqual([]);
    expect(saw("b", 21)).toEqual([]);
    expect(saw("a", 21)).toEqual(["stale"]);
  });

  test("of another process may lag so long and no longer", () => {
    expect(saw("a", 500, 1000)).toEqual([]);
    expect(saw("a", 1021, 1000)).toEqual(["stale"]);
  });

  test("may see what was true before an outage, until shortly after it", () => {
    const outage = [{ from: 15, to: 3_000 }];
    const late = (invokedAt: number) =>
      rules(
        checkVisits([...edited, visit({ seen: "a", invokedAt, endedAt: invokedAt })], 100, outage),
      );
    expect(late(2_000)).toEqual([]);
    expect(late(3_100)).toEqual([]);
    expect(late(3_101)).toEqual(["stale"]);
  });

  test("find what was acknowledged, and what was deleted gone", () => {
    expect(saw(absent, 5)).toEqual(["vanished"]);
    const removed = [...edited, remove({ invokedAt: 30, endedAt: 31 })];
    const late = { invokedAt: 40, endedAt: 41 };
    expect(checkVisits([...removed, visit({ seen: gone, ...late })], 0)).toEqual([]);
    expect(rules(checkVisits([...removed, visit({ seen: "b", ...late })], 0))).toEqual(["stale"]);
  });

  test("without an answer say nothing", () => {
    expect(checkVisits([...edited, visit({ outcome: "unknown", invokedAt: 50 })], 0)).toEqual([]);
  });
});

describe("clicks", () => {
  const seen = (endedAt: number, more: Partial<Operation> = {}) =>
    visit({ seen: "a", invokedAt: endedAt - 1, endedAt, ...more });
  const counted = (raw: number, rolled = raw) => ({
    raw: new Map([["1", raw]]),
    rolled: new Map([["1", rolled]]),
  });
  const noKills = { kills: [], windowMs: 50 };

  test("are all there", () => {
    expect(checkClicks([seen(1), seen(2)], counted(2), noKills)).toEqual([]);
    expect(rules(checkClicks([seen(1), seen(2)], counted(1), noKills))).toEqual(["clicks lost"]);
  });

  test("are not counted twice, neither raw nor rolled up", () => {
    expect(rules(checkClicks([seen(1)], counted(2), noKills))).toEqual(["clicks invented"]);
    expect(rules(checkClicks([seen(1)], counted(1, 2), noKills))).toEqual([
      "clicks rolled up wrongly",
    ]);
  });

  test("without an answer may be counted once", () => {
    const unknown = seen(2, { outcome: "unknown", seen: null });
    expect(checkClicks([seen(1), unknown], counted(2), noKills)).toEqual([]);
    expect(checkClicks([seen(1), unknown], counted(1), noKills)).toEqual([]);
    expect(rules(checkClicks([seen(1), unknown], counted(3), noKills))).toEqual([
      "clicks invented",
    ]);
  });

  test("may be lost only right before a kill", () => {
    const kill = { kills: [100], windowMs: 50 };
    expect(checkClicks([seen(10), seen(60)], counted(1), kill)).toEqual([]);
    expect(rules(checkClicks([seen(10), seen(60)], counted(0), kill))).toEqual(["clicks lost"]);
    expect(rules(checkClicks([seen(10), seen(110)], counted(1), kill))).toEqual(["clicks lost"]);
  });
});

test("counters lie between what was acknowledged and what was tried, and below their limit", () => {
  const count = (acknowledged: number, value: number, attempted: number, max = 10) =>
    rules(checkCounter("n", { acknowledged, value, attempted, max }));
  expect(count(3, 4, 5)).toEqual([]);
  expect(count(3, 2, 5)).toEqual(["count too low"]);
  expect(count(3, 6, 5)).toEqual(["count too high"]);
  expect(count(11, 11, 12)).toEqual(["count too high"]);
});

test("no answer is a 500", () => {
  expect(checkAnswers([create(), create({ status: 503, outcome: "unknown" })])).toEqual([]);
  expect(rules(checkAnswers([create({ status: 500, outcome: "unknown" })]))).toEqual(["broke"]);
});

test("nothing is given twice", () => {
  expect(checkUnique("id", ["1", "2"])).toEqual([]);
  expect(rules(checkUnique("id", ["1", "2", "1"]))).toEqual(["made twice"]);
});
