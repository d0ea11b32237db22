import { expect, test } from "bun:test";
import { generateApiKey, hashApiKey, randomText } from "./keys.ts";

test("a key is found by its hash and nothing else is", () => {
  const key = generateApiKey();
  expect(key.plaintext).toMatch(/^stoa_key_[0-9A-Za-z]{43}$/);
  expect(key.prefix).toBe(key.plaintext.slice(0, 17));
  expect(Buffer.from(hashApiKey(key.plaintext) ?? []).equals(Buffer.from(key.hash))).toBe(true);
  const near = [
    key.plaintext.slice(0, -1),
    `${key.plaintext}a`,
    key.plaintext.toUpperCase(),
    ` ${key.plaintext}`,
    key.plaintext.replace("stoa_key_", "stoa_kez_"),
    "stoa_key_",
    "",
  ];
  for (const text of near) expect(hashApiKey(text)).toBeNull();
});

test("random text uses every character about as often", () => {
  const counts = new Map<string, number>();
  const text = randomText(62 * 2_000);
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  expect(counts.size).toBe(62);
  // 2,000 each on average, with a standard deviation of 44.
  for (const count of counts.values()) expect(Math.abs(count - 2_000)).toBeLessThan(300);
});
