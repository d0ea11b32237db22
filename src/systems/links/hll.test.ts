import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { HyperLogLog } from "./hll.ts";

function add(set: HyperLogLog, value: string): void {
  set.add(Bun.hash.xxHash32(value, 1), Bun.hash.xxHash32(value, 2));
}

function setOf(values: Iterable<string>): HyperLogLog {
  const set = new HyperLogLog();
  for (const value of values) add(set, value);
  return set;
}

function visitors(count: number, name = "v"): string[] {
  return Array.from({ length: count }, (_, n) => `${name}${n}`);
}

describe("estimate", () => {
  test("of nothing is 0, of one is 1, and repeats do not count", () => {
    expect(new HyperLogLog().estimate()).toBe(0);
    expect(setOf(["a"]).estimate()).toBe(1);
    expect(setOf(visitors(50).flatMap((v) => [v, v, v])).estimate()).toBe(50);
  });

  test.each([10, 100, 1_000, 5_000, 10_000, 20_000, 50_000])(
    "of %d is unbiased and within 2 percent typically",
    (count) => {
      const trials = 20;
      const errors = Array.from({ length: trials }, (_, trial) => {
        return setOf(visitors(count, `${trial}/`)).estimate() / count - 1;
      });
      const rms = Math.hypot(...errors) / Math.sqrt(trials);
      const bias = errors.reduce((sum, error) => sum + error, 0) / trials;
      expect(rms).toBeLessThan(0.025);
      // The mean of 20 trials has a standard error of 0.36%.
      expect(Math.abs(bias)).toBeLessThan(0.015);
      expect(Math.max(...errors.map(Math.abs))).toBeLessThan(0.065);
    },
  );

  test("of a million is within four standard errors", () => {
    const set = new HyperLogLog();
    for (let n = 0; n < 1_000_000; n++) add(set, `m${n}`);
    expect(set.estimate()).toBeWithin(935_000, 1_065_000);
  });

  test("holds at the edges of the hash", () => {
    const set = new HyperLogLog();
    set.add(0, 0);
    set.add(0xffff_ffff, 0xffff_ffff);
    set.add(0x0010_0000, 0);
    set.add(0, 1);
    expect(set.estimate()).toBeGreaterThan(1);
    expect(HyperLogLog.fromBytes(set.toBytes()).toBytes()).toEqual(set.toBytes());
    // Index 0 has rank 53 of the all-zero hash, index 1 too; index 4095 has rank 1.
    expect([...set.toBytes()]).toEqual([1, 0x00, 0x0f, 53, 0x00, 0x1f, 53, 0xff, 0xf1]);
  });
});

describe("merge and storage", () => {
  const values = fc.array(fc.string(), { maxLength: 40 });
  const bulk = fc.integer({ min: 0, max: 3_000 });
  const sets = fc.tuple(values, bulk).map(([some, count]) => some.concat(visitors(count)));
  const merged = (...many: string[][]) => {
    const set = new HyperLogLog();
    for (const one of many) set.merge(setOf(one));
    return set.toBytes();
  };

  test("is commutative, associative, idempotent, and the same as adding all", () => {
    fc.assert(
      fc.property(sets, values, sets, (a, b, c) => {
        const all = setOf([...a, ...b, ...c]).toBytes();
        expect(merged(a, b, c)).toEqual(all);
        expect(merged(c, b, a)).toEqual(all);
        expect(merged(a, a, b, c, c)).toEqual(all);
      }),
      { numRuns: 40 },
    );
  });

  test("reads back what it wrote, and merges bytes as it merges sets", () => {
    fc.assert(
      fc.property(sets, sets, (a, b) => {
        const bytes = setOf(a).toBytes();
        const back = HyperLogLog.fromBytes(bytes);
        expect(back.toBytes()).toEqual(bytes);
        expect(back.estimate()).toBe(setOf(a).estimate());
        back.mergeBytes(setOf(b).toBytes());
        expect(back.toBytes()).toEqual(merged(a, b));
      }),
      { numRuns: 40 },
    );
  });

  test("is small for small sets and never above 3,073 bytes", () => {
    expect(new HyperLogLog().toBytes().length).toBe(1);
    expect(setOf(visitors(1)).toBytes().length).toBeLessThanOrEqual(4);
    expect(setOf(visitors(100)).toBytes().length).toBeLessThan(210);
    expect(setOf(visitors(100_000)).toBytes().length).toBe(3_073);
  });

  test("refuses bytes that it did not write", () => {
    const refuse = (...bytes: number[]) => {
      expect(() => HyperLogLog.fromBytes(Uint8Array.from(bytes))).toThrow(RangeError);
    };
    refuse();
    refuse(3);
    refuse(2, 0, 0);
    refuse(1, 0);
    refuse(1, 0, 0x0f);
    refuse(1, 0, 0);
    refuse(1, 0, 0x0f, 54);
    refuse(1, 0x00, 0x11, 0x00, 0x01);
    refuse(2, ...Array<number>(3_072).fill(255));
  });
});
