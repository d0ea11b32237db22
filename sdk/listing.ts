/** A list that may be long: read it item by item, page by page, or one page of your choice. */
export type Page<T> = { items: T[]; next_cursor: string | null };

export type PageOptions = { cursor?: string | null; signal?: AbortSignal };

export class Listing<T> implements AsyncIterable<T> {
  private readonly read: (options: PageOptions) => Promise<Page<T>>;

  constructor(read: (options: PageOptions) => Promise<Page<T>>) {
    this.read = read;
  }

  /** The page at a cursor; the first one without. */
  page(options: PageOptions = {}): Promise<Page<T>> {
    return this.read(options);
  }

  /** Fetches the next page only when it is asked for. */
  async *pages(options: PageOptions = {}): AsyncGenerator<Page<T>, void> {
    let cursor = options.cursor ?? null;
    do {
      const page = await this.read({ ...options, cursor });
      yield page;
      cursor = page.next_cursor;
    } while (cursor !== null);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    for await (const page of this.pages()) yield* page.items;
  }

  /** Up to `max` items in one array. */
  async take(max: number): Promise<T[]> {
    const items: T[] = [];
    if (max <= 0) return items;
    for await (const item of this) {
      items.push(item);
      if (items.length >= max) break;
    }
    return items;
  }
}
