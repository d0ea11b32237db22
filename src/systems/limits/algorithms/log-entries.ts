/**
 * Entries of all logs, each a queue in order of time. They lie in pages of typed arrays, linked in
 * both directions: a million small arrays would cost the collector more than the questions cost
 * us, and one growing array would stop the process while it is copied. 24 bytes an entry.
 *
 * Entry 0 is none. Freed entries are chained by their `next`.
 */
const pageBits = 12;
const pageEntries = 1 << pageBits;
const pageMask = pageEntries - 1;

/** Words of an entry in `links`. */
const cost = 0;
const next = 1;
const prev = 2;
const words = 4;

type Page = { times: Float64Array; links: Int32Array };

export class LogEntries {
  readonly entriesMax: number;
  private readonly pages: Page[] = [];
  private freed = 0;
  private made = 1;
  private inUse = 0;

  constructor(entriesMax: number) {
    this.entriesMax = entriesMax;
  }

  get size(): number {
    return this.inUse;
  }

  get full(): boolean {
    return this.inUse >= this.entriesMax;
  }

  get bytes(): number {
    return this.pages.length * pageEntries * (8 + words * 4);
  }

  /** A new entry after `last`, which may be none. */
  append(last: number, at: number, units: number): number {
    const entry = this.freed === 0 ? this.made++ : this.freed;
    if (entry >> pageBits >= this.pages.length) this.addPage();
    if (entry === this.freed) this.freed = this.next(entry);
    this.page(entry).times[entry & pageMask] = at;
    this.set(entry, cost, units);
    this.set(entry, next, 0);
    this.set(entry, prev, last);
    if (last !== 0) this.set(last, next, entry);
    this.inUse++;
    return entry;
  }

  at(entry: number): number {
    return this.page(entry).times[entry & pageMask]!;
  }

  cost(entry: number): number {
    return this.get(entry, cost);
  }

  setCost(entry: number, units: number): void {
    this.set(entry, cost, units);
  }

  next(entry: number): number {
    return this.get(entry, next);
  }

  prev(entry: number): number {
    return this.get(entry, prev);
  }

  /** Frees the first entry of a queue and says which comes after it. */
  dropFirst(entry: number): number {
    const after = this.next(entry);
    if (after !== 0) this.set(after, prev, 0);
    this.free(entry);
    return after;
  }

  /** Frees the last entry of a queue and says which came before it. */
  dropLast(entry: number): number {
    const before = this.prev(entry);
    if (before !== 0) this.set(before, next, 0);
    this.free(entry);
    return before;
  }

  private free(entry: number): void {
    this.set(entry, next, this.freed);
    this.freed = entry;
    this.inUse--;
  }

  private addPage(): void {
    const times = new Float64Array(pageEntries);
    this.pages.push({ times, links: new Int32Array(pageEntries * words) });
  }

  private page(entry: number): Page {
    return this.pages[entry >> pageBits]!;
  }

  private get(entry: number, word: number): number {
    return this.page(entry).links[(entry & pageMask) * words + word]!;
  }

  private set(entry: number, word: number, value: number): void {
    this.page(entry).links[(entry & pageMask) * words + word] = value;
  }
}
