import { describe, expect, test } from "bun:test";
import { systemClock } from "../../platform/clock/clock.ts";
import { Metrics } from "../../platform/metrics/metrics.ts";
import { StateAwayError } from "../../platform/state/state.ts";
import { EnvoyLimits } from "./envoy.ts";
import type { Unit } from "./envoy-units.ts";
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
    refundsLost() {
      const { limiter } = parts.decider;
      const refund = () => Promise.reject(new StateAwayError("away", { sent: true }));
      Object.assign(limiter, { refund });
    },
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
  return descriptorOf(
    Object.entries(entries).map(([key, value]) => ({ key, value })),
    { hits },
  );
}

function descriptorOf(entries: Descriptor["entries"], more: Partial<Descriptor> = {}): Descriptor {
  return { entries, hits: null, negative: false, override: null, ...more };
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
    const deep = descriptorOf([...twice, { key: "user", value: "1" }]);
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
    const twice = [of({ user: "1" }), of({ user: "2" })].flatMap(({ entries }) => entries);
    expect((await ask([descriptorOf(twice)])).said).toEqual([null]);
    const strange = ["__proto__", "constructor", "toString", ""];
    for (const key of strange) {
      const odd = descriptorOf([{ key, value: "x" }]);
      expect((await ask([odd])).said).toEqual([null]);
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

describe("negative hits", () => {
  const back = (entries: Record<string, string>, hits: number | null) => ({
    ...of(entries, hits),
    negative: true,
  });

  test("give back what was charged, never more, and are not over", async () => {
    const { ask } = limitsOf({ name: "edge.user", limit: 5, cost: 2 });
    await ask([of({ user: "1" }, 5)]);
    expect((await ask([of({ user: "1" }, 0)])).allowed).toBe(false);
    expect(await ask([back({ user: "1" }, 0)])).toMatchObject({ allowed: true, said: [0] });
    expect(await ask([back({ user: "1" }, 1)])).toMatchObject({ allowed: true, said: [1] });
    // As many as the request says, or else the rule.
    expect((await ask([back({ user: "1" }, null)], 1)).said).toEqual([2]);
    expect((await ask([back({ user: "1" }, null)])).said).toEqual([4]);
    expect((await ask([back({ user: "1" }, 2 ** 60)])).said).toEqual([5]);
    expect((await ask([back({ user: "2" }, 3)])).said).toEqual([5]);
    expect((await ask([of({ user: "1" }, 5)])).said).toEqual([0]);
  });

  test("come before what the request charges, and stand if that is refused", async () => {
    const { ask } = limitsOf({ name: "edge.user", limit: 5 }, { name: "edge.path", key: ["path"] });
    await ask([of({ user: "1" }, 5)]);
    const both = [of({ user: "1" }, 2), back({ user: "1" }, 2)];
    expect(await ask(both)).toMatchObject({ allowed: true });
    const refused = await ask([of({ user: "1" }, 2), back({ user: "1" }, 1), of({ path: "/a" })]);
    expect(refused).toMatchObject({ allowed: false, said: ["over", 1, 5] });
    expect((await ask([of({ user: "1" }, 1)])).said).toEqual([0]);
    expect((await ask([of({ path: "/a" })])).said).toEqual([4]);
  });

  test("reach shadow rules, and no list", async () => {
    const { ask, metrics } = limitsOf(
      { name: "edge.list", algorithm: "list", key: ["user"], deny: ["bad"] },
      { name: "edge.user", limit: 1, mode: "shadow" },
    );
    expect((await ask([back({ user: "bad" }, 1)])).allowed).toBe(true);
    for (let i = 0; i < 3; i++) {
      await ask([of({ user: "1" })]);
      await ask([back({ user: "1" }, 1)]);
    }
    expect(metrics.render()).toContain('{rule="edge.user",outcome="allowed"} 3');
  });

  test("that cannot be given back stay used, and the rest is decided", async () => {
    const { ask, refundsLost } = limitsOf(
      { name: "edge.user", limit: 5 },
      { name: "edge.path", key: ["path"], limit: 1 },
    );
    await ask([of({ user: "1" }, 2)]);
    refundsLost();
    const asked = [back({ user: "1" }, 2), of({ path: "/a" })];
    expect(await ask(asked)).toMatchObject({ allowed: true, said: [3, 0] });
    expect(await ask(asked)).toMatchObject({ allowed: false, said: [3, "over"] });
  });
});

describe("an override", () => {
  const over = (requests: number, unit: Unit, hits: number | null = null) => ({
    ...of({ user: "1" }, hits),
    override: { requests, unit },
  });

  test("is the limit of that descriptor, and is told as such", async () => {
    const { ask } = limitsOf({ name: "edge.user", limit: 5, algorithm: "token_bucket", burst: 9 });
    const { said, answer } = await ask([over(20, "day", 20)]);
    expect(said).toEqual([0]);
    expect(answer.statuses[0]?.limit).toEqual({ name: "edge.user", requests: 20, unit: "day" });
    expect(answer.headers["x-ratelimit-limit"]).toBe("20");
    expect(answer.headers["ratelimit-policy"]).toBe('"edge.user";q=20;w=86400');
    expect((await ask([over(20, "day")])).said).toEqual(["over"]);
    // Apart from what is counted without it.
    expect((await ask([of({ user: "1" })])).said).toEqual([8]);
  });

  test("of another number in the same unit holds for what was counted already", async () => {
    const { ask } = limitsOf({ name: "edge.user", limit: 5 });
    expect((await ask([over(10, "minute", 7)])).said).toEqual([3]);
    expect((await ask([over(20, "minute")])).said).toEqual([12]);
    expect((await ask([over(8, "minute", 0)])).allowed).toBe(false);
    expect((await ask([over(10, "hour", 4)])).said).toEqual([6]);
    // The rule's own unit: its own count, too.
    expect((await ask([of({ user: "1" })])).said).toEqual([0]);
    expect((await ask([over(3, "unknown", 0)])).allowed).toBe(false);
    expect((await ask([over(6, "unknown")])).said).toEqual([0]);
  });

  test("of nothing refuses, of very much does not", async () => {
    const { ask } = limitsOf({ name: "edge.user", algorithm: "sliding_log" });
    for (const hits of [null, 0]) {
      expect((await ask([over(0, "second", hits)])).said).toEqual(["over"]);
    }
    expect((await ask([{ ...over(0, "second"), negative: true }])).allowed).toBe(true);
    const { said } = await ask([over(2 ** 32 - 1, "year", 2 ** 30)]);
    expect(said).toEqual([2 ** 30 - 1]);
  });

  test("of too few for the rule's sub-keys is counted in one place", async () => {
    const numbers = { limit: 640, accuracy: "leased", sub_keys: 8 } as const;
    const { ask } = limitsOf({ name: "edge.user", ...numbers });
    // A sub-key has eighty, so more than that at once never passes.
    expect((await ask([of({ user: "1" }, 81)])).said).toEqual(["over"]);
    expect((await ask([over(640, "minute", 81)])).said).toEqual(["over"]);
    expect((await ask([over(100, "minute", 81)])).said).toEqual([19]);
    expect((await ask([over(640, "minute", 80)])).said).toEqual([560]);
  });

  test("keeps the rule's algorithm where that can be", async () => {
    const unitsOf = async (more: Partial<Definition>, unit: Unit) => {
      const { ask } = limitsOf({ name: "edge.user", window_ms: 0, ...more });
      const { answer } = await ask([over(3, unit)]);
      return answer.statuses[0]?.limit?.unit;
    };
    expect(await unitsOf({ algorithm: "quota" }, "month")).toBe("month");
    expect(await unitsOf({ algorithm: "quota" }, "hour")).toBe("hour");
    const places = { algorithm: "concurrency", window_ms: 60_000 } as const;
    expect(await unitsOf(places, "second")).toBe("unknown");
    expect(await unitsOf({ window_ms: 1_000 }, "month")).toBe("month");
  });
});
