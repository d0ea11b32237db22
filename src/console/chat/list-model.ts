import { marginPx, type Hold, type ListLayout, type ListView } from "./list-layout.ts";
import { covers, rowAt, spanOf } from "./windowed.ts";

/** Beyond so many heights, those of rows that are no more there are forgotten. */
const heightsMax = 10_000;
/** Nearer to the end than this is at the end. */
const endPx = 4;

/**
 * A scrolled list of which only what is near the window exists. What holds it in place is a row and
 * where on the screen it stands, never a distance from the top: rows may be put in above it, taken
 * away, or turn out taller than guessed, and what somebody reads stays where it is. At the end it
 * is the end that is held, so that what is new comes into sight.
 */
export class ListModel {
  private element: HTMLElement | null = null;
  private readonly heights = new Map<string, number>();
  private hold: Hold = { at: "end" };
  private view: ListView = { hold: this.hold, height: 800, heights: this.heights };
  private drawn: { keys: readonly string[]; layout: ListLayout; isLatest: boolean } | null = null;
  private isAway: boolean;
  private readonly listeners = new Set<() => void>();
  private readonly rows = new ResizeObserver(() => this.measure());

  /** `isAway`: what is to be shown first is still on its way. */
  constructor(isAway: boolean) {
    this.isAway = isAway;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly getSnapshot = (): ListView => this.view;

  /** Goes on the element that scrolls. */
  readonly attach = (element: HTMLElement | null): (() => void) | undefined => {
    if (!element) return undefined;
    this.element = element;
    let width = element.clientWidth;
    const frame = new ResizeObserver(() => {
      // Lines break elsewhere: what was measured says nothing any more.
      if (element.clientWidth !== width) this.heights.clear();
      width = element.clientWidth;
      this.draw();
    });
    frame.observe(element);
    return () => {
      frame.disconnect();
      this.element = null;
    };
  };

  /** Goes on each drawn row, which has its key in `data-key`. */
  readonly watch = (row: HTMLElement | null): (() => void) | undefined => {
    if (!row) return undefined;
    this.rows.observe(row);
    return () => this.rows.unobserve(row);
  };

  /**
   * Call it when the rows stand in the page, before they are painted. `isLatest`: nothing follows
   * the last row. Only then is the end held, or else each page that follows would lead to the next.
   */
  settle(keys: readonly string[], layout: ListLayout, isLatest: boolean): void {
    this.drawn = { keys, layout, isLatest };
    if (this.heights.size > heightsMax) this.forget(keys);
    this.measure();
    this.place();
  }

  /** Rows that are no more there may come back, and are measured again then. */
  private forget(keys: readonly string[]): void {
    const known = new Set(keys);
    for (const key of this.heights.keys()) if (!known.has(key)) this.heights.delete(key);
  }

  readonly onScroll = (): void => {
    if (!this.element || !this.drawn) return;
    const { keys, layout } = this.drawn;
    const { clientHeight } = this.element;
    const seenFrom = this.seenFrom();
    const wasEnd = this.hold.at === "end";
    const isEnd = this.isAtEnd();
    const index = rowAt(layout.offsets, seenFrom);
    const key = keys[index];
    const top = (layout.offsets[index] as number) - seenFrom;
    this.hold = isEnd || key === undefined ? { at: "end" } : { at: "row", key, top };
    const half = marginPx / 2;
    const needed = spanOf(layout.offsets, seenFrom - half, seenFrom + clientHeight + half);
    if (!covers(layout.span, needed) || isEnd !== wasEnd) this.draw();
  };

  /** Brings a row to a third of the height. */
  reveal(key: string): void {
    this.isAway = false;
    this.hold = { at: "row", key, top: (this.element?.clientHeight ?? 0) / 3 };
    this.draw();
  }

  toEnd(): void {
    this.isAway = false;
    this.hold = { at: "end" };
    this.draw();
  }

  /** What is shown is about to be replaced by what is looked for, or nothing came of that. */
  away(isAway: boolean): void {
    this.isAway = isAway;
  }

  /** The last row that is seen whole, and how much is out of sight; null where that is no matter. */
  look(): { last: number; above: number; below: number } | null {
    if (!this.element || !this.drawn || this.isAway) return null;
    const { offsets } = this.drawn.layout;
    const { scrollTop, clientHeight, scrollHeight } = this.element;
    const bottom = this.seenFrom() + clientHeight;
    const index = rowAt(offsets, bottom);
    const isWhole = (offsets[index + 1] ?? 0) <= bottom + endPx;
    const last = isWhole ? index : index - 1;
    return { last, above: scrollTop, below: scrollHeight - scrollTop - clientHeight };
  }

  /** Notes the heights of what is drawn, and draws again where one of them is news. */
  private measure(): void {
    let isNews = false;
    for (const row of this.element?.querySelectorAll<HTMLElement>("[data-key]") ?? []) {
      const key = row.dataset["key"] as string;
      const { height } = row.getBoundingClientRect();
      if (Math.abs((this.heights.get(key) ?? -1) - height) < 0.5) continue;
      this.heights.set(key, height);
      isNews = true;
    }
    if (isNews) this.draw();
  }

  /** Puts what is held where it was, now that everything around it has its height. */
  private place(): void {
    const { element, hold } = this;
    if (!element) return;
    if (hold.at === "end") {
      element.scrollTop = element.scrollHeight;
      return;
    }
    const row = element.querySelector(`[data-key="${CSS.escape(hold.key)}"]`);
    if (!row) return;
    const away = row.getBoundingClientRect().top - element.getBoundingClientRect().top - hold.top;
    if (Math.abs(away) > 0.5) element.scrollTop += away;
    // There is not enough below it to bring it to where it was wanted.
    if (!this.isAtEnd()) return;
    this.hold = { at: "end" };
    this.draw();
  }

  /** How far into the rows the window begins: other things may stand above them. */
  private seenFrom(): number {
    const rows = this.element?.querySelector("[data-rows-begin]");
    if (!this.element || !rows) return 0;
    return this.element.getBoundingClientRect().top - rows.getBoundingClientRect().top;
  }

  private isAtEnd(): boolean {
    if (!this.element || !this.drawn?.isLatest) return false;
    const { scrollTop, clientHeight, scrollHeight } = this.element;
    return scrollHeight - scrollTop - clientHeight < endPx;
  }

  private draw(): void {
    const height = this.element?.clientHeight ?? this.view.height;
    this.view = { hold: this.hold, height, heights: this.heights };
    for (const listener of this.listeners) listener();
  }
}
