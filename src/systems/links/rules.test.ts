import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { classifyAgent, parseAcceptLanguage } from "./visits.ts";
import { compileRules, compileSplit, destinations, ruleSchema, splitSchema } from "./rules.ts";
import type { Rule, VisitContext } from "./rules.ts";

const agents = {
  iphone:
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 " +
    "(KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
  android:
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) " +
    "Chrome/131.0.0.0 Mobile Safari/537.36",
  windows:
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) " +
    "Chrome/131.0.0.0 Safari/537.36",
  slack: "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
};

type Visitor = {
  now?: string;
  agent?: keyof typeof agents;
  language?: string;
  place?: { country: string; city: string } | null;
  address?: string;
  query?: string;
};

function visit(visitor: Visitor = {}): VisitContext {
  return {
    now: Date.parse(visitor.now ?? "2026-06-01T00:00:00Z"),
    agent: () => classifyAgent(agents[visitor.agent ?? "windows"]),
    acceptLanguage: () => visitor.language ?? null,
    place: () => visitor.place ?? null,
    address: () => visitor.address ?? "198.51.100.7",
    query: () => new URLSearchParams(visitor.query ?? ""),
  };
}

const rule = (condition: Rule["if"], url = "https://match.example/"): Rule =>
  ruleSchema.parse({ if: condition, url });
const matches = (condition: Rule["if"], visitor: Visitor) =>
  compileRules([rule(condition)])(visit(visitor)) !== null;

describe("conditions", () => {
  const zurich = { country: "CH", city: "Zürich" };
  test.each([
    [{}, {}, true],
    [{ device: ["mobile"] }, { agent: "iphone" }, true],
    [{ device: ["mobile", "tablet"] }, { agent: "windows" }, false],
    [{ os: ["ios"] }, { agent: "iphone" }, true],
    [{ os: ["ios"] }, { agent: "android" }, false],
    [{ os: ["other"] }, { agent: "slack" }, false],
    [{ language: ["de"] }, { language: "de-CH,de;q=0.9,en;q=0.8" }, true],
    [{ language: ["de-CH"] }, { language: "de,en;q=0.5" }, false],
    [{ language: ["de"] }, { language: "en-US,en;q=0.9,de;q=0.8" }, false],
    [{ language: ["de"] }, { language: "gsw,de;q=0.9" }, true],
    [{ language: ["de"] }, { language: "den" }, false],
    [{ language: ["de"] }, {}, false],
    [{ country: ["ch", "DE"] }, { place: zurich }, true],
    [{ country: ["FR"] }, { place: zurich }, false],
    [{ country: ["FR"] }, { place: null }, false],
    [{ city: ["zurich"] }, { place: zurich }, true],
    [{ city: ["Bern"] }, { place: zurich }, false],
    [{ query: [{ name: "a" }] }, { query: "?a=" }, true],
    [{ query: [{ name: "a", value: "1" }] }, { query: "?a=2&a=1" }, true],
    [{ query: [{ name: "a", value: "1" }, { name: "b" }] }, { query: "?a=1" }, false],
    [{ address: ["203.0.113.0/24"] }, { address: "203.0.113.9" }, true],
    [{ address: ["203.0.113.0/24"] }, { address: "::ffff:203.0.113.9" }, true],
    [{ address: ["::ffff:203.0.113.0/120"] }, { address: "203.0.113.9" }, true],
    [{ address: ["203.0.113.0/24"] }, { address: "203.0.114.9" }, false],
    [{ address: ["203.0.113.9"] }, { address: "203.0.113.9" }, true],
    [{ address: ["2001:db8::/32"] }, { address: "2001:db8:1::1" }, true],
    [{ address: ["2001:db8::/32"] }, { address: "203.0.113.9" }, false],
    [{ address: ["0.0.0.0/0"] }, { address: "nonsense" }, false],
    [{ from: "2026-06-01T00:00:00Z" }, { now: "2026-06-01T00:00:00Z" }, true],
    [{ from: "2026-06-01T02:00:00+02:00" }, { now: "2026-05-31T23:59:59.999Z" }, false],
    [{ until: "2026-06-01T00:00:00Z" }, { now: "2026-06-01T00:00:00Z" }, false],
    [{ until: "2026-06-01T00:00:00.001Z" }, { now: "2026-06-01T00:00:00Z" }, true],
    [{ os: ["ios"], country: ["CH"] }, { agent: "iphone", place: zurich }, true],
    [{ os: ["ios"], country: ["CH"] }, { agent: "windows", place: zurich }, false],
  ] as [Rule["if"], Visitor, boolean][])("%j of %j: %p", (condition, visitor, expected) => {
    expect(matches(condition, visitor)).toBe(expected);
  });
});

