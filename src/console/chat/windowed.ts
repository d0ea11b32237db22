/**
 * Which rows of a long list are drawn. Heights are known of rows that were drawn before and guessed
 * for the rest, so positions are right near what is shown and nobody sees the others. Positions are
 * summed anew for each change: the list here is a window of a thousand rows or two, and a sum of
 * that many takes microseconds, where a tree of partial sums would be the heart of a larger file.
 */
export type Span = { start: number; end: number };

/** Where each row begins, and at the end where the last one ends. */
export function offsetsOf(
  keys: readonly string[],
  heights: ReadonlyMap<string, number>,
  guess: number,
): Float64Array {
  const offsets = new Float64Array(keys.length + 1);
  let at = 0;
  for (const [index, key] of keys.entries()) {
    offsets[index] = at;
    at += heights.get(key) ?? guess;
  }
  offsets[keys.length] = at;
  return offsets;
}

/** The row that this position falls into; the first or last one for positions outside. */
export function rowAt(offsets: Float64Array, y: number): number {
  let low = 0;
  let high = offsets.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((offsets[middle] as number) <= y) low = middle;
    else high = middle - 1;
  }
  return Math.max(0, low);
}

/** The rows from one position to another, `end` not included. */
export function spanOf(offsets: Float64Array, top: number, bottom: number): Span {
  if (offsets.length < 2) return { start: 0, end: 0 };
  return { start: rowAt(offsets, top), end: rowAt(offsets, bottom) + 1 };
}

/** Whether all of `inner` is drawn already. */
export function covers(outer: Span, inner: Span): boolean {
  return outer.start <= inner.start && outer.end >= inner.end;
}
