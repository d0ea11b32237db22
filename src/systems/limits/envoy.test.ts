import { describe, expect, test } from "bun:test";
import { systemClock } from "../../platform/clock/clock.ts";
import { Metrics } from "../../platform/metrics/metrics.ts";
import { EnvoyLimits } from "./envoy.ts";
import type { Descriptor } from "./envoy-wire.ts";
import { headersIn } from "./headers.ts";
import { assembleInMemory, rowOf } from "./preset-limits.fixture.ts";
import { definitionOf, type Definition } from "./rules.ts";

type Given = Partial<Definition> & { name: string };

/** Of rules of five an hour for each user, where they do not say otherwise. */
function limitsOf(...rules: Given[]) {
  const metrics = new Metrics();
  const parts = assembleInMemory(systemClock, metrics);
  const plain = { algorithm: "fixed_window", limit: 5, window_ms: 3_600_000 } as const;
  const more = { key: ["user"], key_fallback: [] };
  parts.book.take(rules.map((rule, i) => rowOf(definitionOf({ ...plain, ...more, ...rule }), i)));
  const envoy = new EnvoyLimits({ ...parts, headersOf: headersIn("all", systemClock), metrics });
  return {
    metrics,
    /** What each descriptor has left, or that it is over; null where no rule concerns it. */
    async ask(descriptors: Descriptor[], hits: number | null = null) {
      const answer = await envoy.shouldRateLimit({ domain: "edge", descriptors, hits });
      const said = answer.statuses.map(({ allowed, limit, remaining }) => {
        if (!allowed) return "over";
        return limit === null ? null : remaining;
      });
      return { allowed: answer.allowed, said, answer };
    },
  };
}

function of(entries: Record<string, string>, hits: number | null = null): Descriptor {
  return { entries: Object.entries(entries).map(([key, value]) => ({ key, value })), hits };
}

describe("a descriptor means", () => {
  test("the rules of its domain whose key has its very parts, in any order", async () => {
    const { ask } = limitsOf(
      { name: "edge.user", limit: 10 },
      { name: "edge.user_path", key: ["user", "path"], limit: 20 },
      { name: "other.user", limit: 30 },
      { name: "edgeways", limit: 40 },
    );
    const both = { path: "/a", user: "1" };
    const { said } = await ask([of({ user: "1" }), of(both), of({ path: "/a" })]);
    expect(said).toEqual([9, 19, null]);
    expect((await ask([of({ user: "1", path: "/a" })])).said).toEqual([18]);
    expect((await ask([of({ user: "1", path: "/b" })])).said).toEqual([19]);
    expect((await ask([of({ user: "1" })])).said).toEqual([8]);
  });

  test("by its generic keys a part of the domain, and what is below it", async () => {
    const { ask } = limitsOf(
      { name: "edge.login", key: ["global"], limit: 10 },
      { name: "edge.login.per_user", limit: 20 },
      { name: "edge.search", limit: 30 },
    );
    expect((await ask([of({ generic_key: "login" })])).said).toEqual([9]);
    expect((await ask([of({ generic_key: "login", user: "1" })])).said).toEqual([19]);
    expect((await ask([of({ generic_key: "search", user: "1" })])).said).toEqual([29]);
    expect((await ask([of({ generic_key: "other", user: "1" })])).said).toEqual([null]);
    const twice = ["login", "per_user"].map((value) => ({ key: "generic_key", value }));
    const deep = { entries: [...twice, { key: "user", value: "1" }], hits: null };
    expect((await ask([deep])).said).toEqual([18]);
  });

  test("addresses by their groups, whatever they are called", async () => {
    const { ask } = limitsOf({ name: "edge.ip", key: ["ip"] });
    expect((await ask([of({ remote_address: "2001:db8::1" })])).said).toEqual([4]);
    expect((await ask([of({ remote_address: "2001:db8::2" })])).said).toEqual([3]);
    expect((await ask([of({ ip: "2001:db8:0:1::1" })])).said).toEqual([4]);
  });

  test("rules of the tier that it names", async () => {
    const { ask } = limitsOf(
      { name: "edge.free", tiers: ["free"], limit: 10 },
      { name: "edge.paid", tiers: ["paid"], limit: 20 },
    );
    expect((await ask([of({ user: "1", tier: "free" })])).said).toEqual([9]);
    expect((await ask([of({ user: "1", tier: "paid" })])).said).toEqual([19]);
    expect((await ask([of({ user: "1" })])).said).toEqual([null]);
  });

  test("nothing where it is odd", async () => {
    const { ask } = limitsOf({ name: "edge.all", key: ["global"] });
    const twice = { entries: [of({ user: "1" }), of({ user: "2" })].flatMap((d) => d.entries) };
    expect((await ask([{ ...twice, hits: null }])).said).toEqual([null]);
    const strange = ["__proto__", "constructor", "toString", ""];
    for (const key of strange) {
      const entries = [{ key, value: "x" }];
      expect((await ask([{ entries, hits: null }])).said).toEqual([null]);
    }
    expect((await ask([])).answer).toEqual({ allowed: true, statuses: [], headers: {} });
  });

  test("a key of its own however long its value is", async () => {
    const { ask } = limitsOf({ name: "edge.user", limit: 1 });
    const long = "x".repeat(50_000);
    expect((await ask([of({ user: `${long}1` })])).allowed).toBe(true);
    expect((await ask([of({ user: `${long}2` })])).allowed).toBe(true);
    expect((await ask([of({ user: `${long}1` })])).allowed).toBe(false);
  });
});

