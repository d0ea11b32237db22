import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { aliasSkeleton, checkAlias, reservedWords } from "./aliases.ts";

test.each(["abc", "Spring-Sale_2026", "a".repeat(64), "aB3xY9z", "a--", "42-"])(
  "%s is an alias and keeps its spelling",
  (alias) => {
    expect(checkAlias(alias)).toEqual({ ok: true, alias, skeleton: aliasSkeleton(alias) });
  },
);

test.each([
  ["", "3 to 64"],
  ["ab", "3 to 64"],
  ["a".repeat(65), "3 to 64"],
  ["a".repeat(1_000_000), "3 to 64"],
  ["abc+", "letters"],
  ["a b", "letters"],
  ["a/b", "letters"],
  ["a.b", "letters"],
  ["a%2fb", "letters"],
  ["../x", "letters"],
  ["abc\n", "letters"],
  ["abc\0", "letters"],
  ["café", "letters"],
  ["раypal", "letters"],
  ["ａｂｃ", "letters"],
  ["---", "a letter or a digit"],
  ["-_-", "a letter or a digit"],
])("%j is invalid: %s", (alias, message) => {
  const result = checkAlias(alias);
  expect(result).toMatchObject({ ok: false, reason: "invalid" });
  expect(result.ok ? "" : result.message).toContain(message);
});

describe("skeletons", () => {
  test.each([
    ["PayPal", "paypa1"],
    ["pay-pal", "pay_pal"],
    ["pay-pal", "paypal"],
    ["google", "g00gle"],
    ["bill", "8i1l"],
    ["modern", "modem"],
    ["wave", "vvave"],
    ["close", "dose"],
    ["c1ose", "dose"],
    ["zone", "2one"],
    ["sale", "5ALE"],
    ["corner", "corn-er"],
  ])("%s and %s are one name", (one, other) => {
    expect(aliasSkeleton(one)).toBe(aliasSkeleton(other));
  });

  test.each([
    ["abc", "abd"],
    ["sale2026", "sale2027"],
    ["north", "south"],
    ["cat", "dat"],
  ])("%s and %s are two", (one, other) => {
    expect(aliasSkeleton(one)).not.toBe(aliasSkeleton(other));
  });

  test("ignore case and separators, wherever they stand", () => {
    const alias = fc.stringMatching(/^[A-Za-z0-9_-]{3,30}$/);
    fc.assert(
      fc.property(alias, fc.nat(30), (text, at) => {
        const spread = `${text.slice(0, at)}-_${text.slice(at)}`;
        expect(aliasSkeleton(spread)).toBe(aliasSkeleton(text));
        expect(aliasSkeleton(text.toUpperCase())).toBe(aliasSkeleton(text.toLowerCase()));
      }),
    );
  });
});

test("reserved words are refused in every disguise", () => {
  for (const alias of [
    "admin",
    "ADMIN",
    "adm1n",
    "a-d-m-i-n",
    "adrnin",
    "Healthz",
    "l0gin",
    "API",
  ]) {
    expect(checkAlias(alias)).toMatchObject({ ok: false, reason: "reserved" });
  }
  for (const word of reservedWords) {
    if (word.length >= 3) expect(checkAlias(word).ok).toBe(false);
  }
  for (const alias of ["administer", "my-docs", "apiary"]) expect(checkAlias(alias).ok).toBe(true);
});
