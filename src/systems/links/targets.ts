import { Recent } from "../../platform/cache/cache.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import { type Db, withDeadline } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import { aliasSkeleton } from "./aliases.ts";
import { findTarget, type TargetRow } from "./store.ts";
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

const unknownEntriesMax = 200_000;
const unknownTtlMs = 30_000;
const readTimeoutDefaultMs = 2_000;
/** Longest a visitor waits for it where memory has an answer that is probably right. */
const patienceMs = 250;
/** While it is away, the database is tried again this often and no more. */
const retryAfterMs = 500;
/** How old an answer from memory may be while notifications cannot be trusted. */
const untrustedAgeMsMax = 900;
const spellingsMax = 50_000;

export type Targets = ReturnType<typeof createTargets>;

export function createTargets(options: TargetOptions) {
  const { db, clock, readTimeoutMs = readTimeoutDefaultMs } = options;
  const known = new Recent<Target>(options.entriesMax);
  const unknown = new Recent<number>(unknownEntriesMax);
  /** Other spellings of aliases, as visitors typed them, to the key of the alias. */
  const spellings = new Recent<string>(spellingsMax);
  const loading = new Map<string, { began: number; answer: Promise<Known> }>();
  const counts = { hits: 0, misses: 0, reads: 0, stale: 0 };
  let epoch = 0;
  let trusted = false;
  /** Whether the last read failed, and from when on another may be tried. */
  let away = false;
  let retryAt = 0;
  /** Bumped by every change heard, so that a read that began before it is not kept. */
  let changes = 0;

  function load(key: string, domainId: string, code: string): Promise<Known> {
    const running = loading.get(key);
    // One that began before a change may not have seen it.
    if (running?.began === changes) return running.answer;
    const mine = { began: changes, answer: read(key, domainId, code) };
    loading.set(key, mine);
    const done = () => {
      if (loading.get(key) === mine) loading.delete(key);
    };
    mine.answer.then(done, done);
    return mine.answer;
  }

  async function read(key: string, domainId: string, code: string): Promise<Known> {
    const before = changes;
    const beganIn = epoch;
    counts.reads++;
    let row: TargetRow | null;
    try {
      const query = findTarget(db, { domainId, code, skeleton: aliasSkeleton(code) });
      row = await withDeadline(query, readTimeoutMs);
    } catch (error) {
      if (error instanceof AppError) missed();
      throw error;
    }
    away = false;
    const target = row && compileTarget(row, { epoch: beganIn, readAt: clock.monotonic() });
    // Somebody changed something while we read; the answer is right for now but not to keep.
    if (before !== changes) return target;
    if (!target) {
      known.delete(key);
      unknown.set(key, clock.now() + unknownTtlMs);
      return null;
    }
    const ownKey = keyOf(domainId, target.code);
    known.set(ownKey, target);
    if (ownKey !== key) spellings.set(key, ownKey);
    return target;
  }

  /** Also says that the database is there. */
  function changed(): void {
    changes++;
    away = false;
  }

  function missed(): void {
    away = true;
    retryAt = clock.monotonic() + retryAfterMs;
  }

  /** While the database is away one visitor asks for all, and nobody waits for the answer. */
  async function revalidate(key: string, stale: Target): Promise<Known> {
    if (!away || clock.monotonic() >= retryAt) {
      const waits = !away;
      retryAt = clock.monotonic() + retryAfterMs;
      // Where changes are heard this one surely changed, and what it was is not good enough.
      const patience = trusted ? readTimeoutMs : patienceMs;
      const asked = withDeadline(load(key, stale.domainId, keyCode(key)), patience);
      const checked = asked.catch(() => {
        missed();
        return stale;
      });
      const found = waits ? await checked : stale;
      if (found !== stale) return found;
    }
    counts.stale++;
    return stale;
  }

  return {
    counts,
    get size(): number {
      return known.size;
    },
    /** What is in memory and surely right; undefined says nothing but that it is not. */
    peek(domainId: string, code: string): Target | undefined {
      const target = known.get(keyOf(domainId, code));
      if (target === undefined || !trusted || target.epoch !== epoch) return undefined;
      counts.hits++;
      return target;
    },
    /** From memory at once, else a promise of it. Rejects only when neither can answer. */
    find(domainId: string, code: string): Known | Promise<Known> {
      const key = keyOf(domainId, code);
      let target = known.get(key);
      if (target === undefined) {
        const ownKey = spellings.get(key);
        if (ownKey !== undefined) target = known.get(ownKey);
      }
      if (target !== undefined) {
        const fresh = trusted
          ? target.epoch === epoch
          : clock.monotonic() - target.readAt < untrustedAgeMsMax;
        if (!fresh) return revalidate(key, target);
        counts.hits++;
        return target;
      }
      const until = unknown.get(key);
      if (until !== undefined && trusted && clock.now() < until) {
        counts.hits++;
        return null;
      }
      counts.misses++;
      return load(key, domainId, code);
    },
    /** After an edit: the next visitor gets what the database says. */
    forget(domainId: string, code: string): void {
      changed();
      known.delete(keyOf(domainId, code));
    },
    /** After a new alias: any spelling of it may have been taken for unknown. */
    forgetUnknown(): void {
      changed();
      unknown.clear();
    },
    /** After a change that touches links which nobody listed. */
    forgetAll(): void {
      changed();
      epoch++;
      unknown.clear();
    },
    /** Whether changes of other processes are sure to be heard. */
    trust(sure: boolean): void {
      if (sure && !trusted) {
        epoch++;
        unknown.clear();
      }
      trusted = sure;
    },
  };
}

/** A link's own key, and the form in which changes are announced. */
function keyOf(domainId: string, code: string): string {
  // A line feed stands in no URL, so no path of one domain can spell a key of another.
  return domainId === "0" ? code : `${domainId}\n${code}`;
}

function keyCode(key: string): string {
  return key.slice(key.indexOf("\n") + 1);
}
