import { expect, test } from "bun:test";
import fc from "fast-check";
import { spanOf } from "./range.ts";

test.each([
  ["bytes=0-0", 10, { first: 0, last: 0 }],
  ["bytes=0-", 10, { first: 0, last: 9 }],
  ["bytes=9-", 10, { first: 9, last: 9 }],
  ["bytes=3-100", 10, { first: 3, last: 9 }],
  ["bytes=-3", 10, { first: 7, last: 9 }],
  ["bytes=-100", 10, { first: 0, last: 9 }],
  [" Bytes=1-2 ", 10, { first: 1, last: 2 }],
  ["bytes=10-", 10, "beyond"],
  ["bytes=10-12", 10, "beyond"],
  ["bytes=-0", 10, "beyond"],
  ["bytes=0-", 0, "beyond"],
  ["bytes=-5", 0, "beyond"],
  ["bytes=9999999999999999-", 10, "beyond"],
  // Answered as if nothing had been asked for.
  ["bytes=5-4", 10, null],
  ["bytes=-", 10, null],
  ["bytes=", 10, null],
  ["bytes=0-1,3-4", 10, null],
  ["bytes=a-b", 10, null],
  ["bytes=-1-2", 10, null],
  ["bytes=0x1-2", 10, null],
  ["bytes=1.5-2", 10, null],
  ["bytes=99999999999999999-", 10, null],
  ["items=0-1", 10, null],
  ["", 10, null],
  [null, 10, null],
] as const)("%p of %d bytes", (header, bytes, span) => {
  expect(spanOf(header, bytes)).toEqual(span);
});

test("whatever is asked for, what is given lies within", () => {
  const header = fc.tuple(fc.nat(30), fc.nat(30)).map(([a, b]) => `bytes=${a || ""}-${b || ""}`);
  fc.assert(
    fc.property(header, fc.nat(25), (text, bytes) => {
      const span = spanOf(text, bytes);
      if (span === null || span === "beyond") return;
      expect(span.first).toBeGreaterThanOrEqual(0);
      expect(span.last).toBeGreaterThanOrEqual(span.first);
      expect(span.last).toBeLessThan(bytes);
    }),
  );
});
