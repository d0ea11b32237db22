import { expect, test } from "bun:test";
import fc from "fast-check";
import { covers, offsetsOf, rowAt, spanOf } from "./windowed.ts";

const keysOf = (count: number) => Array.from({ length: count }, (_, i) => `k${i}`);
const someHeights = fc.array(fc.option(fc.integer({ min: 1, max: 400 })), {
  minLength: 1,
  maxLength: 60,
});

function listOf(heights: (number | null)[]) {
  const keys = keysOf(heights.length);
  const known = new Map(keys.flatMap((key, i) => (heights[i] ? [[key, heights[i]] as const] : [])));
  return { keys, known, offsets: offsetsOf(keys, known, 50) };
}

test("rows stand one below the other, by what is known of their heights", () => {
  const { offsets } = listOf([10, null, 30]);
  expect([...offsets]).toEqual([0, 10, 60, 90]);
  expect([0, 9, 10, 59, 60, 89].map((y) => rowAt(offsets, y))).toEqual([0, 0, 1, 1, 2, 2]);
  expect([-5, 90, 1e9].map((y) => rowAt(offsets, y))).toEqual([0, 2, 2]);
});

test("no rows at all have no span", () => {
  expect(spanOf(offsetsOf([], new Map(), 50), 0, 800)).toEqual({ start: 0, end: 0 });
});

test("the span has each row that can be seen, and no other", () => {
  fc.assert(
    fc.property(someHeights, fc.nat(5_000), fc.nat(900), (heights, top, height) => {
      const { keys, offsets } = listOf(heights);
      const { start, end } = spanOf(offsets, top, top + height);
      const total = offsets[keys.length] as number;
      for (const index of keys.keys()) {
        const seen =
          (offsets[index + 1] as number) > top && (offsets[index] as number) <= top + height;
        if (top < total) expect(index >= start && index < end).toBe(seen);
      }
      expect(end).toBeGreaterThan(start);
    }),
  );
});

test("a span covers what lies within it", () => {
  expect(covers({ start: 2, end: 9 }, { start: 2, end: 9 })).toBe(true);
  expect(covers({ start: 2, end: 9 }, { start: 1, end: 5 })).toBe(false);
  expect(covers({ start: 2, end: 9 }, { start: 4, end: 10 })).toBe(false);
});
