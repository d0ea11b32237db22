import type { Clock } from "../clock/clock.ts";
import type { Db } from "../db/db.ts";
import type { Migration } from "../db/migrate.ts";
import { AppError } from "../errors/errors.ts";
import type { Log } from "../log/log.ts";
import { acquireLease, type Lease, releaseLease, renewLease } from "./lease.ts";
import { createSequence } from "./sequence.ts";
import schema from "./schema.sql" with { type: "text" };

export { firstIdAt, idTime } from "./sequence.ts";

/**
 * 64-bit ids that sort by time: 41 bits of milliseconds since 2025, 10 bits of worker, 12 bits of
 * sequence; text everywhere outside the database. The worker number is leased from the database
 * and renewed in the background, so making an id touches nothing but memory.
 */
export type Ids = {
  /** Throws `server.database_unavailable` when the lease has run out. */
  next(): string;
  close(): Promise<void>;
};

export const idsMigration: Migration = { id: "platform/ids/1", sql: schema };

/** Also the longest time that ids are made while the database is away. */
export const leaseTtlMs = 30_000;
const renewEveryMs = 10_000;
const retryEveryMs = 1_000;

export async function openIds({ db, clock, log }: { db: Db; clock: Clock; log: Log }) {
  const stopping = new AbortController();
  let hurry = new AbortController();
  const sequence = createSequence(clock, () => hurry.abort());
  let lease: Lease = await hold(null);

  /** Renews, or takes another number where that one is lost. */
  async function hold(held: Lease | null): Promise<Lease> {
    // Measured before asking, so that our lease ends no later than the database's.
    const wallUntilMs = clock.now() + leaseTtlMs;
    const monotonicUntilMs = clock.monotonic() + leaseTtlMs;
    const wanted = { atMs: Math.max(clock.now(), sequence.lastMs()), ttlMs: leaseTtlMs };
    const renewed = held && (await renewLease(db, held, wanted));
    if (held && !renewed) log.warn("the worker number was taken over", { worker: held.worker });
    const next = renewed ?? (await acquireLease(db, wanted));
    if (!next) {
      throw new AppError("server.busy", "All 1024 worker numbers of ids are leased.", {
        retryAfterSeconds: leaseTtlMs / 1000,
      });
    }
    sequence.grant({ ...next, wallUntilMs, monotonicUntilMs });
    return next;
  }

  async function keep(): Promise<void> {
    let waitMs = renewEveryMs;
    while (!stopping.signal.aborted) {
      hurry = new AbortController();
      await clock.sleep(waitMs, AbortSignal.any([hurry.signal, stopping.signal]));
      if (stopping.signal.aborted) return;
      try {
        lease = await hold(lease);
        waitMs = renewEveryMs;
      } catch (error) {
        log.warn("the lease on a worker number could not be renewed", { error });
        // Whoever is refused meanwhile must not turn the wait into a busy loop.
        await clock.sleep(retryEveryMs, stopping.signal);
        waitMs = 0;
      }
    }
  }

  const keeping = keep();
  return {
    next: sequence.next,
    async close() {
      stopping.abort();
      await keeping;
      sequence.revoke();
      await releaseLease(db, lease, sequence.lastMs()).catch((error: unknown) => {
        log.warn("the worker number was not given back; it expires by itself", { error });
      });
    },
  } satisfies Ids as Ids;
}
