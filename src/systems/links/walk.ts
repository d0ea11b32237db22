import type { Clock } from "../../platform/clock/clock.ts";
import type { Db, Writer } from "../../platform/db/db.ts";

/**
 * Goes over all links in the order of their ids, a step at a time, and remembers the place after
 * each, so that a walk which its process did not survive goes on where it was. A step may come
 * twice. What an abandoned walk left behind is too old to go on from.
 */
const walkAgeMsMax = 20 * 3_600_000;

export type WalkOptions = {
  db: Db;
  clock: Clock;
  name: string;
  signal: AbortSignal;
  /** Handles the links after an id and returns the last one's, or null at the end. */
  step(after: string): Promise<string | null>;
};

export async function walk({ db, clock, name, signal, step }: WalkOptions): Promise<void> {
  const since = new Date(clock.now() - walkAgeMsMax);
  const left = await db.one<{ after_id: string }>`
    SELECT after_id FROM links.walks WHERE name = ${name} AND started_at > ${since}`;
  const startedAt = new Date(clock.now());
  let after: string | null = left?.after_id ?? "0";
  while (after !== null && !signal.aborted) {
    after = await step(after);
    const place: string | null = after;
    await db.write((tx) => (place === null ? forgetWalk(tx, name) : keep(tx, place)));
  }

  async function keep(tx: Writer, place: string): Promise<void> {
    await tx.run`
      INSERT INTO links.walks AS w (name, after_id, started_at)
      VALUES (${name}, ${place}, ${startedAt})
      ON CONFLICT (name) DO UPDATE SET after_id = excluded.after_id,
        started_at = CASE WHEN w.started_at > ${since} THEN w.started_at
                          ELSE excluded.started_at END`;
  }
}

/** The next walk of this name starts from the first link. */
export async function forgetWalk(tx: Writer, name: string): Promise<void> {
  await tx.run`DELETE FROM links.walks WHERE name = ${name}`;
}
