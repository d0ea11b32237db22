import type { Migration } from "../db/migrate.ts";
import { sweepDead } from "./dead-letters.ts";
import type { JobRunner, JobsOptions } from "./jobs.ts";
import { Runner } from "./runner.ts";
import schema from "./schema.sql" with { type: "text" };

/** Opens the block: the queue with the one job it has of its own. */
export const jobsMigration: Migration = { id: "platform/jobs/1", sql: schema };

export const deadRetentionDays = 30;
const dayMs = 86_400_000;

export function createJobs(options: JobsOptions): JobRunner {
  const runner = new Runner(options);
  runner.register(
    [
      {
        kind: "platform.sweep_dead_jobs",
        run: async () => {
          await sweepDead(options.db, options.clock.now() - deadRetentionDays * dayMs);
        },
      },
    ],
    [{ kind: "platform.sweep_dead_jobs", cron: "17 3 * * *" }],
  );
  return runner;
}
