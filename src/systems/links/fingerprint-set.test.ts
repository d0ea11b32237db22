import { expect, test } from "bun:test";
import { FingerprintSet } from "./fingerprint-set.ts";

test("holds what was added and nothing else, through every growth", () => {
  const set = new FingerprintSet();
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 50_000; i++) set.add(`in-${i}`);
  }
  expect(set.size).toBe(50_000);
  for (let i = 0; i < 50_000; i++) {
    if (!set.has(`in-${i}`) || set.has(`out-${i}`)) throw new Error(`wrong about ${i}`);
  }
});

test("no two of a million host names are taken for one", () => {
  const set = new FingerprintSet(1_000_000);
  for (let i = 0; i < 1_000_000; i++) set.add(`host-${i}.domain-${i % 977}.com`);
  expect(set.size).toBe(1_000_000);
});
