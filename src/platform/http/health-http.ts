import { z } from "zod";
import type { Clock } from "../clock/clock.ts";
import type { Db } from "../db/db.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { route, type Route, timeSchema } from "./route.ts";
import { version } from "./system-pages.ts";

/** What administrators see of the process that answers them. */
export type HealthDeps = {
  db: Db;
  clock: Clock;
  metrics: Metrics;
  isReady(): boolean;
};

const databaseTimeoutMs = 1_000;

export function healthRoutes({ db, clock, metrics, isReady }: HealthDeps): Route[] {
  const startedAt = new Date(clock.now()).toISOString();
  return [
    route({
      method: "GET",
      path: "/api/v1/admin/health",
      summary: "The state of the process that answers: its database, its age and its metrics",
      tag: "admin",
      access: "admin",
      scope: "admin:read",
      replies: {
        200: z.object({
          version: z.string(),
          started_at: timeSchema,
          ready: z.boolean(),
          database_ms: z
            .number()
            .nullable()
            .describe("Null when the database did not answer in time."),
          metrics: z.string().describe("In the Prometheus text format, as `/metrics` answers."),
        }),
      },
      async handler() {
        const asked = clock.monotonic();
        const healthy = await db.healthy(databaseTimeoutMs);
        const database_ms = healthy ? clock.monotonic() - asked : null;
        const ready = isReady() && healthy;
        const body = { version, started_at: startedAt, ready, database_ms };
        return { status: 200, body: { ...body, metrics: metrics.render() } };
      },
    }),
  ];
}
