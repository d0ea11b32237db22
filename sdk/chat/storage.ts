/**
 * What outlives the page. Records are plain data under a key; each stands for itself, so that
 * several pages of one browser may write the same storage: the last one counts.
 */
export interface ChatStorage {
  /** Everything that is there for this page to go on with. */
  load(): Promise<Map<string, unknown>>;
  /** All of it or nothing: what is `undefined` is removed. */
  store(records: ReadonlyMap<string, unknown>): Promise<void>;
  close(): Promise<void>;
}

/** Keeps nothing beyond the process. */
export function memoryStorage(): ChatStorage {
  const kept = new Map<string, unknown>();
  return {
    load: async () => new Map([...kept].map(([key, value]) => [key, structuredClone(value)])),
    async store(records) {
      for (const [key, value] of records) {
        if (value === undefined) kept.delete(key);
        else kept.set(key, structuredClone(value));
      }
    },
    close: async () => {},
  };
}
