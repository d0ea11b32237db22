/**
 * The most frequent of many keys in bounded memory: Space-Saving. When all places are taken, a new
 * key takes that of the least counted one and goes on from its count. So a count may be too high,
 * by no more than the total over the number of places, and is never too low; and any key that
 * makes up more than that share is among them.
 *
 * Finding the least counted one is a walk over all places, so it is not done for every key: the
 * walk lowers what is kept by the least count at once and drops all that reach it, which frees
 * places for many. Rejected: a heap or linked buckets, which make every addition dearer for the
 * sake of an attack with ever new keys.
 * Source: Metwally, Agrawal, El Abbadi, "Efficient computation of frequent and top-k elements in
 * data streams", 2005.
 */
export class Frequent {
  private readonly places: number;
  private readonly counts = new Map<string, number>();
  /** What a key that is not held may have been counted already. */
  private floor = 0;

  constructor(places: number) {
    this.places = places;
  }

  add(key: string, count = 1): void {
    const before = this.counts.get(key);
    if (before !== undefined) {
      this.counts.set(key, before + count);
      return;
    }
    if (this.counts.size >= this.places) this.makeRoom();
    this.counts.set(key, this.floor + count);
  }

  /** Most frequent first. */
  top(count: number): { key: string; count: number }[] {
    const all = [...this.counts].map(([key, n]) => ({ key, count: n }));
    return all.toSorted((a, b) => b.count - a.count).slice(0, count);
  }

  private makeRoom(): void {
    let least = Infinity;
    for (const count of this.counts.values()) if (count < least) least = count;
    this.floor = least;
    for (const [key, count] of this.counts) if (count === least) this.counts.delete(key);
  }
}
