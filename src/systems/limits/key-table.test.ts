import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { emptyCell } from "./algorithms/counting.ts";
import { KeyTable } from "./key-table.ts";

/** Fingerprints that are random enough: a bijection of 32 bits for each half. */
const lowOf = (n: number) => Math.imul(n + 1, 0x9e3779b1);
const highOf = (n: number) => Math.imul(n + 7, 0x85ebca6b);

function put(table: KeyTable, n: number, freeAt: number, now = 0): void {
  const found = table.find(lowOf(n), highOf(n));
  const slot = found < 0 ? table.add(lowOf(n), highOf(n), now) : found;
  table.store(slot, { freeAt, a: n, b: 2 ** 31 - 1, c: 2 ** 53 });
}

function has(table: KeyTable, n: number): boolean {
  return table.find(lowOf(n), highOf(n)) >= 0;
}

const sweepAll = (table: KeyTable, now: number) => {
  for (let i = 0; i < 64; i++) table.sweep(now);
};

describe("key table", () => {
  test("does what a Map would, however it grows, drops and is swept", () => {
    const step = fc.oneof(
      {
        weight: 20,
        arbitrary: fc.record({ put: fc.nat(400), life: fc.integer({ min: 1, max: 60 }) }),
      },
      { weight: 3, arbitrary: fc.record({ drop: fc.nat(400) }) },
      { weight: 3, arbitrary: fc.record({ wait: fc.nat(30) }) },
      { weight: 1, arbitrary: fc.constant({ sweep: true }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 600 }), fc.boolean(), (steps, many) => {
        const table = new KeyTable({ keysMax: many ? 20_000 : 1_000 });
        const map = new Map<number, number>();
        let now = 1_000;
        for (const one of steps) {
          if ("put" in one) {
            put(table, one.put, now + one.life, now);
            map.set(one.put, now + one.life);
          } else if ("drop" in one) {
            table.drop(table.find(lowOf(one.drop), highOf(one.drop)));
            map.delete(one.drop);
          } else if ("wait" in one) now += one.wait;
          else sweepAll(table, now);
        }
        const cell = emptyCell();
        for (const [n, freeAt] of map) {
          const slot = table.find(lowOf(n), highOf(n));
          if (freeAt > now) expect(slot).toBeGreaterThanOrEqual(0);
          if (slot < 0) continue;
          table.load(slot, cell);
          expect(cell).toEqual({ freeAt, a: n, b: 2 ** 31 - 1, c: 2 ** 53 });
        }
        sweepAll(table, now);
        const live = [...map.values()].filter((freeAt) => freeAt > now).length;
        expect(table.size).toBe(live);
      }),
      { numRuns: 200 },
    );
  });

  test("takes between 40 and 64 bytes a key, whatever their number", () => {
    const table = new KeyTable({ keysMax: 100_000 });
    for (let n = 0; n < 80_000; n++) {
      put(table, n, 10);
      if (n > 5_000 && n % 1_000 === 0) expect(table.bytes / table.size).toBeWithin(40, 64);
    }
    expect(table.size).toBe(80_000);
  });

  test("gives its memory back once keys ran out and were swept", () => {
    const table = new KeyTable({ keysMax: 100_000 });
    const before = table.bytes;
    for (let n = 0; n < 50_000; n++) put(table, n, 10);
    expect(table.bytes).toBeGreaterThan(50_000 * 32);
    sweepAll(table, 9);
    expect(table.size).toBe(50_000);
    sweepAll(table, 10);
    expect(table.size).toBe(0);
    expect(table.bytes).toBe(before);
  });

  test("never holds more than it may, and drops what is back first or soonest would be", () => {
    const dropped: number[] = [];
    const keysMax = 8;
    const table = new KeyTable({ keysMax, onDrop: (n) => void dropped.push(n) });
    for (let n = 0; n < keysMax; n++) put(table, n, 100 + n);
    put(table, 50, 500);
    expect(dropped).toEqual([0]);
    put(table, 51, 105);
    expect(dropped).toEqual([0, 1]);
    put(table, 3, 1_000);
    put(table, 52, 600);
    put(table, 53, 600, 104);
    expect(dropped).toEqual([0, 1, 2, 4]);
    expect(has(table, 3)).toBe(true);
    expect(table.size).toBe(keysMax);
  });

  test("stays within its bound in a flood, and keeps whom the flood is to push out", () => {
    const keysMax = 5_000;
    const table = new KeyTable({ keysMax });
    for (let n = 0; n < 500; n++) put(table, n, 60_000);
    const bytesMax = 64 * keysMax;
    let most = 0;
    for (let n = 1_000; n < 50_000; n++) {
      put(table, n, 1_000);
      most = Math.max(most, table.size);
    }
    expect(most).toBe(keysMax);
    expect(table.bytes).toBeLessThanOrEqual(bytesMax);
    for (let n = 0; n < 500; n++) expect(has(table, n)).toBe(true);
  });

  test("tells of each cell that it leaves behind once", () => {
    const left = new Map<number, number>();
    const table = new KeyTable({
      keysMax: 3_000,
      onDrop: (n) => void left.set(n, (left.get(n) ?? 0) + 1),
    });
    for (let n = 0; n < 10_000; n++) put(table, n, n + 50, n);
    sweepAll(table, 20_000);
    expect(left.size).toBe(10_000);
    expect(Math.max(...left.values())).toBe(1);
    expect(table.size).toBe(0);
  });

  test("refuses to hold nothing", () => {
    expect(() => new KeyTable({ keysMax: 0 })).toThrow("keysMax is 0");
    expect(() => new KeyTable({ keysMax: Number.NaN })).toThrow("keysMax is NaN");
  });
});
