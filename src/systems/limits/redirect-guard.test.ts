import { beforeEach, describe, expect, test } from "bun:test";
import { fakeClock, type FakeClock } from "../../platform/clock/clock.ts";
import { assembleInMemory, rowOf } from "./preset-limits.fixture.ts";
import { createRedirectGuard } from "./redirect-guard.ts";
import { definitionOf } from "./rules.ts";

let clock: FakeClock;
let parts: ReturnType<typeof assembleInMemory>;
beforeEach(() => {
  clock = fakeClock();
  parts = assembleInMemory(clock);
});

let version = 0;
type Wish = Parameters<typeof definitionOf>[0];
function rules(...wishes: Wish[]) {
  const plain = { algorithm: "fixed_window", limit: 2, window_ms: 60_000 } as const;
  const all = wishes.map((wish, i) => definitionOf({ ...plain, name: `rule-${i}`, ...wish }));
  version++;
  parts.book.take(all.map((rule, i) => ({ ...rowOf(rule, i), version })));
}

describe("short links", () => {
  const guard = () => createRedirectGuard({ ...parts, sleep: (ms) => clock.sleep(ms) });

  test("cost nothing while no rule concerns them", () => {
    rules({ routes: ["/api/v1/*"] }, { routes: ["/{code}"], enabled: false });
    expect(guard()()).toBeNull();
  });

  test("are decided in place, each visit charged once", async () => {
    rules({ routes: ["/{code}"], key: ["ip"], limit: 3 });
    const redirects = guard()()!;
    expect([1, 2, 3].map(() => redirects.passes("192.0.2.1"))).toEqual([true, true, true]);
    expect(redirects.passes("192.0.2.1")).toBe(false);
    expect((await redirects.refusal("192.0.2.1"))?.members["rule"]).toBe("rule-0");
    expect(await redirects.refusal("192.0.2.2")).toBeNull();
    expect(redirects.passes("192.0.2.2")).toBe(true);
  });

  test("are decided late where the limiter is asked elsewhere, still once", async () => {
    rules({ routes: ["/{code}"], key: ["ip"], limit: 2 });
    const { limiter } = parts.decider;
    const take = limiter.take.bind(limiter);
    Object.assign(limiter, {
      takeAll: () => false,
      take: async (charges: Parameters<typeof take>[0]) => take(charges),
    });
    const redirects = guard()()!;
    const visit = async () => {
      expect(redirects.passes("192.0.2.1")).toBe(false);
      return (await redirects.refusal("192.0.2.1"))?.code ?? null;
    };
    expect(await Promise.all([visit(), visit(), visit()])).toEqual([
      null,
      null,
      "request.rate_limited",
    ]);
  });

  test("follow the rules as they change, and deny lists", async () => {
    rules({ routes: ["/{code}"], limit: 1 });
    const current = guard();
    expect(current()!.passes("192.0.2.1")).toBe(true);
    const list: Wish = { algorithm: "list", limit: 0, window_ms: 0, deny: ["192.0.2.0/24"] };
    rules({ ...list, name: "list" });
    expect(current()!.passes("192.0.2.1")).toBe(false);
    expect((await current()!.refusal("192.0.2.1"))?.code).toBe("limits.denied");
    expect(current()!.passes("198.51.100.1")).toBe(true);
    rules();
    expect(current()).toBeNull();
  });
});
