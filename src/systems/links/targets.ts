import { LoadingCache } from "../../platform/cache/cache.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import { type Db, withDeadline } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import { aliasSkeleton } from "./aliases.ts";
import { compileTarget, type Target } from "./target.ts";
import { TargetReads } from "./target-reads.ts";

/**
 * What this process knows of codes. A known code is answered from memory, also while the
 * database is away; an unknown one costs one read however many ask at once, and none for a
 * while after; codes missed at once share a statement. Edits by this process are forgotten
 * before they are answered, those of others by notification. When notifications cannot be
 * trusted (connection lost, or too quiet), what is in memory is checked again before use, unless
 * the database is away, and then memory is all there is.
 */

/** `null` is a code that leads nowhere. */
export type Known = Target | null;

export type TargetOptions = {
  db: Db;
  clock: Clock;
  entriesMax: number;
  /** Longest a visitor waits for the database before 503. */
  readTimeoutMs?: number;
};

const absentMax = 200_000;
const absentTtlMs = 30_000;
/** Changes are told, so this only bounds for how long one that was not could matter. */
const ttlMs = 3_600_000;
const readTimeoutDefaultMs = 2_000;
/** Longest a visitor waits for it where memory has an answer that is probably right. */
const patienceMs = 250;
/** While it is away, the database is tried again this often and no more. */
const retryAfterMs = 500;
/** How old an answer from memory may be while notifications cannot be trusted. */
const untrustedAgeMsMax = 900;

export class Targets {
  private readonly options: TargetOptions;
  private readonly readTimeoutMs: number;
  private readonly reads: TargetReads;
  private readonly cache: LoadingCache<Target>;
  private trusted = false;
  private stale = 0;
  /** Whether the last read failed, and from when on another may be tried. */
  private away = false;
  private retryAt = 0;

  constructor(options: TargetOptions) {
    this.options = options;
    this.readTimeoutMs = options.readTimeoutMs ?? readTimeoutDefaultMs;
    this.reads = new TargetReads(options.db, this.readTimeoutMs);
    this.cache = new LoadingCache<Target>({
      ...{ clock: options.clock, absentMax, absentTtlMs, ttlMs },
      entriesMax: options.entriesMax,
      load: (key) => this.load(key),
      keyOf: (target) => keyOf(target.domainId, target.code),
    });
  }

  counts() {
    const { cache, stale } = this;
    return { ...cache.counts, queries: this.reads.sent, stale, entries: cache.size };
  }

  /** What is in memory and surely right; undefined says nothing but that it is not. */
  peek(domainId: string, code: string, now: number): Target | undefined {
    return this.trusted ? this.cache.peek(keyOf(domainId, code), now) : undefined;
  }

  /** From memory at once, else a promise of it. Rejects only when neither can answer. */
  find(domainId: string, code: string): Known | Promise<Known> {
    const { cache, trusted } = this;
    const key = keyOf(domainId, code);
    const now = this.options.clock.monotonic();
    const held = cache.held(key, now);
    if (held === undefined || (held === null && !trusted)) {
      cache.counts.misses++;
      return cache.load(key);
    }
    const fresh =
      held === null || (trusted ? cache.isFresh(held, now) : now - held.readAt < untrustedAgeMsMax);
    if (!fresh) return this.revalidate(key, held);
    cache.counts.hits++;
    return held;
  }

  /** After an edit: the next visitor gets what the database says. */
  forget(domainId: string, code: string): void {
    this.away = false;
    this.cache.delete(keyOf(domainId, code));
  }

  /** After a new alias: any spelling of it may have been taken for unknown. */
  forgetUnknown(): void {
    this.away = false;
    this.cache.forgetAbsent();
  }

  /** After a change that touches links which nobody listed. */
  forgetAll(): void {
    this.away = false;
    this.cache.expireAll();
  }

  /**
   * Whether changes of other processes are sure to be heard in time. Being late loses none: they
   * come in their order, before the beat that restores trust. Who may have lost some says so by
   * `forgetAll`.
   */
  trust(sure: boolean): void {
    this.trusted = sure;
  }

  private async load(key: string): Promise<Known> {
    const where = placeOf(key);
    try {
      const skeleton = aliasSkeleton(where.code);
      const row = await this.reads.find({ ...where, skeleton });
      this.away = false;
      return row && compileTarget(row);
    } catch (error) {
      if (error instanceof AppError) this.missed();
      throw error;
    }
  }

  private missed(): void {
    this.away = true;
    this.retryAt = this.options.clock.monotonic() + retryAfterMs;
  }

  /** While the database is away one visitor asks for all, and nobody waits for the answer. */
  private async revalidate(key: string, old: Target): Promise<Known> {
    const { clock } = this.options;
    if (!this.away || clock.monotonic() >= this.retryAt) {
      const waits = !this.away;
      this.retryAt = clock.monotonic() + retryAfterMs;
      // Where changes are heard this one surely changed, and what it was is not good enough.
      const patience = this.trusted ? this.readTimeoutMs : patienceMs;
      const checked = withDeadline(this.cache.load(key), patience).catch(() => {
        this.missed();
        return old;
      });
      const found = waits ? await checked : old;
      if (found !== old) return found;
    }
    this.stale++;
    return old;
  }
}

/** A link's own key. */
function keyOf(domainId: string, code: string): string {
  // A line feed stands in no URL, so no path of one domain can spell a key of another.
  return domainId === "0" ? code : `${domainId}\n${code}`;
}

function placeOf(key: string): { domainId: string; code: string } {
  const feed = key.indexOf("\n");
  return feed < 0
    ? { domainId: "0", code: key }
    : { domainId: key.slice(0, feed), code: key.slice(feed + 1) };
}
