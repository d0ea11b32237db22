import type { JobHandler, Schedule } from "../../../platform/jobs/jobs.ts";
import type { FeatureDeps } from "./deps.ts";
import { wipe } from "./wipe.ts";

/**
 * Messages whose time is over are not shown from that instant on, by chat.shown_messages; this
 * wipes them soon afterwards, and tells that. Whose clock is behind shows one that much longer.
 */
const kind = "chat.expire";
const atOnce = 500;

export function expiryJob(deps: Pick<FeatureDeps, "db" | "clock" | "live" | "files">): {
  job: JobHandler;
  schedule: Schedule;
} {
  return {
    job: {
      kind,
      async run(_, signal) {
        let wiped = atOnce;
        while (wiped === atOnce) {
          signal.throwIfAborted();
          wiped = await expire(deps);
        }
      },
    },
    schedule: { kind, cron: "* * * * *" },
  };
}

async function expire(deps: Parameters<typeof expiryJob>[0]): Promise<number> {
  const { db, clock } = deps;
  const due = await db.all<{ id: string; seq: string }>`
    SELECT conversation_id AS id, seq FROM chat.messages
    WHERE expires_at <= ${new Date(clock.now())} AND body IS NOT NULL
    ORDER BY expires_at LIMIT ${atOnce}`;
  let wiped = 0;
  for (const [id, rows] of Map.groupBy(due, (row) => row.id)) {
    const seqs = rows.map(({ seq }) => Number(seq));
    wiped += await db.write((tx) => wipe(tx, deps, { id, seqs, deletedAt: null }));
  }
  return wiped;
}
