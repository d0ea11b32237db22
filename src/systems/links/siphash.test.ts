import { expect, test } from "bun:test";
import { sipHash, sipKey } from "./siphash.ts";

const key = sipKey(Uint8Array.from({ length: 16 }, (_, i) => i));
const low53 = (answer: bigint) => Number(answer & ((1n << 53n) - 1n));

test("answers as the reference implementation does", () => {
  // vectors_sip64[7] of the authors' code: message 00 01 .. 06 under key 00 01 .. 0f.
  expect(sipHash(key, 0x03020100, 0x060504)).toBe(low53(0xab0200f58b01d137n));
});

test("every bit of the message and of the key matters", () => {
  const base = sipHash(key, 0, 0);
  const answers = new Set([base]);
  for (let bit = 0; bit < 32; bit++) answers.add(sipHash(key, 1 << bit, 0));
  for (let bit = 0; bit < 24; bit++) answers.add(sipHash(key, 0, 1 << bit));
  for (let bit = 0; bit < 128; bit++) {
    const bytes = Uint8Array.from({ length: 16 }, (_, i) => i);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    answers.add(sipHash(sipKey(bytes), 0, 0));
  }
  expect(answers.size).toBe(1 + 32 + 24 + 128);
});

test("refuses a key of another length", () => {
  expect(() => sipKey(new Uint8Array(15))).toThrow("16 bytes");
});