test("the first rule that matches decides, and none answers null", () => {
  const choose = compileRules([
    rule({ os: ["ios"] }, "https://ios.example/"),
    rule({ device: ["mobile"] }, "https://mobile.example/"),
  ]);
  expect(choose(visit({ agent: "iphone" }))?.url).toBe("https://ios.example/");
  expect(choose(visit({ agent: "android" }))?.url).toBe("https://mobile.example/");
  expect(choose(visit({ agent: "windows" }))).toBeNull();
});

test("among rules for languages the visitor's order of preference decides", () => {
  const choose = compileRules([
    rule({ language: ["fr"] }, "https://fr.example/"),
    rule({ language: ["de"] }, "https://de.example/"),
  ]);
  expect(choose(visit({ language: "de-CH,de;q=0.95,fr;q=0.9" }))?.url).toBe("https://de.example/");
  expect(choose(visit({ language: "fr,de;q=0.9" }))?.url).toBe("https://fr.example/");
  expect(parseAcceptLanguage("fr,de;q=0.9,en;q=0.8", 0.9)).toEqual(["fr", "de"]);
});

test("app links are for their system alone, with the url as the fallback", () => {
  const apps = { ios_app: "shop://1", android_app: "intent://1#Intent;scheme=shop;end" };
  const both = ruleSchema.parse({ if: {}, url: "https://shop.example/", ...apps });
  const choose = compileRules([both]);
  const url = "https://shop.example/";
  expect(choose(visit({ agent: "iphone" }))).toEqual({ url, app: apps.ios_app });
  expect(choose(visit({ agent: "android" }))).toEqual({ url, app: apps.android_app });
  expect(choose(visit({ agent: "windows" }))).toEqual({ url, app: null });
  expect(destinations([both, both], [{ url: "https://a.example/", weight: 1 }])).toEqual([
    "https://shop.example/",
    "shop://1",
    "intent://1#Intent;scheme=shop;end",
    "https://a.example/",
  ]);
});

test("a visit is asked for nothing that no rule needs, and for the rest once", () => {
  const asked: string[] = [];
  const spy = (visitor: Visitor): VisitContext => {
    const plain = visit(visitor);
    const note = <T>(name: string, ask: () => T) => {
      return () => {
        asked.push(name);
        return ask();
      };
    };
    return {
      now: plain.now,
      agent: note("agent", plain.agent),
      acceptLanguage: note("acceptLanguage", plain.acceptLanguage),
      place: note("place", plain.place),
      address: note("address", plain.address),
      query: note("query", plain.query),
    };
  };
  compileRules([rule({ from: "2027-01-01T00:00:00Z", country: ["CH"] })])(spy({}));
  expect(asked).toEqual([]);
  const rules = Array.from({ length: 50 }, () => rule({ country: ["CH"], city: ["Bern"] }));
  compileRules(rules)(spy({ place: { country: "CH", city: "Basel" } }));
  expect(asked).toEqual(["place"]);
  expect(() => compileRules([...rules, ...rules])).toThrow("at most 50");
});

