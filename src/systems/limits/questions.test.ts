import { expect, test } from "bun:test";
import fc from "fast-check";
import { isPlainQuestion, questionSchema } from "./questions.ts";

/** Values around every limit that a field has. */
const text = fc.oneof(
  ...[fc.constant(""), fc.string({ maxLength: 8 }), fc.constant("k".repeat(40))],
  ...[fc.constant("k".repeat(41)), fc.constant("k".repeat(65)), fc.constant("k".repeat(201))],
);
const odd = fc.constantFrom(null, undefined, true, 0, 1, 1.5, -1, 1_000_001, {}, [], { user: "1" });
const mostly = <T>(arbitrary: fc.Arbitrary<T>) => fc.oneof({ weight: 8, arbitrary }, odd);
const question = fc.record(
  {
    ...{ rule: mostly(text), policy: mostly(text), key: mostly(text), tier: mostly(text) },
    cost: mostly(fc.integer({ min: -2, max: 1_200_000 })),
  },
  { requiredKeys: ["rule", "key"] },
);
/** Fields that no question has, one of them on every object. */
const extra = fc.constantFrom({}, {}, {}, { extra: "x" }, { constructor: "x" });
const asked = fc.tuple(question, extra).map(([one, more]) => ({ ...one, ...more }));

test("what the quick test takes is what the schema takes, as it stands", () => {
  let taken = 0;
  fc.assert(
    fc.property(fc.oneof({ weight: 9, arbitrary: asked }, odd), (value) => {
      if (!isPlainQuestion(value)) return;
      taken++;
      expect(questionSchema.parse(value)).toEqual(value as never);
    }),
    { numRuns: 5_000 },
  );
  expect(taken).toBeGreaterThan(50);
  expect(isPlainQuestion({ rule: "r", key: "k", constructor: "x" })).toBe(false);
  for (const plain of [
    { rule: "r", key: "k" },
    { policy: "p", key: "k", cost: 3, tier: "free" },
  ]) {
    expect(isPlainQuestion(plain)).toBe(true);
  }
});
