import type { Db, Reader, Writer } from "../db/db.ts";
import { uniqueViolation } from "../db/sqlstate.ts";
import { AppError } from "../errors/errors.ts";
import type { DeadJob } from "./jobs.ts";

/** Jobs that failed for good: kept to be looked at and run again. */
export async function deadJobs(
  reader: Reader,
  {
    kind,
    limit,
    cursor,
  }: { kind?: string | undefined; limit: number; cursor?: string | undefined },
): Promise<DeadJob[]> {
  return await reader.all<DeadJob>`
    SELECT id, kind, payload, attempt AS attempts, coalesce(error, '') AS error, died_at
    FROM platform.jobs
    WHERE died_at IS NOT NULL AND (${kind ?? null}::text IS NULL OR kind = ${kind ?? null})
      AND (${cursor ?? null}::int8 IS NULL OR (died_at, id) < (
        SELECT died_at, id FROM platform.jobs WHERE id = ${cursor ?? null}::int8))
    ORDER BY died_at DESC, id DESC LIMIT ${limit}`;
}

export async function replayJob(tx: Writer, id: string, now: number): Promise<boolean> {
  try {
    const changed = await tx.run`
      UPDATE platform.jobs
      SET died_at = NULL, run_at = ${new Date(now)}, attempt = 0, lost = 0, again_at = NULL
      WHERE id = ${id} AND died_at IS NOT NULL`;
    return changed > 0;
  } catch (error) {
    if (uniqueViolation(error) !== "jobs_key") throw error;
    throw new AppError("request.conflict", "A newer job with the same key is already queued.", {
      cause: error,
    });
  }
}

export async function sweepDead(db: Db, before: number): Promise<number> {
  return await db.write(
    (tx) => tx.run`DELETE FROM platform.jobs WHERE died_at < ${new Date(before)}`,
  );
}
