import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { createCodec, looksLikeCode, type Codec } from "./codes.ts";

const key = Uint8Array.from({ length: 32 }, (_, i) => i);
const otherKey = Uint8Array.from({ length: 32 }, (_, i) => i + 1);
const base62 = createCodec(key, "base62");
const people = createCodec(key, "people");
const peopleDigits = "23456789ABCDEFGHJKMNPQRTVWXYZ";
const sequences = (codec: Codec) => fc.integer({ min: 0, max: codec.size - 1 });

describe.each([
  ["base62", base62, 62 ** 7, /^[0-9A-Za-z]{7}$/],
  ["people", people, 29 ** 8, /^[2-9A-HJKMNP-RTV-Z]{9}$/],
] as const)("%s codes", (name, codec, size, shape) => {
  test("read back as the number they were made of, over the whole range", () => {
    expect(codec.size).toBe(size);
    const check = (n: number) => {
      const code = codec.encode(n);
      expect(code).toMatch(shape);
      expect(codec.decode(code)).toBe(n);
      expect(codec.canonical(code)).toBe(code);
    };
    for (const edge of [0, 1, size - 2, size - 1]) check(edge);
    fc.assert(fc.property(sequences(codec), check), { numRuns: 2000 });
    expect(() => codec.encode(size)).toThrow("outside");
    expect(() => codec.encode(-1)).toThrow("outside");
  });

  test("differ for every number of a block", () => {
    const codes = new Set<string>();
    for (let n = 1_000_000; n < 1_020_000; n++) codes.add(codec.encode(n));
    expect(codes.size).toBe(20_000);
  });

  test("of neighbouring numbers share no more characters than chance, and use all alike", () => {
    const radix = name === "base62" ? 62 : 29;
    const length = codec.encode(0).length;
    const pairs = 20_000;
    const counts = Array.from({ length }, () => new Map<string, number>());
    let shared = 0;
    let previous = codec.encode(0);
    for (let n = 1; n <= pairs; n++) {
      const code = codec.encode(n);
      for (let i = 0; i < length; i++) {
        if (code[i] === previous[i]) shared++;
        counts[i]!.set(code[i]!, (counts[i]!.get(code[i]!) ?? 0) + 1);
      }
      previous = code;
    }
    const expected = (pairs * length) / radix;
    // Five standard deviations of a binomial.
    expect(Math.abs(shared - expected)).toBeLessThan(5 * Math.sqrt(expected));
    for (const position of counts) {
      const each = pairs / radix;
      let chiSquare = 0;
      for (const count of position.values()) chiSquare += (count - each) ** 2 / each;
      expect(position.size).toBe(radix);
      expect(chiSquare).toBeLessThan(radix - 1 + 5 * Math.sqrt(2 * (radix - 1)));
    }
  });

  test("depend on the key", () => {
    const other = createCodec(otherKey, name);
    const same = Array.from({ length: 100 }, (_, n) => codec.encode(n) === other.encode(n));
    expect(same).not.toContain(true);
  });
});

// Computed by a separate implementation in Python.
test("known answers: a change here would give codes twice in a running install", () => {
  const first = (codec: Codec) => [0, 1, 2, 1_000_000].map((n) => codec.encode(n));
  expect(first(base62)).toEqual(["YodxMUW", "PtQDn3S", "SAUYJib", "WJovAqx"]);
  expect(first(people)).toEqual(["M6X9X96XY", "EHBHWXWTT", "9Y57QZFRA", "7AB2J27V6"]);
});

test("a key shorter than 16 bytes is refused", () => {
  expect(() => createCodec(new Uint8Array(15), "base62")).toThrow("16 bytes");
});

test("what is no code decodes to null", () => {
  for (const text of ["", "abc", "abcdefgh", "abcde-f", "abcde f", "abcdéfg", "ａbcdefg"]) {
    expect(base62.decode(text)).toBeNull();
    expect(looksLikeCode(text)).toBe(false);
  }
  expect(looksLikeCode("aB3xY9z")).toBe(true);
  for (const text of ["", "2", "2".repeat(10), "ﬀﬀﬀﬀﬀﬀﬀﬀﬀ", "-".repeat(100_000)]) {
    expect(people.decode(text)).toBeNull();
    expect(people.suggest(text)).toEqual([]);
  }
});

describe("codes for people", () => {
  test("are read in any case, with separators, and with S for 5 and U for V", () => {
    const withBoth = Array.from({ length: 1000 }, (_, n) => people.encode(n)).find(
      (code) => code.includes("5") && code.includes("V"),
    )!;
    const typed = withBoth.replaceAll("5", "s").replaceAll("V", "u").toLowerCase();
    expect(people.canonical(`${typed.slice(0, 3)}-${typed.slice(3, 6)} ${typed.slice(6)}`)).toBe(
      withBoth,
    );
  });

  test("detect every wrong character and every transposition, and suggest the right code", () => {
    const check = (n: number) => {
      const code = people.encode(n);
      for (let i = 0; i < code.length; i++) {
        for (const wrong of peopleDigits) {
          if (wrong === code[i]) continue;
          const typo = code.slice(0, i) + wrong + code.slice(i + 1);
          expect(people.decode(typo)).toBeNull();
          expect(people.suggest(typo)).toContain(code);
        }
        if (i === 0 || code[i] === code[i - 1]) continue;
        const swapped = code.slice(0, i - 1) + code[i]! + code[i - 1]! + code.slice(i + 1);
        expect(people.decode(swapped)).toBeNull();
        expect(people.suggest(swapped)).toContain(code);
      }
    };
    fc.assert(fc.property(sequences(people), check), { numRuns: 15 });
  });

  test("suggest only right codes, few of them, and the look-alike first", () => {
    const code = Array.from({ length: 1000 }, (_, n) => people.encode(n)).find((c) =>
      c.includes("8"),
    )!;
    const suggestions = people.suggest(code.replace("8", "b"));
    expect(suggestions.indexOf(code)).toBeLessThan(3);
    expect(suggestions.length).toBeLessThanOrEqual(17);
    for (const suggestion of suggestions) expect(people.decode(suggestion)).not.toBeNull();
    expect(people.suggest(code)).toEqual([]);
  });

  test("resolve characters that no code has, one or several", () => {
    const code = Array.from({ length: 1000 }, (_, n) => people.encode(n)).find(
      (c) => c.split("Q").length === 3,
    )!;
    expect(people.suggest(code.replace("Q", "0"))).toEqual([code]);
    expect(people.suggest(code.replaceAll("Q", "o"))).toContain(code);
    expect(people.suggest(code.replace("Q", "*"))).toEqual([code]);
  });
});
