import { heapStats } from "bun:jsc";
import { describe, expect, test } from "bun:test";
import { fakeClock } from "../clock/clock.ts";
import { detached, type Held, LoadingCache, Recent } from "./cache.ts";

type Thing = Held & { name: string; version: number };

function setUp() {
  const clock = fakeClock();
  const source = new Map<string, number>();
  const asked: string[] = [];
  let gate: Promise<void> | null = null;
  const cache = new LoadingCache<Thing>({
    ...{ clock, entriesMax: 1_000, absentMax: 100, absentTtlMs: 1_000, ttlMs: 10_000 },
    keyOf: (thing) => thing.name,
    async load(key) {
      asked.push(key);
      const name = key.toLowerCase();
      const version = source.get(name);
      await gate;
      if (version === undefined) return null;
      return { name, version, readAt: 0, freshUntil: 0, epoch: 0 };
    },
  });
  const hold = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    gate = promise;
    return () => {
      gate = null;
      resolve();
    };
  };
  return { clock, source, asked, cache, hold };
}

describe("a loading cache", () => {
  test("asks once for a cold key, however many want it", async () => {
    const { source, asked, cache, hold } = setUp();
    source.set("hot", 1);
    const release = hold();
    const all = Array.from({ length: 100 }, () => cache.load("hot"));
    release();
    expect(new Set((await Promise.all(all)).map((thing) => thing?.version))).toEqual(new Set([1]));
    expect(asked).toEqual(["hot"]);
  });

  test("remembers what is not there for its time, or until something is made", async () => {
    const { clock, source, cache } = setUp();
    await cache.load("ghost");
    expect(cache.held("ghost", clock.monotonic())).toBeNull();
    clock.advance(1_200);
    expect(cache.held("ghost", clock.monotonic())).toBeUndefined();
    await cache.load("ghost");
    source.set("ghost", 1);
    cache.forgetAbsent();
    expect(cache.held("ghost", clock.monotonic())).toBeUndefined();
  });

  test("finds a value by the other spellings it was asked by", async () => {
    const { clock, source, cache } = setUp();
    source.set("alias", 1);
    await cache.load("ALIAS");
    expect(cache.held("ALIAS", clock.monotonic())?.version).toBe(1);
    expect(cache.peek("alias", clock.monotonic())?.version).toBe(1);
    cache.delete("alias");
    expect(cache.held("ALIAS", clock.monotonic())).toBeUndefined();
  });

  test("lives of values end within a tenth of each other and not together", async () => {
    const { clock, source, cache } = setUp();
    const names = Array.from({ length: 200 }, (_, i) => `thing${i}`);
    for (const name of names) {
      source.set(name, 1);
      await cache.load(name);
    }
    const fresh = () => names.filter((name) => cache.peek(name, clock.monotonic())).length;
    clock.advance(8_999);
    expect(fresh()).toBe(200);
    clock.advance(1_001);
    expect(fresh()).toBeGreaterThan(60);
    expect(fresh()).toBeLessThan(140);
    clock.advance(1_001);
    expect(fresh()).toBe(0);
    expect(cache.held("thing1", clock.monotonic())?.version).toBe(1);
  });

  test("does not keep what was read before a change, nor share it after", async () => {
    const { clock, source, cache, hold } = setUp();
    source.set("edited", 1);
    const release = hold();
    const before = cache.load("edited");
    source.set("edited", 2);
    cache.delete("edited");
    const after = cache.load("edited");
    release();
    expect((await before)?.version).toBe(1);
    expect((await after)?.version).toBe(2);
    expect(cache.peek("edited", clock.monotonic())?.version).toBe(2);
  });

  test("a failed load is nobody's answer but theirs who asked", async () => {
    const clock = fakeClock();
    let fails = true;
    const cache = new LoadingCache<Thing>({
      ...{ clock, entriesMax: 10, absentMax: 10, absentTtlMs: 1, ttlMs: 1, keyOf: () => "a" },
      async load() {
        if (fails) throw new Error("away");
        return null;
      },
    });
    expect(cache.load("a")).rejects.toThrow("away");
    fails = false;
    expect(await cache.load("a")).toBeNull();
  });
});

test("a recent cache holds what is used and drops what is not", () => {
  const recent = new Recent<number>(100);
  recent.set("kept", 1);
  for (let i = 0; i < 1_000; i++) {
    recent.set(`passing${i}`, i);
    expect(recent.get("kept")).toBe(1);
  }
  expect(recent.get("passing1")).toBeUndefined();
  expect(recent.size).toBeLessThanOrEqual(101);
});

test("what is detached does not hold on to the text that it was cut out of", () => {
  const kept: string[] = [];
  const bytes = Buffer.alloc(16_384, "x");
  Bun.gc(true);
  const before = heapStats().extraMemorySize;
  for (let n = 0; n < 2_000; n++) {
    bytes.write(`agent ${n} of many in the world`.padEnd(40), 100);
    kept.push(detached(bytes.toString("latin1").slice(100, 140)));
  }
  Bun.gc(true);
  // All of the texts are 32 MB.
  expect(heapStats().extraMemorySize - before).toBeLessThan(4_000_000);
  expect(kept[7]).toBe("agent 7 of many in the world".padEnd(40));
});
