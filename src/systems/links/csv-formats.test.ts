import { expect, test } from "bun:test";
import fc from "fast-check";
import { csvCell, plainCell, splitTags, stoaColumns } from "./csv-cells.ts";
import { type CsvFormat, recogniseFormat } from "./csv-formats.ts";
import { readRows } from "./csv-rows.ts";
import type { ListedRow } from "./store.ts";

async function read(file: string, wanted: CsvFormat | "auto" = "auto") {
  const bytes = await Bun.file(new URL(`./fixtures/${file}`, import.meta.url)).bytes();
  const rows: string[][] = [];
  for await (const row of readRows(bytes)) if ("cells" in row) rows.push(row.cells);
  const { format, read: readRow } = recogniseFormat(rows[0] ?? [], wanted);
  return { format, links: rows.slice(1).map((cells) => readRow(cells)) };
}

test("Bitly's export: the custom code before the generated one, and where it lived", async () => {
  const { format, links } = await read("bitly.csv");
  expect(format).toBe("bitly");
  expect(links.map(({ code, host }) => [code, host])).toEqual([
    ["spring-sale", "bit.ly"],
    ["4XyZ789", "bit.ly"],
    ["menu", "go.example.org"],
  ]);
  expect(links[0]?.wish).toEqual({
    url: "https://shop.example.com/spring?utm_source=bitly",
    title: "Spring sale, all shops",
  });
  expect(links[2]?.wish).toEqual({ url: "https://www.example.com/menu" });
});

test("the names of Bitly's API, with lists as JSON", async () => {
  const { format, links } = await read("bitly-api.csv");
  expect(format).toBe("bitly");
  expect(links[0]).toMatchObject({ code: "spring-sale", wish: { tags: ["campaign", "2025"] } });
  expect(links[1]).toMatchObject({ code: "4XyZ789", host: "bit.ly" });
  expect(links[1]?.wish).not.toHaveProperty("tags");
});

test("Kutt: note as title, expiry, and no link that was protected or banned", async () => {
  const { format, links } = await read("kutt.csv");
  expect(format).toBe("kutt");
  expect(links[0]).toEqual({
    code: "handbook",
    host: null,
    wish: { url: "https://docs.example.com/handbook", title: "Team handbook" },
    problems: [],
  });
  expect(links[1]?.wish).toMatchObject({ expires_at: "2099-12-31T22:00:00.000Z" });
  expect(links.map(({ problems }) => problems.map((p) => p.field))).toEqual([
    [],
    [],
    ["password"],
    ["banned"],
  ]);
});

test("times as databases print them are UTC unless they say otherwise", () => {
  const { read: readRow } = recogniseFormat(["address", "target", "expire_in"], "auto");
  const expiry = (text: string) => readRow(["abc", "https://a.example", text]).wish["expires_at"];
  expect(expiry("2030-01-02 03:04:05")).toBe("2030-01-02T03:04:05.000Z");
  expect(expiry("2030-01-02 03:04:05.678+02")).toBe("2030-01-02T01:04:05.678Z");
  expect(expiry("2030-01-02T03:04:05+02:00")).toBe("2030-01-02T01:04:05.000Z");
  expect(expiry("2030-01-02")).toBe("2030-01-02T00:00:00.000Z");
  expect(expiry("NULL")).toBeUndefined();
  expect(expiry("next week")).toBe("next week");
});

test("YOURLS: its table, and what its plugin writes", async () => {
  const table = await read("yourls.csv");
  expect(table.format).toBe("yourls");
  expect(table.links.map((link) => link.code)).toEqual(["1", "ozh", "docs-2019"]);
  expect(table.links[2]?.wish).toEqual({
    url: "https://docs.example.com/2019?a=1&b=2",
    title: 'Docs "2019" edition',
  });
  const plugin = await read("yourls-plugin.csv");
  expect(plugin.format).toBe("yourls");
  expect(plugin.links[1]).toMatchObject({
    code: "docs-2019",
    wish: { url: "https://docs.example.com/2019?list=1,2" },
  });
});

test("Shlink: tags between bars, the domain it lived on", async () => {
  const { format, links } = await read("shlink.csv");
  expect(format).toBe("shlink");
  expect(links[0]).toEqual({
    code: "launch",
    host: "s.test",
    wish: { url: "https://www.example.com/launch", title: "Launch day", tags: ["press", "2024"] },
    problems: [],
  });
  expect(links[1]?.wish).toEqual({ url: "https://www.example.com/a/long/path?x=1" });
  const shown = ["Created at", "Short URL", "Short code", "Long URL", "Title", "Tags", "Visits"];
  expect(recogniseFormat(shown, "auto").format).toBe("shlink");
});

test("a list of addresses is enough; anything else names what it lacks", () => {
  expect(recogniseFormat(["URL"], "auto").format).toBe("stoa");
  expect(() => recogniseFormat(["name", "phone"], "auto")).toThrow('columns "name, phone"');
  expect(() => recogniseFormat(["url"], "kutt")).toThrow("kutt (address + target)");
});

test("a cell that a spreadsheet would run is defused, and reads back as it was", async () => {
  for (const text of ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "＝1", "'=1", "''@x"]) {
    const cell = csvCell(text).replace(/^"([^]*)"$/, "$1");
    expect(cell[0]).toBe("'");
    expect(plainCell(cell)).toBe(text);
  }
  expect(csvCell("'quoted'")).toBe("'quoted'");
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "binary-ascii" }), async (text) => {
      if (text.includes("\r")) return;
      const rows = readRows(Buffer.from(`${csvCell(text)},end\n`));
      const { value } = await rows.next();
      expect(plainCell(value.cells[0])).toBe(text);
    }),
  );
});

test("any tags survive", () => {
  const row = (tags: string[]) => ({ tags }) as unknown as ListedRow;
  const tag = fc.string({ minLength: 1 }).filter((t) => t.trim() === t && t !== "");
  fc.assert(
    fc.property(fc.uniqueArray(tag, { maxLength: 5 }), (tags) => {
      expect(stoaColumns["tags"]?.read?.(stoaColumns["tags"].write(row(tags)))).toEqual(tags);
    }),
  );
  expect(splitTags("a, b,,a ", ",")).toEqual(["a", "b"]);
});
