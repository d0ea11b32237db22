import { describe, expect, test } from "bun:test";
import { crc32, inflateSync } from "node:zlib";
import { encode } from "uqr";
import { AppError } from "../../platform/errors/errors.ts";
import { qrPng, qrSvg, type QrOptions } from "./qr.ts";

const link = "https://go.example.com/aB3xY9z";
const expected = (text: string, ecc: "L" | "M" | "Q" | "H") =>
  encode(text, { ecc, border: 0 }).data;

type Picture = { size: number; palette: string[]; dark(x: number, y: number): boolean };

/** Reads a PNG as the format says, checking every chunk's sum. */
function readPng(bytes: Uint8Array): Picture {
  const buffer = Buffer.from(bytes);
  expect(buffer.subarray(0, 8).toString("hex")).toBe("89504e470d0a1a0a");
  const chunks = new Map<string, Buffer>();
  for (let at = 8; at < buffer.length;) {
    const length = buffer.readUInt32BE(at);
    const typed = buffer.subarray(at + 4, at + 8 + length);
    expect(buffer.readUInt32BE(at + 8 + length)).toBe(crc32(typed));
    chunks.set(typed.toString("latin1", 0, 4), typed.subarray(4));
    at += 12 + length;
  }
  expect([...chunks.keys()]).toEqual(["IHDR", "PLTE", "IDAT", "IEND"]);
  const header = chunks.get("IHDR")!;
  const size = header.readUInt32BE(0);
  expect(header.readUInt32BE(4)).toBe(size);
  expect([...header.subarray(8)]).toEqual([1, 3, 0, 0, 0]);
  const rows = inflateSync(chunks.get("IDAT")!);
  const rowBytes = 1 + Math.ceil(size / 8);
  expect(rows.length).toBe(rowBytes * size);
  const palette = chunks.get("PLTE")!.toString("hex").match(/.{6}/g)!;
  const dark = (x: number, y: number) =>
    ((rows[y * rowBytes + 1 + (x >> 3)]! >> (7 - (x & 7))) & 1) === 1;
  return { size, palette: [...palette], dark };
}

describe("png", () => {
  test.each([
    [{}, 512, 4],
    [{ size: 64, margin: 0, level: "L" }, 64, 0],
    [{ size: 333, margin: 2, level: "H" }, 333, 2],
    [{ size: 2000, margin: 4, level: "Q" }, 2000, 4],
  ] as [QrOptions, number, number][])("%j has the modules of the text", (options, size, margin) => {
    const picture = readPng(qrPng(link, options));
    const modules = expected(link, options.level ?? "M");
    const scale = Math.floor(size / (modules.length + 2 * margin));
    const offset = Math.floor((size - modules.length * scale) / 2);
    expect(picture.size).toBe(size);
    let wrong = 0;
    for (let y = 0; y < size; y++) {
      const row = modules[Math.floor((y - offset) / scale)];
      for (let x = 0; x < size; x++) {
        const dark = row?.[Math.floor((x - offset) / scale)] ?? false;
        if (picture.dark(x, y) !== dark) wrong++;
      }
    }
    expect(wrong).toBe(0);
    expect(offset).toBeGreaterThanOrEqual(margin * scale);
  });

  test("carries the colours and stays small", () => {
    const bytes = qrPng(link, { size: 2000, dark: "#102030", light: "#FFEEDD" });
    expect(readPng(bytes).palette).toEqual(["ffeedd", "102030"]);
    expect(bytes.length).toBeLessThan(10_000);
  });

  test("is refused where a module would be less than a pixel", () => {
    expect(() => qrPng("x".repeat(1_000), { size: 64 })).toThrow("size must be at least");
  });
});

describe("svg", () => {
  test("has the modules of the text", () => {
    const svg = qrSvg(link, { size: 300, margin: 3, level: "Q" });
    const modules = expected(link, "Q");
    const width = modules.length + 6;
    expect(svg).toContain(`width="300" height="300" viewBox="0 0 ${width} ${width}"`);
    const drawn = modules.map((row) => row.map(() => false));
    const path = /<path fill="#000000" d="([^"]+)"/.exec(svg)![1]!;
    for (const [, x, y, length, back] of path.matchAll(/M(\d+) (\d+)h(\d+)v1h-(\d+)z/g)) {
      expect(back).toBe(length!);
      for (let i = 0; i < Number(length); i++) drawn[Number(y) - 3]![Number(x) - 3 + i] = true;
    }
    expect(drawn).toEqual(modules);
  });
});

test.each([
  [{ size: 63 }, "size"],
  [{ size: 4097 }, "size"],
  [{ size: 100.5 }, "size"],
  [{ size: Number.NaN }, "size"],
  [{ margin: -1 }, "margin"],
  [{ margin: 33 }, "margin"],
  [{ dark: "red" }, "dark"],
  [{ dark: '#000000"/><script>' }, "dark"],
  [{ light: "#fff" }, "light"],
  [{ light: "#00000g" }, "light"],
  [{ level: "X" }, "level"],
] as [QrOptions, string][])("%j is refused by the name of its field", (options, field) => {
  for (const draw of [qrSvg, qrPng]) {
    let thrown: unknown;
    try {
      draw(link, options);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(AppError);
    expect(thrown).toMatchObject({ code: "links.invalid", fields: [{ field }] });
  }
});

test("texts without content or too long are refused", () => {
  expect(() => qrSvg("")).toThrow("text must have");
  expect(() => qrSvg("ä".repeat(513))).toThrow("text must have");
  expect(() => qrSvg(link, { size: undefined })).not.toThrow();
});
