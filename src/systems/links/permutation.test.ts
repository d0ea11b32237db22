import { describe, expect, test } from "bun:test";
import { createPermutation } from "./permutation.ts";
import { sipKey } from "./siphash.ts";

describe("permutation", () => {
  const secret = sipKey(Uint8Array.from({ length: 16 }, (_, i) => i));
  test.each([
    [2, 2],
    [3, 4],
    [62, 62],
    [27, 1000],
  ])("is a bijection of the whole of %d * %d", (left, right) => {
    const permutation = createPermutation(secret, left, right);
    const seen = new Set<number>();
    for (let value = 0; value < left * right; value++) {
      const image = permutation.apply(value);
      expect(permutation.invert(image)).toBe(value);
      seen.add(image);
    }
    expect(seen.size).toBe(left * right);
    expect(Math.min(...seen)).toBe(0);
    expect(Math.max(...seen)).toBe(left * right - 1);
  });

  test("refuses numbers outside its range", () => {
    const permutation = createPermutation(secret, 3, 4);
    for (const wrong of [-1, 12, 0.5, Number.NaN, Infinity]) {
      expect(() => permutation.apply(wrong)).toThrow("outside 0..11");
    }
  });
});
