import type { ChatStorage } from "./storage.ts";

/**
 * One database for all pages of an origin. Each page has a connection and a state of its own;
 * conversations and the device's name are shared, while a message that waits belongs to the page
 * that it was written in, so that two do not send it. A page holds a lock as long as it lives:
 * what belongs to one that is gone is taken over by the next that starts. Should two take it over
 * at once, the server takes it once all the same.
 */
const table = "records";
const waiting = "outbox/";

export function indexedDbStorage(name: string): ChatStorage {
  const page = crypto.randomUUID();
  const opened = openDatabase(name);
  const release = holdLock(`${name}/${page}`);
  const keyOf = (key: string) => (key.startsWith(waiting) ? `${waiting}${page}/${key}` : key);
  return {
    async load() {
      const database = await opened;
      const living = await livingPages(name);
      const transaction = database.transaction(table, "readwrite");
      const store = transaction.objectStore(table);
      const [keys, values] = await Promise.all([
        settled(store.getAllKeys()),
        settled(store.getAll() as IDBRequest<unknown[]>),
      ]);
      const records = new Map<string, unknown>();
      for (const [n, found] of keys.entries()) {
        const key = String(found);
        const own = key.startsWith(waiting) ? takenOver(key, living, page) : key;
        if (own === null) continue;
        records.set(own, values[n]);
        if (own === key) continue;
        store.delete(key);
        store.put(values[n], keyOf(own));
      }
      await finished(transaction);
      return records;
    },
    async store(records) {
      const transaction = (await opened).transaction(table, "readwrite");
      const store = transaction.objectStore(table);
      for (const [key, value] of records) {
        if (value === undefined) store.delete(keyOf(key));
        else store.put(value, keyOf(key));
      }
      await finished(transaction);
    },
    async close() {
      release();
      (await opened).close();
    },
  };
}

/** Of `outbox/<page>/outbox/<message>`, the last two where the page is gone. */
function takenOver(key: string, living: ReadonlySet<string>, own: string): string | null {
  const [, page = "", ...rest] = key.split("/");
  return living.has(page) && page !== own ? null : rest.join("/");
}

/** Held until the returned function is called, or the page is gone. */
function holdLock(name: string): () => void {
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  void globalThis.navigator?.locks?.request(name, () => held).catch(() => {});
  return release;
}

async function livingPages(name: string): Promise<Set<string>> {
  const { held = [] } = (await globalThis.navigator?.locks?.query()) ?? {};
  const names = held.map((lock) => lock.name ?? "").filter((lock) => lock.startsWith(`${name}/`));
  return new Set(names.map((lock) => lock.slice(name.length + 1)));
}

function openDatabase(name: string): Promise<IDBDatabase> {
  const request = indexedDB.open(name, 1);
  request.addEventListener("upgradeneeded", () => request.result.createObjectStore(table));
  return settled(request);
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error));
  });
}

function finished(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.addEventListener("complete", () => resolve());
    transaction.addEventListener("abort", () => reject(transaction.error));
  });
}
