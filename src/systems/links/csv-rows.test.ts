import { expect, test } from "bun:test";
import { brokenRowsMax, type CsvRow, readRows, rowBytesMax } from "./csv-rows.ts";

async function rowsOf(text: string | Uint8Array): Promise<CsvRow[]> {
  const out: CsvRow[] = [];
  for await (const row of readRows(typeof text === "string" ? Buffer.from(text) : text)) {
    out.push(row);
  }
  return out;
}

const cells = async (text: string | Uint8Array) =>
  (await rowsOf(text)).map((row) => ("cells" in row ? row.cells : row.problem));

const broken = "its quotes do not match, or it is too long";

test("delimiters, quotes, line ends and marks are those of the file", async () => {
  const expected = [
    ["url", "title"],
    ["https://a.example/?x=1,2", 'say "hi"'],
    ["https://ä.example", "two\nlines"],
  ];
  const comma =
    'url,title\n"https://a.example/?x=1,2","say ""hi"""\nhttps://ä.example,"two\nlines"\n';
  expect(await cells(comma)).toEqual(expected);
  expect(await cells(`\ufeff${comma}`)).toEqual(expected);
  const windows = comma.replaceAll("\n", "\r\n").replace("two\r\n", "two\n");
  expect(await cells(windows)).toEqual(expected);
  const semicolons = comma.replaceAll(/,(?!2)/g, ";");
  expect(await cells(semicolons)).toEqual(expected);
  const tabs = comma.replaceAll(/,(?!2)/g, "\t");
  expect(await cells(tabs)).toEqual(expected);
  expect(await cells(Buffer.from(`\ufeff${tabs}`, "utf16le"))).toEqual(expected);
});

test("a delimiter inside a quoted heading does not count", async () => {
  expect(await cells('"a;b;c",title\n1,2\n')).toEqual([
    ["a;b;c", "title"],
    ["1", "2"],
  ]);
});

test("the reading goes on below a row whose quotes do not match", async () => {
  const text = 'a,b\n1,2\n3,"open\n5,6\n7" pipe,8\n"x"y,9\n\n10,11\n';
  expect(await rowsOf(text)).toEqual([
    { row: 1, cells: ["a", "b"] },
    { row: 2, cells: ["1", "2"] },
    { row: 3, problem: broken },
    { row: 4, cells: ["5", "6"] },
    { row: 5, problem: broken },
    { row: 6, problem: broken },
    { row: 7, cells: [""] },
    { row: 8, cells: ["10", "11"] },
  ]);
});

test("a row of any length is cut off and the next one read", async () => {
  const long = `"${"x".repeat(rowBytesMax * 3)}"`;
  expect(await cells(`a\n${long}\nb\n`)).toEqual([["a"], broken, ["b"]]);
});

test("a file of broken rows is given up", async () => {
  const rows = await rowsOf(`a\n${'"x"y\n'.repeat(brokenRowsMax + 50)}`);
  expect(rows).toHaveLength(1 + brokenRowsMax + 1);
  expect(rows.at(-1)).toEqual({
    row: brokenRowsMax + 2,
    problem: `more than ${brokenRowsMax} broken rows; the rest was not read`,
  });
});

test("many rows come in order and whole, over the borders of slices", async () => {
  const lines = Array.from({ length: 20_000 }, (_, i) => `${i},"é ${i}\r\n"`);
  const rows = await rowsOf(lines.join("\r\n"));
  expect(rows).toHaveLength(20_000);
  expect(rows[12_345]).toEqual({ row: 12_346, cells: ["12345", "é 12345\r\n"] });
});

test("what is not text is refused, and an empty file has no rows", async () => {
  expect(rowsOf(new Uint8Array([0x61, 0xff, 0x0a]))).rejects.toThrow("save the file again");
  expect(await rowsOf("")).toEqual([]);
  expect(await rowsOf("\ufeff")).toEqual([]);
});
