/**
 * QR codes of short links as SVG and PNG. uqr makes the modules; this file only draws them.
 *
 * The SVG is one path of horizontal runs, a few KB. The PNG has one bit a pixel and two
 * palette colours, so that a 2,000-pixel picture stays below 10 KB: rows repeat and deflate
 * sees it. Rejected: an image library, for two colours and four chunks.
 */
import { crc32, deflateSync } from "node:zlib";
import { encode } from "uqr";
import { AppError } from "../../platform/errors/errors.ts";

export type QrLevel = "L" | "M" | "Q" | "H";
export type QrOptions = {
  /** Width and height in pixels. A PNG rounds down to whole modules and fills with margin. */
  size?: number;
  /** Quiet zone in modules; scanners want four. */
  margin?: number;
  /** Colours as #rrggbb. */
  dark?: string;
  light?: string;
  /** How much of the code may be hidden: L 7%, M 15%, Q 25%, H 30%. */
  level?: QrLevel;
};

export const qrSizeMin = 64;
export const qrSizeMax = 4_096;
export const qrMarginMax = 32;
const textBytesMax = 1_024;
const defaults: Required<QrOptions> = {
  size: 512,
  margin: 4,
  dark: "#000000",
  light: "#ffffff",
  level: "M",
};

export function qrSvg(text: string, options: QrOptions = {}): string {
  const { modules, size, margin, dark, light } = draw(text, options);
  const width = modules.length + 2 * margin;
  let path = "";
  for (const [y, row] of modules.entries()) {
    for (const [x, length] of runs(row)) {
      path += `M${x + margin} ${y + margin}h${length}v1h-${length}z`;
    }
  }
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}" ` +
    `viewBox="0 0 ${width} ${width}" shape-rendering="crispEdges">` +
    `<path fill="${light}" d="M0 0h${width}v${width}h-${width}z"/>` +
    `<path fill="${dark}" d="${path}"/></svg>`
  );
}

export function qrPng(text: string, options: QrOptions = {}): Uint8Array {
  const { modules, size, margin, dark, light } = draw(text, options);
  const scale = Math.floor(size / (modules.length + 2 * margin));
  if (scale < 1) {
    throw invalid(
      "size",
      `must be at least ${modules.length + 2 * margin} for this text and margin`,
    );
  }
  const offset = Math.floor((size - modules.length * scale) / 2);
  // Every row starts with its filter, 0 for none; palette colour 1 is dark.
  const rowBytes = 1 + Math.ceil(size / 8);
  const pixels = new Uint8Array(rowBytes * size);
  for (const [y, row] of modules.entries()) {
    const line = new Uint8Array(rowBytes);
    for (const [x, length] of runs(row)) {
      const end = offset + (x + length) * scale;
      for (let at = offset + x * scale; at < end; at++) line[1 + (at >> 3)]! |= 0x80 >> (at & 7);
    }
    for (let i = 0; i < scale; i++) pixels.set(line, (offset + y * scale + i) * rowBytes);
  }
  return png(size, [light, dark], pixels);
}

function draw(text: string, options: QrOptions) {
  const drawn = { ...defaults, ...withoutUndefined(options) };
  const { size, margin, dark, light, level } = drawn;
  if (!Number.isInteger(size) || size < qrSizeMin || size > qrSizeMax) {
    throw invalid("size", `must be a whole number of pixels, ${qrSizeMin} to ${qrSizeMax}`);
  }
  if (!Number.isInteger(margin) || margin < 0 || margin > qrMarginMax) {
    throw invalid("margin", `must be a whole number of modules, 0 to ${qrMarginMax}`);
  }
  for (const [field, colour] of Object.entries({ dark, light })) {
    if (!/^#[0-9a-f]{6}$/i.test(colour)) throw invalid(field, "must be a colour such as #1a2b3c");
  }
  if (!["L", "M", "Q", "H"].includes(level)) throw invalid("level", "must be L, M, Q or H");
  if (text === "" || Buffer.byteLength(text) > textBytesMax) {
    throw invalid("text", `must have 1 to ${textBytesMax} bytes`);
  }
  return { ...drawn, modules: encode(text, { ecc: level, border: 0 }).data };
}

function withoutUndefined(options: QrOptions): QrOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function invalid(field: string, message: string): AppError {
  return new AppError("links.invalid", `${field} ${message}`, { fields: [{ field, message }] });
}

/** Start and length of each stretch of dark modules. */
function runs(row: boolean[]): [start: number, length: number][] {
  const found: [number, number][] = [];
  let start = -1;
  for (let x = 0; x <= row.length; x++) {
    if (row[x] === true && start < 0) start = x;
    if (row[x] !== true && start >= 0) {
      found.push([start, x - start]);
      start = -1;
    }
  }
  return found;
}

const pngSignature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** A square picture of 1-bit palette pixels; `rows` are unfiltered scan lines. */
function png(size: number, palette: string[], rows: Uint8Array): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  // One bit a sample, colour type 3 (palette), and the only compression, filter, interlace.
  header.set([1, 3, 0, 0, 0], 8);
  const colours = Buffer.from(palette.map((colour) => colour.slice(1)).join(""), "hex");
  return Buffer.concat([
    Buffer.from(pngSignature),
    chunk("IHDR", header),
    chunk("PLTE", colours),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Uint8Array): Buffer {
  const framed = Buffer.alloc(data.length + 12);
  framed.writeUInt32BE(data.length, 0);
  framed.write(type, 4, "latin1");
  framed.set(data, 8);
  framed.writeUInt32BE(crc32(framed.subarray(4, 8 + data.length)), 8 + data.length);
  return framed;
}
