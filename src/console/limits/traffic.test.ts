import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { SimulatedOutcome } from "../../../sdk/types.ts";
import { tallyOf } from "./tally.ts";
import { arrivalsMax, arrivalsOf, shapes, type Traffic } from "./traffic.ts";

const plain: Traffic = { shape: "steady", rate: 10, windows: 4, windowMs: 1_000, seed: 1 };
const times = (change: Partial<Traffic>) =>
  arrivalsOf({ ...plain, ...change }).map(({ at_ms }) => at_ms);

describe("traffic", () => {
  const any = fc.record({
    shape: fc.constantFrom(...shapes.map(({ value }) => value)),
    rate: fc.integer({ min: 1, max: 500 }),
    windows: fc.integer({ min: 1, max: 30 }),
    windowMs: fc.integer({ min: 10, max: 86_400_000 }),
    seed: fc.integer(),
  });

  test("of every shape has its rate, keeps its time and stands in order", () => {
    fc.assert(
      fc.property(any, (traffic) => {
        const at = arrivalsOf(traffic).map(({ at_ms }) => at_ms);
        expect(at).toHaveLength(Math.min(arrivalsMax, traffic.rate * traffic.windows));
        expect(at).toEqual(at.toSorted((a, b) => a - b));
        expect(at[0]).toBeGreaterThanOrEqual(0);
        expect(at.every(Number.isInteger)).toBe(true);
        expect(at.at(-1)).toBeLessThan(traffic.windows * traffic.windowMs);
      }),
    );
  });

  test("is steady, comes at once, stands around edges, or grows", () => {
    expect(times({ rate: 2, windows: 2 })).toEqual([0, 500, 1_000, 1_500]);
    expect(times({ shape: "bursts", rate: 4, windows: 1 })).toEqual([0, 0, 500, 500]);
    for (const at of times({ shape: "edges" })) {
      expect(Math.min(Math.abs(at - 1_000), Math.abs(at - 3_000))).toBeLessThanOrEqual(100);
    }
    const ramp = times({ shape: "ramp", rate: 100 });
    const late = ramp.filter((at) => at >= 2_000).length;
    expect(late / ramp.length).toBeCloseTo(0.75, 1);
  });

  test("by chance is the same for the same seed alone", () => {
    const random = (seed: number) => times({ shape: "random", seed });
    expect(random(7)).toEqual(random(7));
    expect(random(7)).not.toEqual(random(8));
  });
});

describe("a tally", () => {
  const outcome = (at_ms: number, more: Partial<SimulatedOutcome> = {}): SimulatedOutcome => ({
    ...{ at_ms, cost: 1, allowed: true, delay_ms: 0, remaining: 0, retry_after_ms: 0 },
    ...more,
  });
  const scale = { endMs: 4_000, windowMs: 1_000, columns: 4 };

  test("puts what waited where it went on, and what was refused where it came", () => {
    const tally = tallyOf(
      [outcome(0), outcome(100, { delay_ms: 950 }), outcome(200, { allowed: false, cost: 3 })],
      scale,
    );
    expect(tally.columns).toEqual([
      { passed: 1, refused: 3 },
      { passed: 1, refused: 0 },
      { passed: 0, refused: 0 },
      { passed: 0, refused: 0 },
    ]);
    expect(tally).toMatchObject({ passed: 2, refused: 3, delayMsMax: 950 });
  });

  test("finds the busiest window wherever it begins", () => {
    const at = [0, 900, 950, 1_050, 1_899, 1_900, 5_000];
    const tally = tallyOf(
      at.map((ms) => outcome(ms)),
      scale,
    );
    // From 950 until just before 1,950: a window by the clock holds three at most.
    expect(tally.inWindowMax).toBe(4);
    expect(tally.columns.at(-1)?.passed).toBe(1);
  });
});
