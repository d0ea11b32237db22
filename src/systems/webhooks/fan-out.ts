import type { Clock } from "../../platform/clock/clock.ts";
import type { Db } from "../../platform/db/db.ts";
import { matchesType, type StoaEvent, type Subscription } from "../../platform/events/events.ts";
import type { Ids } from "../../platform/ids/ids.ts";
import type { Jobs } from "../../platform/jobs/jobs.ts";
import { wakeDelivery } from "./deliveries.ts";
import { insertDelivery } from "./delivery-store.ts";
import * as store from "./store.ts";

/** Turns an event into one delivery per webhook of its owner that wants its type. */
export function fanOut(deps: {
  db: Db;
  clock: Clock;
  ids: Ids;
  jobs: Pick<Jobs, "enqueue">;
}): Subscription {
  const { db, clock, ids, jobs } = deps;
  return {
    name: "webhooks.fan_out",
    types: ["*"],
    async narrow(events) {
      const owners = new Set(events.flatMap((event) => event.owner_id ?? []));
      if (owners.size === 0) return [];
      const wanting = await store.ownersWithWebhooks(db, [...owners]);
      return events.filter((event) => event.owner_id !== null && wanting.has(event.owner_id));
    },
    async handle(event) {
      if (event.owner_id === null) return;
      const webhooks = await store.listEnabled(db, event.owner_id);
      const wanting = webhooks.filter((webhook) => matchesType(webhook.event_types, event.type));
      if (wanting.length === 0) return;
      const now = new Date(clock.now());
      const message = { event_id: event.id, event_type: event.type, body: bodyOf(event) };
      await db.write(async (tx) => {
        for (const webhook of wanting) {
          // It may have been deleted since, and with it what it was to be sent.
          const still = await store.lockWebhook(tx, webhook.id);
          if (!still?.enabled) continue;
          const row = { id: ids.next(), webhook_id: webhook.id, ...message };
          if (await insertDelivery(tx, row, now)) await wakeDelivery(jobs, tx, webhook.id);
        }
      });
    },
  };
}

/** What receivers get. Its id is the event's, so that they can tell a repeat. */
export function bodyOf({ id, type, occurred_at, data }: StoaEvent): string {
  return JSON.stringify({ id, type, occurred_at, data });
}
