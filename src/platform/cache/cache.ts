/**
 * A bounded cache for hot paths, at half the cost of a list-keeping LRU: two maps. What is used
 * moves into the young one; when that is full it becomes the old one, and what nobody used since
 * is gone with the one before. Between half and all of `entriesMax` most recent entries are held.
 */
export class Recent<V> {
  private readonly youngMax: number;
  private young = new Map<string, V>();
  private old = new Map<string, V>();

  constructor(entriesMax: number) {
    this.youngMax = Math.ceil(entriesMax / 2);
  }

  /** Entries held, counting one twice that has just moved. */
  get size(): number {
    return this.young.size + this.old.size;
  }

  get(key: string): V | undefined {
    const value = this.young.get(key);
    if (value !== undefined) return value;
    const before = this.old.get(key);
    if (before !== undefined) this.set(key, before);
    return before;
  }

  set(key: string, value: V): void {
    if (this.young.size >= this.youngMax) {
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(key, value);
  }

  delete(key: string): void {
    this.young.delete(key);
    this.old.delete(key);
  }

  clear(): void {
    this.young = new Map();
    this.old = new Map();
  }
}
