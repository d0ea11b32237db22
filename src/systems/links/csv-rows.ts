/**
 * Reads CSV as other programs wrote it, row by row in bounded memory. csv-parse reads the cells;
 * this file finds out encoding and delimiter, and goes on after a row that cannot be read. After
 * a stray quote a CSV parser takes the rest of the file for one cell, so the reading starts anew
 * at the line below the one where the broken row began.
 */
import { Readable } from "node:stream";
import { parse } from "csv-parse";
import { AppError } from "../../platform/errors/errors.ts";

/** Counted as a spreadsheet does: the heading is row 1. */
export type CsvRow = { row: number; cells: string[] } | { row: number; problem: string };

export const rowBytesMax = 64 * 1024;
/** Each broken row costs reading up to `rowBytesMax` twice. */
export const brokenRowsMax = 100;
const sliceBytes = 64 * 1024;

export async function* readRows(bytes: Uint8Array): AsyncGenerator<CsvRow> {
  const text = toUtf8(bytes);
  const delimiter = delimiterOf(text);
  let row = 0;
  let broken = 0;
  for (let start = 0; start < text.length;) {
    let end = start;
    for await (const { record, info } of recordsOf(text.subarray(start), delimiter)) {
      row++;
      end = start + info.bytes;
      yield { row, cells: record };
    }
    if (end >= text.length) return;
    row++;
    if (++broken > brokenRowsMax) {
      yield { row, problem: `more than ${brokenRowsMax} broken rows; the rest was not read` };
      return;
    }
    yield { row, problem: "its quotes do not match, or it is too long" };
    start = nextLine(text, end);
  }
}

type CsvRecord = { record: string[]; info: { bytes: number } };

/** Ends before the first record that cannot be read. */
async function* recordsOf(text: Uint8Array, delimiter: string): AsyncGenerator<CsvRecord> {
  let broken = false;
  const parser = parse({
    delimiter,
    info: true,
    relax_column_count: true,
    skip_records_with_error: true,
    max_record_size: rowBytesMax,
    on_record: (cells: string[]) => (broken ? null : cells),
    on_skip: () => {
      broken = true;
      return undefined;
    },
  });
  function* slices() {
    for (let at = 0; at < text.length && !broken; at += sliceBytes) {
      yield text.subarray(at, at + sliceBytes);
    }
  }
  yield* Readable.from(slices(), { objectMode: false }).pipe(parser) as AsyncIterable<CsvRecord>;
}

function nextLine(text: Uint8Array, from: number): number {
  const newline = text.indexOf(0x0a, from);
  return newline < 0 ? text.length : newline + 1;
}

/** UTF-8 with or without its mark, or the UTF-16 that spreadsheets call "Unicode text". */
function toUtf8(bytes: Uint8Array): Buffer {
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : "utf-8";
  try {
    return Buffer.from(new TextDecoder(encoding, { fatal: true }).decode(bytes));
  } catch (cause) {
    const message = "not text in UTF-8; save the file again as CSV UTF-8";
    throw new AppError("links.import_invalid", `file: ${message}`, {
      cause,
      fields: [{ field: "file", message }],
    });
  }
}

/** Whichever separates most in the heading, outside quotes. */
export function delimiterOf(text: Uint8Array): "," | ";" | "\t" {
  const counts = { ",": 0, ";": 0, "\t": 0 };
  let quoted = false;
  for (const byte of text.subarray(0, rowBytesMax)) {
    const character = String.fromCharCode(byte);
    if (character === '"') quoted = !quoted;
    else if (!quoted && (character === "\n" || character === "\r")) break;
    else if (!quoted && character in counts) counts[character as keyof typeof counts]++;
  }
  if (counts["\t"] > counts[","] && counts["\t"] > counts[";"]) return "\t";
  return counts[";"] > counts[","] ? ";" : ",";
}
