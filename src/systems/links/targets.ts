import { LoadingCache } from "../../platform/cache/cache.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import { type Db, withDeadline } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import { aliasSkeleton } from "./aliases.ts";
import { findTarget } from "./store.ts";
import { compileTarget, type Target } from "./target.ts";

/**
 * What this process knows of codes. A known code is answered from memory, also while the
 * database is away; an unknown one costs one read however many ask at once, and none for a
 * while after. Edits by this process are forgotten before they are answered, those of others
 * by notification. When notifications cannot be trusted (connection lost, or too quiet), what
 * is in memory is checked again before use, unless the database is away, and then memory is
 * all there is.
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

export type Targets = ReturnType<typeof createTargets>;

export function createTargets(options: TargetOptions) {
  const { db, clock, readTimeoutMs = readTimeoutDefaultMs } = options;
  const cache = new LoadingCache<Target>({
    ...{ clock, absentMax, absentTtlMs, ttlMs, load },
    entriesMax: options.entriesMax,
    keyOf: (target) => keyOf(target.domainId, target.code),
  });
  let trusted = false;
  let stale = 0;
  /** Whether the last read failed, and from when on another may be tried. */
  let away = false;
  let retryAt = 0;

  async function load(key: string): Promise<Known> {
    const where = placeOf(key);
    try {
      const query = findTarget(db, { ...where, skeleton: aliasSkeleton(where.code) });
      const row = await withDeadline(query, readTimeoutMs);
      away = false;
      return row && compileTarget(row);
    } catch (error) {
      if (error instanceof AppError) missed();
      throw error;
    }
  }

  function missed(): void {
    away = true;
    retryAt = clock.monotonic() + retryAfterMs;
  }

  /** While the database is away one visitor asks for all, and nobody waits for the answer. */
  async function revalidate(key: string, old: Target): Promise<Known> {
    if (!away || clock.monotonic() >= retryAt) {
      const waits = !away;
      retryAt = clock.monotonic() + retryAfterMs;
      // Where changes are heard this one surely changed, and what it was is not good enough.
      const patience = trusted ? readTimeoutMs : patienceMs;
      const checked = withDeadline(cache.load(key), patience).catch(() => {
        missed();
        return old;
      });
      const found = waits ? await checked : old;
      if (found !== old) return found;
    }
    stale++;
    return old;
  }

  return {
    counts: () => ({ ...cache.counts, stale, entries: cache.size }),
    /** What is in memory and surely right; undefined says nothing but that it is not. */
    peek(domainId: string, code: string, now: number): Target | undefined {
      return trusted ? cache.peek(keyOf(domainId, code), now) : undefined;
    },
    /** From memory at once, else a promise of it. Rejects only when neither can answer. */
    find(domainId: string, code: string): Known | Promise<Known> {
      const key = keyOf(domainId, code);
      const now = clock.monotonic();
      const held = cache.held(key, now);
      if (held === undefined || (held === null && !trusted)) {
        cache.counts.misses++;
        return cache.load(key);
      }
      const fresh =
        held === null ||
        (trusted ? cache.isFresh(held, now) : now - held.readAt < untrustedAgeMsMax);
      if (!fresh) return revalidate(key, held);
      cache.counts.hits++;
      return held;
    },
    /** After an edit: the next visitor gets what the database says. */
    forget(domainId: string, code: string): void {
      away = false;
      cache.delete(keyOf(domainId, code));
    },
    /** After a new alias: any spelling of it may have been taken for unknown. */
    forgetUnknown(): void {
      away = false;
      cache.forgetAbsent();
    },
    /** After a change that touches links which nobody listed. */
    forgetAll(): void {
      away = false;
      cache.expireAll();
    },
    /** Whether changes of other processes are sure to be heard. */
    trust(sure: boolean): void {
      if (sure && !trusted) cache.expireAll();
      trusted = sure;
    },
  };
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
