import { describe, expect, test } from "bun:test";
import type { LimitRule, Refusals } from "../../../sdk/types.ts";
import { candidateOf, draftOf, errorOf, ruleOf } from "./draft.ts";
import {
  aboutText,
  candidatesOf,
  liveOf,
  numbersText,
  reachText,
  spanText,
  whomText,
} from "./rule-text.ts";
import { chosen, pointsOf, total, totalsBy } from "./series.ts";

const rule: LimitRule = {
  ...{ id: "1", name: "api.writes", description: "Writes.", enabled: true, mode: "enforce" },
  ...{ service: false, tiers: ["free", "paid"], routes: ["/a", "/b/*"], methods: ["POST"] },
  ...{ algorithm: "token_bucket", limit: 600, window_ms: 60_000, burst: 50, cost: 2 },
  ...{
    key: ["api_key"],
    key_fallback: ["ip"],
    accuracy: "leased",
    sub_keys: null,
    on_failure: null,
  },
  ...{ penalty_ms: 3_600_000, wait_ms_max: 0, queue_max: 0, allow: ["user:1"], deny: [] },
  ...{ preset: false, version: 3, updated_at: "2026-01-01T00:00:00Z", updated_by: null },
};
const as = (change: Partial<LimitRule>): LimitRule => ({ ...rule, ...change });

describe("a rule in words", () => {
  test("says how much", () => {
    expect(numbersText(rule)).toBe("600 per minute, burst 50, 2 each, then blocked for 1 hour");
    const bare = { burst: null, cost: 1, penalty_ms: 0 };
    expect(numbersText(as({ ...bare, sub_keys: 8 }))).toBe("600 per minute, in 8 sub-keys");
    expect(numbersText(as({ ...bare, window_ms: 90_000 }))).toBe("600 per 90 seconds");
    expect(numbersText(as({ ...bare, algorithm: "quota", limit: 5_000 }))).toBe("5,000 a month");
    expect(numbersText(as({ ...bare, algorithm: "concurrency", limit: 3 }))).toBe(
      "3 at once, for 1 minute at most",
    );
    expect(numbersText(as({ ...bare, wait_ms_max: 2_000 }))).toEndWith("waits up to 2 seconds");
    expect(numbersText(as({ algorithm: "list" }))).toBe("1 allowed, 0 denied");
  });

  test("says whom and where", () => {
    expect(whomText(rule)).toBe("per API key, else per address");
    expect(whomText(as({ key: ["global"], key_fallback: [] }))).toBe("everybody together");
    expect(whomText(as({ key: ["link", "ip"], key_fallback: [] }))).toBe("per link and address");
    expect(reachText(rule)).toBe("POST on /a, /b/*, tier free or paid");
    expect(reachText(as({ routes: [], methods: [], tiers: [] }))).toBe("every route");
    expect(reachText(as({ service: true, tiers: [] }))).toBe("asked for by name");
  });

  test("tells spans in one unit", () => {
    expect([spanText(1), spanText(86_400_000, true)]).toEqual(["1 millisecond", "day"]);
    expect([1_500, 9_961, 61_000, 180_000, 7_300_001].map(aboutText)).toEqual([
      ...["1,500 milliseconds", "10 seconds", "61 seconds", "3 minutes", "3 hours"],
    ]);
  });

  test("knows its candidates by name", () => {
    const near = as({ id: "2", name: "api.writes.candidate", mode: "shadow" });
    const far = as({ id: "3", name: "api.writes-too", mode: "shadow" });
    const all = [as({ id: "4", name: "api" }), rule, near, far];
    expect(liveOf(near, all)?.id).toBe("1");
    expect(liveOf(far, all)?.id).toBe("4");
    expect(liveOf(rule, all)).toBeNull();
    expect(candidatesOf(rule, all)).toEqual([near]);
  });
});

describe("a draft", () => {
  test("of a rule says the same rule again", () => {
    for (const one of [
      rule,
      as({ algorithm: "leaky_bucket", burst: null, wait_ms_max: 1_500, queue_max: 9 }),
      as({ sub_keys: 8 }),
      as({ algorithm: "quota", burst: null, window_ms: 0, on_failure: "closed" }),
      as({ algorithm: "list", limit: 0, window_ms: 0, burst: null, cost: 1, penalty_ms: 0 }),
    ]) {
      const { id, preset, version, updated_at, updated_by, ...definition } = one;
      expect(ruleOf(draftOf(one))).toEqual(definition);
      expect([id, preset, version, updated_at, updated_by]).toHaveLength(5);
    }
  });

  test("leaves out what the algorithm has no use for", () => {
    const draft = { ...draftOf(rule), algorithm: "fixed_window" as const, service: true };
    const { burst, queue_max, wait_ms_max, routes, methods } = ruleOf(draft);
    const strict = { ...draftOf(as({ sub_keys: 8 })), accuracy: "strict" as const };
    expect(ruleOf(strict).sub_keys).toBeNull();
    expect({ burst, queue_max, wait_ms_max, routes, methods }).toEqual({
      ...{ burst: null, queue_max: 0, wait_ms_max: 0, routes: [], methods: [] },
    });
  });

  test("of a candidate counts in shadow under a name below the rule's", () => {
    const { name, mode, limit } = ruleOf(candidateOf(as({ enabled: false })));
    expect({ name, mode, limit }).toEqual({
      ...{ name: "api.writes.candidate", mode: "shadow", limit: 600 },
    });
  });

  test("shows the problem of an entry at its field, with its place", () => {
    const errors = { "routes[1]": "matches no route", limit: "too small" };
    expect(errorOf(errors, "routes")).toBe("2: matches no route");
    expect(errorOf(errors, "limit")).toBe("too small");
    expect(errorOf(errors, "route")).toBeUndefined();
  });
});

test("refusals are summed over time, by rule and by route", () => {
  const at = (minute: number) => new Date(minute * 60_000).toISOString();
  const row = (minute: number, name: string, route: string, refused: number, shadow = false) => ({
    ...{ at: at(minute), rule: name, route, refused, shadow },
  });
  const rows: Refusals["series"] = [
    row(10, "a", "/x", 2),
    row(10, "b", "/x", 3),
    row(12, "a", "/y", 4),
    row(12, "a", "/y", 100, true),
  ];
  const live = chosen(rows, { shadow: false, rule: "", route: "" });
  expect(total(live)).toBe(9);
  expect(totalsBy(live, "rule")).toEqual([
    ["a", 6],
    ["b", 3],
  ]);
  expect(totalsBy(live, "route")).toEqual([
    ["/x", 5],
    ["/y", 4],
  ]);
  expect(total(chosen(rows, { shadow: true, rule: "a", route: "/y" }))).toBe(100);
  const span = { since: 9.5 * 60_000, until: 12.5 * 60_000, stepMs: 60_000 };
  expect(pointsOf(live, span).map(({ key, clicks }) => [key, clicks])).toEqual([
    [at(9), 0],
    [at(10), 5],
    [at(11), 0],
    [at(12), 4],
  ]);
});