describe("what is refused", () => {
  const url = "https://e.example/";
  test.each([
    [{ if: {} }, "url"],
    [{ if: { device: [] }, url }, "device"],
    [{ if: { device: ["phone"] }, url }, "device"],
    [{ if: { os: ["beos"] }, url }, "os"],
    [{ if: { language: ["de_CH"] }, url }, "language"],
    [{ if: { country: ["CHE"] }, url }, "country"],
    [{ if: { city: [""] }, url }, "city"],
    [{ if: { query: [{ value: "1" }] }, url }, "query"],
    [{ if: { address: ["203.0.113.0/33"] }, url }, "address"],
    [{ if: { address: ["010.1.1.1"] }, url }, "address"],
    [{ if: { address: ["1.2.3"] }, url }, "address"],
    [{ if: { address: ["203.0.113.0/24/1"] }, url }, "address"],
    [{ if: { address: ["::/-1"] }, url }, "address"],
    [{ if: { from: "yesterday" }, url }, "from"],
    [{ if: { from: "2026-06-02T00:00:00Z", until: "2026-06-01T00:00:00Z" }, url }, "until"],
    [{ if: { moon: ["full"] }, url }, "if"],
    [{ if: {}, url, target: "x" }, ""],
  ])("%j", (given, field) => {
    const result = ruleSchema.safeParse(given);
    expect(result.success).toBe(false);
    expect(result.error?.issues[0]?.path.join(".")).toContain(field);
  });

  test("split tests with one, too many, weightless or repeated destinations", () => {
    const arm = (n: number, weight = 1) => ({ url: `https://e.example/${n}`, weight });
    const many = (count: number) => Array.from({ length: count }, (_, n) => arm(n));
    expect(splitSchema.safeParse(many(2)).success).toBe(true);
    expect(splitSchema.safeParse(many(20)).success).toBe(true);
    for (const wrong of [many(1), many(21), [arm(1), arm(1)], [arm(1), arm(2, 0)]]) {
      expect(splitSchema.safeParse(wrong).success).toBe(false);
    }
    expect(splitSchema.safeParse([arm(1), arm(2, 1001)]).success).toBe(false);
    expect(splitSchema.safeParse([arm(1), arm(2, 1.5)]).success).toBe(false);
  });
});

describe("split", () => {
  const arms = (...weights: number[]) =>
    weights.map((weight, n) => ({ url: `https://e.example/${n}`, weight }));
  const visitors = Array.from({ length: 20_000 }, (_, n) => `visitor-${n}`);
  const share = (choose: (visitor: string) => string, url: string) =>
    visitors.filter((visitor) => choose(visitor) === url).length / visitors.length;

  test("follows the weights", () => {
    const choose = compileSplit(arms(1, 2, 7), "42");
    // Five standard deviations of 20,000 draws are below 0.018.
    expect(share(choose, "https://e.example/0")).toBeWithin(0.082, 0.118);
    expect(share(choose, "https://e.example/1")).toBeWithin(0.182, 0.218);
    expect(share(choose, "https://e.example/2")).toBeWithin(0.682, 0.718);
  });

  test("is sticky per visitor, whatever the order of destinations, and differs per link", () => {
    const choose = compileSplit(arms(1, 1), "42");
    const reordered = compileSplit(arms(1, 1).toReversed(), "42");
    const otherLink = compileSplit(arms(1, 1), "43");
    fc.assert(fc.property(fc.string(), (key) => choose(key) === reordered(key)));
    const same = visitors.filter((visitor) => choose(visitor) === otherLink(visitor)).length;
    expect(same / visitors.length).toBeWithin(0.48, 0.52);
  });

  test("a changed weight moves only visitors of that destination, and few", () => {
    const before = compileSplit(arms(5, 5, 5), "42");
    const after = compileSplit(arms(6, 5, 5), "42");
    const moved = visitors.filter((visitor) => before(visitor) !== after(visitor));
    expect(moved.every((visitor) => after(visitor) === "https://e.example/0")).toBe(true);
    // From 1/3 to 6/16: a share of 0.0417.
    expect(moved.length / visitors.length).toBeWithin(0.034, 0.049);
  });
});
