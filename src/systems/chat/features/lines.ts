/**
 * Lines of a stream, some at a time, so that memory holds no more than those and what is left of
 * the next. Of a line that is too long only its number is kept.
 */
export type Line = { number: number; text: string | null };

const newline = 10;
const linesAtOnce = 500;
const bytesAtOnce = 2 * 1024 * 1024;

export async function* linesOf(
  source: AsyncIterable<Uint8Array>,
  lineBytesMax: number,
): AsyncGenerator<Line[]> {
  let batch: Line[] = [];
  let batchBytes = 0;
  let number = 0;
  let held: Uint8Array[] = [];
  let length = 0;
  const end = () => {
    number++;
    const text = length > lineBytesMax ? null : textOf(held);
    // Empty ones are there to be seen, and only counted.
    if (text === null || text.trim() !== "") batch.push({ number, text });
    batchBytes += length;
    held = [];
    length = 0;
  };
  for await (const chunk of source) {
    for (let from = 0; from < chunk.byteLength;) {
      const at = chunk.indexOf(newline, from);
      const part = chunk.subarray(from, at < 0 ? chunk.byteLength : at);
      length += part.byteLength;
      if (length <= lineBytesMax) held.push(part);
      else held = [];
      if (at < 0) break;
      from = at + 1;
      end();
      if (batch.length < linesAtOnce && batchBytes < bytesAtOnce) continue;
      yield batch;
      batch = [];
      batchBytes = 0;
    }
  }
  if (length > 0) end();
  if (batch.length > 0) yield batch;
}

/** Null for what is no UTF-8. */
function textOf(parts: Uint8Array[]): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(parts));
  } catch {
    return null;
  }
}
