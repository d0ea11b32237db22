import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { Fingerprint, type HashKey } from "./fingerprint.ts";

/** HalfSipHash with 64 bits of answer as its authors write it, for any number of rounds. */
function halfSipHash(key: HashKey, bytes: Uint8Array, rounds: { each: number; last: number }) {
  const v = Uint32Array.of(key.k0, key.k1 ^ 0xee, key.k0 ^ 0x6c796765, key.k1 ^ 0x74656462);
  const turn = (i: number, by: number) => {
    v[i] = (v[i]! << by) | (v[i]! >>> (32 - by));
  };
  const half = (a: number, b: number, by: number) => {
    v[a]! += v[b]!;
    turn(b, by);
    v[b]! ^= v[a]!;
  };
  const round = () => {
    half(0, 1, 5);
    turn(0, 16);
    half(2, 3, 8);
    half(0, 3, 7);
    half(2, 1, 13);
    turn(2, 16);
  };
  const padded = new Uint8Array((bytes.length & ~3) + 4);
  padded.set(bytes);
  padded[padded.length - 1] = bytes.length;
  for (const word of new Uint32Array(padded.buffer)) {
    v[3]! ^= word;
    for (let i = 0; i < rounds.each; i++) round();
    v[0]! ^= word;
  }
  v[2]! ^= 0xee;
  for (let i = 0; i < rounds.last; i++) round();
  const low = (v[1]! ^ v[3]!) >>> 0;
  v[1]! ^= 0xdd;
  for (let i = 0; i < rounds.last; i++) round();
  return { low, high: (v[1]! ^ v[3]!) >>> 0 };
}

function printOf(key: HashKey, text: string) {
  const print = new Fingerprint();
  print.of(key, text);
  return { low: print.low, high: print.high };
}

const words = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const keys = fc.record({ k0: words, k1: words });
const latin1 = fc
  .uint8Array({ maxLength: 80 })
  .map((bytes) => ({ bytes, text: Buffer.from(bytes).toString("latin1") }));

describe("fingerprint", () => {
  /** From the authors' vectors.h: the key 00..07, the message 00.. of each length, 2-4 rounds. */
  test.each([
    [0, "218d1f59b9b83cc8"],
    [1, "be552412f8387315"],
    [2, "064f39ef7c50eb57"],
    [3, "ce0f1a45f7060679"],
    [4, "d5e78a175be52ea1"],
    [7, "ff202728b07bc684"],
    [8, "edfee820bce4858c"],
  ])("is checked by a HalfSipHash that knows the vector of %d bytes", (length, vector) => {
    const key = { k0: 0x03020100, k1: 0x07060504 };
    const bytes = Uint8Array.from({ length }, (_, i) => i);
    const { low, high } = halfSipHash(key, bytes, { each: 2, last: 4 });
    expect(Buffer.from(Uint32Array.of(low, high).buffer).toString("hex")).toBe(vector);
  });

  test("is HalfSipHash-1-3 of the bytes of a text", () => {
    fc.assert(
      fc.property(keys, latin1, (key, { bytes, text }) => {
        const { low, high } = halfSipHash(key, bytes, { each: 1, last: 3 });
        expect(printOf(key, text)).toEqual({ low: low | 0, high: high | 0 });
      }),
      { numRuns: 1_000 },
    );
  });

  test("does not depend on how the text came about", () => {
    fc.assert(
      fc.property(keys, fc.uint16Array({ maxLength: 40 }), fc.nat(), (key, units, cut) => {
        const text = String.fromCharCode(...units);
        const at = cut % (text.length + 1);
        const joined = [text.slice(0, at), text.slice(at)].join("");
        expect(printOf(key, joined)).toEqual(printOf(key, text));
      }),
    );
  });

  test("tells a wide text from the Latin-1 text with its bytes", () => {
    const key = { k0: 1, k1: 2 };
    expect(printOf(key, "\u0141")).not.toEqual(printOf(key, "A\u0001"));
    expect(printOf(key, "abc\u0141")).not.toEqual(printOf(key, "abcA"));
    expect(printOf(key, "\ud83d\ude00")).not.toEqual(printOf(key, "\ud83d\ude01"));
  });

  test("of many similar texts are all different, under each key differently", () => {
    const texts = Array.from(
      { length: 50_000 },
      (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
    );
    const under = (key: HashKey) =>
      texts.map((text) => {
        const { low, high } = printOf(key, text);
        return high * 2 ** 21 + (low >>> 11);
      });
    const first = under({ k0: 1, k1: 2 });
    expect(new Set(first).size).toBe(texts.length);
    const second = under({ k0: 1, k1: 3 });
    expect(new Set([...first, ...second]).size).toBe(2 * texts.length);
  });
});
