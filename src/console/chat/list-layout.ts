import { offsetsOf, spanOf, type Span } from "./windowed.ts";

/** What of a list is drawn, by what is held in place and what is known of heights. */
export type Hold = { at: "end" } | { at: "row"; key: string; top: number };

/** What is drawn follows from this and from the rows there are. */
export type ListView = {
  hold: Hold;
  /** Of the window. */
  height: number;
  heights: ReadonlyMap<string, number>;
};

export type ListLayout = {
  offsets: Float64Array;
  span: Span;
  /** The room of the rows before and after those that are drawn. */
  before: number;
  after: number;
};

/** Drawn above and below what is seen; it is drawn anew once half of it is used up. */
export const marginPx = 900;
export function layoutOf(keys: readonly string[], view: ListView, guess: number): ListLayout {
  const offsets = offsetsOf(keys, view.heights, guess);
  const total = offsets[keys.length] as number;
  const top = topOf(view, keys, offsets);
  const span = spanOf(offsets, top - marginPx, top + view.height + marginPx);
  const after = total - (offsets[span.end] as number);
  return { offsets, span, before: offsets[span.start] as number, after };
}

/** Where the list is to be scrolled to, by what is known of heights so far. */
function topOf({ hold, height }: ListView, keys: readonly string[], offsets: Float64Array): number {
  const index = hold.at === "row" ? keys.indexOf(hold.key) : -1;
  if (hold.at === "end" || index < 0) return (offsets[keys.length] as number) - height;
  return (offsets[index] as number) - hold.top;
}