describe("a request", () => {
  test("charges none of its descriptors when one is over", async () => {
    const { ask } = limitsOf({ name: "edge.user" }, { name: "edge.path", key: ["path"], limit: 1 });
    const asked = [of({ user: "1" }), of({ path: "/a" })];
    expect(await ask(asked)).toMatchObject({ allowed: true, said: [4, 0] });
    expect(await ask(asked)).toMatchObject({ allowed: false, said: [4, "over"] });
    expect((await ask([of({ user: "1" })])).said).toEqual([3]);
  });

  test("costs its hits, or those of the descriptor, or what the rule says", async () => {
    const { ask } = limitsOf({ name: "edge.user", limit: 100, cost: 7 });
    expect((await ask([of({ user: "1" })])).said).toEqual([93]);
    expect((await ask([of({ user: "1" })], 10)).said).toEqual([83]);
    expect((await ask([of({ user: "1" }, 3)], 10)).said).toEqual([80]);
    const over = await ask([of({ user: "1" }, 101)]);
    expect(over).toMatchObject({ allowed: false, said: ["over"] });
    const huge = await ask([of({ user: "1" }, 2 ** 60)]);
    expect(huge).toMatchObject({ allowed: false, said: ["over"] });
    expect((await ask([of({ user: "1" }, 80)])).said).toEqual([0]);
  });

  test("of no hits asks whether anything is left and charges nothing", async () => {
    const { ask } = limitsOf({ name: "edge.user", limit: 2 }, { name: "edge.path", key: ["path"] });
    const look = of({ user: "1" }, 0);
    for (let i = 0; i < 3; i++) expect((await ask([look])).allowed).toBe(true);
    await ask([of({ user: "1" }, 2)]);
    const refused = await ask([look, of({ path: "/a" })]);
    expect(refused).toMatchObject({ allowed: false, said: ["over", 5] });
    expect((await ask([of({ path: "/a" })])).said).toEqual([4]);
  });

  test("that names one counter twice charges it for both, and not beyond its limit", async () => {
    const { ask } = limitsOf({ name: "edge.user", limit: 5 });
    const twice = [of({ user: "1" }), of({ user: "1" })];
    expect((await ask(twice)).said).toEqual([3, 3]);
    expect((await ask(twice)).said).toEqual([1, 1]);
    expect(await ask(twice)).toMatchObject({ allowed: false, said: ["over", "over"] });
    expect((await ask([of({ user: "1" })])).said).toEqual([0]);
  });

  test("is refused by a deny list and let through by an allow list", async () => {
    const { ask, metrics } = limitsOf(
      { name: "edge.list", algorithm: "list", deny: ["10.0.0.0/8"], allow: ["192.0.2.1"] },
      { name: "edge.ip", key: ["ip"], limit: 1 },
      { name: "edge.user", limit: 5 },
    );
    const from = (address: string) => [of({ remote_address: address }), of({ user: "1" })];
    expect(await ask(from("10.1.2.3"))).toMatchObject({ allowed: false, said: ["over", 5] });
    for (const left of [4, 3]) expect((await ask(from("192.0.2.1"))).said).toEqual([null, left]);
    expect(metrics.render()).toContain('{rule="edge.list",outcome="refused"} 1');
  });

  test("is told of windows by the units that there are", async () => {
    const named = { edge: 60_000, "edge.b": 86_400_000, "edge.c": 90_000 };
    const rules = Object.entries(named).map(([name, window_ms], i) => ({
      ...{ name, window_ms, key: [`part_${i}`] },
    }));
    const quota = { name: "edge.quota", algorithm: "quota" as const, key: ["month"] };
    const { ask } = limitsOf(...rules, quota);
    const parts = ["part_0", "part_1", "part_2", "month"].map((part) => of({ [part]: "1" }));
    const { statuses } = (await ask(parts)).answer;
    expect(statuses.map(({ limit }) => limit?.unit)).toEqual(["minute", "day", "unknown", "month"]);
  });
});
