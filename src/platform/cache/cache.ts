import type { Clock } from "../clock/clock.ts";

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

/**
 * A copy of its own. What is cut out of a text shares, and so holds on to, the whole of that text;
 * what a cache keeps for long should not hold on to the request that it came with. Joining and
 * cutting again does not part them, since the engine undoes it; being written out and read does.
 */
export function detached(text: string): string {
  return structuredClone(text);
}

/** What a cached value carries; the cache fills it in. */
export type Held = {
  /** Monotonic milliseconds when the read that made it was sent ... */
  readAt: number;
  /** ... and until when it may be used without asking again. */
  freshUntil: number;
  epoch: number;
};

export type LoadingOptions<V extends Held> = {
  clock: Clock;
  entriesMax: number;
  /** Absences remembered, and for how long. */
  absentMax: number;
  absentTtlMs: number;
  /** Life of a value; each gets up to a tenth more or less, so that they do not end together. */
  ttlMs: number;
  load(key: string): Promise<V | null>;
  /** The key that a value is kept under, where a caller may ask by another spelling of it. */
  keyOf(value: V): string;
};

const spellingsMax = 50_000;
const jitter = 0.1;

/**
 * A cache in front of a slow source. Values are bounded in number and age, what is not there is
 * remembered too, and however many ask for a cold key at once, the source is asked once. A value
 * read before a change was told is handed out but not kept.
 */
export class LoadingCache<V extends Held> {
  readonly counts = { hits: 0, misses: 0, reads: 0 };
  private readonly options: LoadingOptions<V>;
  private readonly values: Recent<V>;
  private readonly absent: Recent<number>;
  private readonly spellings = new Recent<string>(spellingsMax);
  private readonly loading = new Map<string, { began: number; answer: Promise<V | null> }>();
  private epoch = 0;
  private changes = 0;

  constructor(options: LoadingOptions<V>) {
    this.options = options;
    this.values = new Recent(options.entriesMax);
    this.absent = new Recent(options.absentMax);
  }

  get size(): number {
    return this.values.size;
  }

  /** The value under exactly this key, if it is fresh. For the hottest of paths. */
  peek(key: string, now: number): V | undefined {
    const value = this.values.get(key);
    if (value === undefined || value.epoch !== this.epoch || now >= value.freshUntil) return;
    this.counts.hits++;
    return value;
  }

  /** Whatever is in memory under any spelling, however old; null is a fresh absence. */
  held(key: string, now: number): V | null | undefined {
    const direct = this.values.get(key);
    if (direct !== undefined) return direct;
    const other = this.spellings.get(key);
    const value = other === undefined ? undefined : this.values.get(other);
    if (value !== undefined) return value;
    const until = this.absent.get(key);
    return until !== undefined && now < until ? null : undefined;
  }

  isFresh(value: V, now: number): boolean {
    return value.epoch === this.epoch && now < value.freshUntil;
  }

  /** Asks the source, once for all who ask meanwhile. */
  load(key: string): Promise<V | null> {
    const running = this.loading.get(key);
    // One that began before a change may not have seen it.
    if (running?.began === this.changes) return running.answer;
    const mine = { began: this.changes, answer: this.read(key) };
    this.loading.set(key, mine);
    const done = () => {
      if (this.loading.get(key) === mine) this.loading.delete(key);
    };
    mine.answer.then(done, done);
    return mine.answer;
  }

  delete(key: string): void {
    this.changes++;
    this.values.delete(key);
  }

  /** Something is there now that may have been taken for absent. */
  forgetAbsent(): void {
    this.changes++;
    this.absent.clear();
  }

  /** Nothing is fresh any more; values stay for those who would rather have an old one. */
  expireAll(): void {
    this.changes++;
    this.epoch++;
    this.absent.clear();
  }

  private async read(key: string): Promise<V | null> {
    const { options, changes, epoch } = this;
    const { clock, ttlMs, absentTtlMs } = options;
    const readAt = clock.monotonic();
    this.counts.reads++;
    const value = await options.load(key);
    // A cheap spread by the key itself; nobody can gain by knowing it.
    const spread = 1 + jitter * ((Bun.hash.xxHash32(key) / 2 ** 32) * 2 - 1);
    if (value !== null) {
      value.readAt = readAt;
      value.freshUntil = readAt + ttlMs * spread;
      value.epoch = epoch;
    }
    if (changes !== this.changes) return value;
    if (value === null) {
      this.values.delete(key);
      this.absent.set(detached(key), readAt + absentTtlMs * spread);
      return null;
    }
    const own = options.keyOf(value);
    this.values.set(own, value);
    if (own !== key) this.spellings.set(detached(key), own);
    return value;
  }
}
