import type { Clock } from "../../platform/clock/clock.ts";
import type { Config } from "../../platform/config/config.ts";
import type { Db } from "../../platform/db/db.ts";
import type { Audience, Events } from "../../platform/events/events.ts";
import { firstIdAt, type Ids } from "../../platform/ids/ids.ts";
import type { Jobs } from "../../platform/jobs/jobs.ts";
import type { Metrics } from "../../platform/metrics/metrics.ts";
import type { Outbound } from "../../platform/outbound/outbound.ts";
import type { System } from "../../platform/system.ts";
import { accountDeleted, type Accounts } from "../accounts/contract.ts";
import { createDeliveries, deliverKind, wakeDelivery } from "./deliveries.ts";
import { deleteFinished, webhooksWithDue } from "./delivery-store.ts";
import { fanOut } from "./fan-out.ts";
import { webhookRoutes } from "./http.ts";
import { webhooksMigrations } from "./migrations.ts";
import { deleteWebhooksOf } from "./store.ts";
import { Webhooks } from "./webhooks.ts";

/** Webhooks: tell other programs of an owner's events. */
export type WebhooksOptions = {
  db: Db;
  config: Pick<Config, "webhooksPerOwnerMax" | "outboundAllowPrivate">;
  clock: Clock;
  ids: Ids;
  jobs: Jobs;
  events: Events;
  outbound: Pick<Outbound, "fetch" | "check">;
  accounts: Pick<Accounts, "audit">;
  metrics?: Metrics;
  /** Who is told of events that concern more people than their owner. */
  audiences?: readonly Audience[];
  /** For the jitter of retries. */
  random?: () => number;
};

/** Receivers served at once by one process; a slow one keeps a place for half a minute at most. */
const receiversAtOnce = 256;
const deliverTimeoutMs = 60_000;
export const deliveryRetentionDays = 30;
const dayMs = 86_400_000;
const sweepBatch = 5_000;

export function createWebhooks(options: WebhooksOptions): System {
  const { db, clock, jobs, config } = options;
  const webhooks = new Webhooks({
    ...options,
    webhooksPerOwnerMax: config.webhooksPerOwnerMax,
    outboundAllowPrivate: config.outboundAllowPrivate,
  });
  const { deliverDue } = createDeliveries(options);

  /** Forgets old deliveries, and finds webhooks whose job ended as dead while something is due. */
  async function sweep(signal: AbortSignal): Promise<void> {
    const before = firstIdAt(clock.now() - deliveryRetentionDays * dayMs);
    let deleted = sweepBatch;
    while (deleted === sweepBatch && !signal.aborted) {
      deleted = await db.write((tx) => deleteFinished(tx, before, sweepBatch));
    }
    for (const id of await webhooksWithDue(db, new Date(clock.now()))) {
      await db.write((tx) => wakeDelivery(jobs, tx, id));
    }
  }

  return {
    name: "webhooks",
    migrations: webhooksMigrations,
    routes: webhookRoutes(webhooks),
    subscriptions: [
      fanOut(options),
      {
        name: "webhooks.former_owners",
        types: [accountDeleted.type],
        async handle(event) {
          const { id } = accountDeleted.schema.parse(event.data);
          await db.write((tx) => deleteWebhooksOf(tx, id));
        },
      },
    ],
    jobs: [
      {
        kind: deliverKind,
        concurrency: receiversAtOnce,
        timeoutMs: deliverTimeoutMs,
        run: (job, signal) =>
          deliverDue((job.payload as { webhook_id: string }).webhook_id, signal),
      },
      { kind: "webhooks.sweep", run: (_, signal) => sweep(signal) },
    ],
    schedules: [{ kind: "webhooks.sweep", cron: "23 * * * *" }],
  };
}
