import type { Listing } from "../ports.ts";

/**
 * When many come back at once they ask the same: what changed in one conversation since the same
 * rev. Those who ask while it is being read share the answer. It may be older than the moment they
 * asked by one read, never less than what it says it is: it ends with the rev that it reaches.
 */
export function readTogether(listing: Pick<Listing, "changes">): Listing["changes"] {
  const reading = new Map<string, ReturnType<Listing["changes"]>>();
  return (id, since, limit) => {
    const key = `${id} ${since} ${limit}`;
    const running = reading.get(key);
    if (running) return running;
    const started = listing.changes(id, since, limit).finally(() => reading.delete(key));
    reading.set(key, started);
    return started;
  };
}

/** So many do something at once; the rest wait their turn. */
export class Turnstile {
  private free: number;
  private readonly queue: (() => void)[] = [];

  constructor(atOnce: number) {
    this.free = atOnce;
  }

  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free--;
    else await new Promise<void>((resolve) => this.queue.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.queue.shift();
      if (next) next();
      else this.free++;
    }
  }
}
