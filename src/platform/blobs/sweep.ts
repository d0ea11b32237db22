import { filesMustStay } from "../db/backup-files.ts";
import type { JobHandler, Schedule } from "../jobs/jobs.ts";
import { keepThumbnail } from "./thumbnail-of.ts";
import { blobKey, thumbnailKey, type UploadDeps } from "./upload.ts";

/**
 * Takes away what was released or never attached, bytes first, and makes the small pictures that
 * a process which ended, or was too busy, has left to make.
 */
const batch = 100;
const hourMs = 3_600_000;
/** A picture that is due for so long is nobody's any more. */
const thumbnailLateMs = 120_000;
const everyMinutes = 5;

export function sweepOf(deps: UploadDeps): { job: JobHandler; schedule: Schedule } {
  const kind = `${deps.system}.sweep_uploads`;
  return {
    job: {
      kind,
      timeoutMs: 10 * 60_000,
      async run(_, signal) {
        await removeUnwanted(deps, signal);
        await makeDueThumbnails(deps, signal);
      },
    },
    schedule: { kind, cron: `*/${everyMinutes} * * * *` },
  };
}

async function removeUnwanted(deps: UploadDeps, signal: AbortSignal): Promise<void> {
  const { db, store, clock, config } = deps;
  // By then the offer is over, and so is whatever was sent to it at the last moment.
  const before = clock.now() - config.blobUnattachedHours * hourMs - config.blobPutMsMax;
  await db.write((tx) => store.releaseUnattached(tx, before, clock.now()));
  while (!signal.aborted) {
    const rows = await store.uncleared(db, batch);
    if (rows.length === 0) break;
    // Once the backup that needs them has ended, a later sweep does it.
    if (await filesMustStay(db)) return;
    for (const row of rows) await removeBytes(deps, row);
    const ids = rows.map((row) => row.id);
    await db.write((tx) => store.cleared(tx, ids, clock.now()));
  }
  await db.write((tx) => store.forget(tx, before));
}

async function removeBytes(
  { blobs, system }: UploadDeps,
  { id, attempts }: { id: string; attempts: number },
): Promise<void> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    await blobs.remove(thumbnailKey(system, id, attempt));
    await blobs.remove(blobKey(system, id, attempt));
  }
}

async function makeDueThumbnails(deps: UploadDeps, signal: AbortSignal): Promise<void> {
  const rows = await deps.store.thumbnailsDue(deps.db, deps.clock.now() - thumbnailLateMs, batch);
  for (const row of rows) {
    if (signal.aborted) return;
    await keepThumbnail(deps, row);
  }
}
