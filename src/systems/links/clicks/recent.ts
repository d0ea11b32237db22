/**
 * A bounded cache for the redirect's own time, at half the cost of a list-keeping LRU: two maps.
 * What is used moves into the young one; when that is full it becomes the old one, and what
 * nobody used since is gone with the one before.
 */
export class Recent<V extends object> {
  private readonly youngMax: number;
  private young = new Map<string, V>();
  private old = new Map<string, V>();

  constructor(entriesMax: number) {
    this.youngMax = Math.ceil(entriesMax / 2);
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
}
