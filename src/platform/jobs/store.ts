import type { Db, Reader, Writer } from "../db/db.ts";
import type { Ids } from "../ids/ids.ts";

/** The SQL of platform.jobs. `now` is always the processes' clock, in milliseconds. */
export type Taken = {
  id: string;
  kind: string;
  payload: unknown;
  key: string | null;
  run: number;
  attempt: number;
  lost: number;
};

/** How one run of a job ended. */
export type Outcome = { id: string; run: number } & (
  | { end: "done" | "returned" }
  | { end: "retry"; runAt: number; error: string }
  | { end: "dead"; at: number; error: string }
);

export type NewJob = { kind: string; payload: unknown; key?: string; runAt?: number };

export async function insertJob(tx: Writer, id: string, job: NewJob, now: number): Promise<void> {
  const runAt = new Date(job.runAt ?? now);
  await tx.run`
    INSERT INTO platform.jobs AS j (id, kind, payload, key, run_at)
    VALUES (${id}, ${job.kind}, ${tx.json(job.payload ?? null)}, ${job.key ?? null}, ${runAt})
    ON CONFLICT (kind, key) WHERE key IS NOT NULL AND died_at IS NULL DO UPDATE SET
      again_at = CASE WHEN j.lease_until IS NULL THEN j.again_at
                      ELSE least(j.again_at, excluded.run_at) END,
      run_at = CASE WHEN j.lease_until IS NULL AND j.attempt = 0
                    THEN least(j.run_at, excluded.run_at) ELSE j.run_at END`;
}

/** Many jobs without keys in one statement. */
export async function insertJobs(
  tx: Writer,
  jobs: { kind: string; payload: unknown }[],
  ids: Ids,
  now: number,
): Promise<void> {
  const rows = jobs.map((job) => ({
    id: ids.next(),
    kind: job.kind,
    payload: job.payload ?? null,
  }));
  await tx.run`
    INSERT INTO platform.jobs (id, kind, payload, run_at)
    SELECT id, kind, payload, ${new Date(now)}::timestamptz
    FROM jsonb_to_recordset(${tx.json(rows)}::jsonb) AS r(id int8, kind text, payload jsonb)`;
}

/** Leases due jobs, at most `free` of each kind, the longest due first. */
export async function takeJobs(
  tx: Writer,
  free: Map<string, number>,
  { now, leaseMs }: { now: number; leaseMs: number },
): Promise<Taken[]> {
  const at = new Date(now);
  return await tx.all<Taken>`
    WITH due AS MATERIALIZED (
      SELECT j.id
      FROM unnest(${tx.array([...free.keys()], "text")}::text[],
                  ${tx.array([...free.values()], "int4")}::int[]) AS w(kind, free)
      CROSS JOIN LATERAL (
        SELECT id FROM platform.jobs
        WHERE kind = w.kind AND died_at IS NULL AND run_at <= ${at}
          AND (lease_until IS NULL OR lease_until < clock_timestamp())
        ORDER BY run_at LIMIT w.free
        FOR UPDATE SKIP LOCKED
      ) AS j
    )
    UPDATE platform.jobs AS j SET
      lease_until = clock_timestamp() + ${leaseMs} * interval '1 millisecond',
      run = j.run + 1,
      attempt = j.attempt + (j.lease_until IS NULL)::int,
      lost = j.lost + (j.lease_until IS NOT NULL)::int,
      again_at = CASE WHEN j.again_at > ${at} THEN j.again_at END
    FROM due WHERE j.id = due.id
    RETURNING j.id, j.kind, j.payload, j.key, j.run, j.attempt, j.lost`;
}

export async function recordOutcomes(tx: Writer, outcomes: Outcome[]): Promise<void> {
  const of = (end: Outcome["end"]) => outcomes.filter((o) => o.end === end);
  if (of("done").length > 0) {
    await tx.run`
      DELETE FROM platform.jobs AS j USING ${runs(tx, of("done"))} AS o(id, run)
      WHERE j.id = o.id AND j.run = o.run AND j.again_at IS NULL`;
  }
  for (const outcome of outcomes) {
    if (outcome.end === "retry") {
      await tx.run`
        UPDATE platform.jobs
        SET lease_until = NULL, run_at = ${new Date(outcome.runAt)}, error = ${outcome.error}
        WHERE id = ${outcome.id} AND run = ${outcome.run}`;
    } else if (outcome.end === "dead") {
      await tx.run`
        UPDATE platform.jobs
        SET lease_until = NULL, died_at = ${new Date(outcome.at)}, error = ${outcome.error}
        WHERE id = ${outcome.id} AND run = ${outcome.run} AND again_at IS NULL`;
    }
  }
  if (of("returned").length > 0) {
    await tx.run`
      UPDATE platform.jobs AS j SET lease_until = NULL, attempt = greatest(j.attempt - 1, 0)
      FROM ${runs(tx, of("returned"))} AS o(id, run) WHERE j.id = o.id AND j.run = o.run`;
  }
  const ended = [...of("done"), ...of("dead")];
  if (ended.length === 0) return;
  // A statement of its own, so that it sees what was queued again while the first one waited.
  await tx.run`
    UPDATE platform.jobs AS j
    SET run_at = again_at, again_at = NULL, lease_until = NULL, attempt = 0, lost = 0
    FROM ${runs(tx, ended)} AS o(id, run)
    WHERE j.id = o.id AND j.run = o.run AND j.again_at IS NOT NULL AND j.died_at IS NULL`;
}

/** Returns the ids whose lease still was ours. */
export async function renewLeases(
  db: Db,
  running: { id: string; run: number }[],
  leaseMs: number,
): Promise<Set<string>> {
  const rows = await db.write(
    (tx) => tx.all<{ id: string }>`
      UPDATE platform.jobs AS j
      SET lease_until = clock_timestamp() + ${leaseMs} * interval '1 millisecond'
      FROM ${runs(tx, running)} AS o(id, run) WHERE j.id = o.id AND j.run = o.run
      RETURNING j.id`,
  );
  return new Set(rows.map((row) => row.id));
}

function runs(tx: Reader, of: { id: string; run: number }[]): unknown {
  const ids = tx.array(
    of.map((o) => o.id),
    "int8",
  );
  const numbers = tx.array(
    of.map((o) => o.run),
    "int4",
  );
  return tx.sql`unnest(${ids}::int8[], ${numbers}::int[])`;
}

/** When the next job that is not due yet will be; null: none waits. */
export async function nextDue(
  reader: Reader,
  kinds: string[],
  now: number,
): Promise<number | null> {
  const row = await reader.one<{ at: Date | null }>`
    SELECT min(j.run_at) AS at
    FROM unnest(${reader.array(kinds, "text")}::text[]) AS w(kind)
    CROSS JOIN LATERAL (
      SELECT run_at FROM platform.jobs
      WHERE kind = w.kind AND died_at IS NULL AND run_at > ${new Date(now)}
      ORDER BY run_at LIMIT 1
    ) AS j`;
  return row?.at ? row.at.getTime() : null;
}
