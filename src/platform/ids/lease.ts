import type { Db } from "../db/db.ts";

/**
 * Who holds which worker number. Each grant moves the row's high water up in the same statement
 * that gives the interval below it away, so an interval is given once even to a holder that lost
 * its lease without knowing. Expiry goes by the database's clock, which all processes share.
 */
export type Lease = { worker: number; holder: string; floorMs: number; highWaterMs: number };

type Wanted = {
  /** The interval starts here at the earliest; milliseconds since 1970. */
  atMs: number;
  ttlMs: number;
};

/** Takes the free number that was used least far. Null when all are taken. */
export async function acquireLease(db: Db, { atMs, ttlMs }: Wanted): Promise<Lease | null> {
  const holder = crypto.randomUUID();
  return await db.write(async (tx) => {
    const row = await tx.one<{ worker: number; floor_ms: string; high_water_ms: string }>`
      WITH free AS (
        SELECT worker, high_water_ms FROM platform.workers
        WHERE leased_until <= clock_timestamp()
        ORDER BY high_water_ms, worker LIMIT 1
        FOR UPDATE SKIP LOCKED
      )
      UPDATE platform.workers AS w
      SET holder = ${holder},
        leased_until = clock_timestamp() + ${ttlMs} * interval '1 millisecond',
        high_water_ms = greatest(free.high_water_ms + 1, ${atMs}::int8) + ${ttlMs}::int8
      FROM free WHERE w.worker = free.worker
      RETURNING w.worker, free.high_water_ms + 1 AS floor_ms, w.high_water_ms`;
    return row && { worker: row.worker, holder, ...interval(row) };
  });
}

/** Moves the high water up. Null when another process has taken the number. */
export async function renewLease(db: Db, lease: Lease, wanted: Wanted): Promise<Lease | null> {
  const { atMs, ttlMs } = wanted;
  return await db.write(async (tx) => {
    const row = await tx.one<{ floor_ms: string; high_water_ms: string }>`
      UPDATE platform.workers
      SET leased_until = clock_timestamp() + ${ttlMs} * interval '1 millisecond',
        high_water_ms = greatest(high_water_ms, ${atMs}::int8 + ${ttlMs}::int8)
      WHERE worker = ${lease.worker} AND holder = ${lease.holder}
      RETURNING ${lease.floorMs}::int8 AS floor_ms, high_water_ms`;
    return row && { ...lease, ...interval(row) };
  });
}

/** Gives the number back, with the part of the interval that was not used. */
export async function releaseLease(db: Db, lease: Lease, lastMs: number): Promise<void> {
  await db.write(
    (tx) => tx.run`
      UPDATE platform.workers
      SET holder = NULL, leased_until = clock_timestamp(), high_water_ms = ${lastMs}
      WHERE worker = ${lease.worker} AND holder = ${lease.holder}`,
  );
}

function interval(row: { floor_ms: string; high_water_ms: string }) {
  return { floorMs: Number(row.floor_ms), highWaterMs: Number(row.high_water_ms) };
}
