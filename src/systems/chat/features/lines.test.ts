import { expect, test } from "bun:test";
import { type Line, linesOf } from "./lines.ts";

async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}
const bytes = (text: string) => new TextEncoder().encode(text);
const all = async (source: AsyncIterable<Uint8Array>, lineMax = 1_000) =>
  (await Array.fromAsync(linesOf(source, lineMax))).flat();

test("lines are whole wherever the chunks end, and keep their numbers", async () => {
  const given = bytes("one\n\r\nthrée\n   \n5\r\n\nlast");
  const expected: Line[] = [
    { number: 1, text: "one" },
    { number: 3, text: "thrée" },
    { number: 5, text: "5\r" },
    { number: 7, text: "last" },
  ];
  for (let size = 1; size <= given.length; size++) {
    expect(await all(chunked(given, size))).toEqual(expected);
  }
  expect(await all(chunked(bytes("a\nb\n"), 2))).toHaveLength(2);
  expect(await all(chunked(bytes(""), 1))).toEqual([]);
});

test("a line that is too long, or no UTF-8, is only known by its number", async () => {
  const given = Buffer.concat([
    bytes(`${"x".repeat(10)}\n${"y".repeat(11)}\n`),
    Uint8Array.of(0xff, 0xfe, 10),
    bytes(`z\n${"w".repeat(50)}`),
  ]);
  for (const size of [1, 7, 100]) {
    expect(await all(chunked(given, size), 10)).toEqual([
      { number: 1, text: "x".repeat(10) },
      { number: 2, text: null },
      { number: 3, text: null },
      { number: 4, text: "z" },
      { number: 5, text: null },
    ]);
  }
});

test("so many are held as are handed out at once, by number and by length", async () => {
  const short = bytes("x\n".repeat(1_250));
  const batches = await Array.fromAsync(linesOf(chunked(short, 1_000_000), 100));
  expect(batches.map((batch) => batch.length)).toEqual([500, 500, 250]);
  const long = bytes(`${"x".repeat(900_000)}\n`.repeat(10));
  const few = await Array.fromAsync(linesOf(chunked(long, 70_000), 1_000_000));
  expect(few.map((batch) => batch.length)).toEqual([3, 3, 3, 1]);
});
