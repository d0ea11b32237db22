import type { Clock } from "../../platform/clock/clock.ts";
import type { Db } from "../../platform/db/db.ts";
import {
  type Audience,
  matchesType,
  patternsOf,
  type StoaEvent,
  type Subscription,
} from "../../platform/events/events.ts";
import type { Ids } from "../../platform/ids/ids.ts";
import type { Jobs } from "../../platform/jobs/jobs.ts";
import { wakeDelivery } from "./deliveries.ts";
import { insertDelivery } from "./delivery-store.ts";
import * as store from "./store.ts";
import { audienceOf, ownersToTell } from "./told.ts";

/**
 * Turns an event into one delivery per webhook that wants its type: those of its owner, or of all
 * who may be told of it where its type has an audience.
 */
export function fanOut(deps: {
  db: Db;
  clock: Clock;
  ids: Ids;
  jobs: Pick<Jobs, "enqueue">;
  audiences?: readonly Audience[];
}): Subscription {
  const { db, clock, ids, jobs } = deps;
  return {
    name: "webhooks.fan_out",
    types: ["*"],
    async narrow(events) {
      const isShared = ({ type }: StoaEvent) => audienceOf(deps, type) !== undefined;
      const owned = events.filter((event) => !isShared(event));
      const owners = new Set(owned.flatMap((event) => event.owner_id ?? []));
      const wanting =
        owners.size === 0 ? new Set<string>() : await store.ownersWithWebhooks(db, [...owners]);
      const wanted = new Set<string>();
      for (const type of new Set(events.filter(isShared).map((event) => event.type))) {
        if ((await store.ownersWanting(db, patternsOf(type))).length > 0) wanted.add(type);
      }
      return events.filter(
        ({ type, owner_id }) => wanted.has(type) || (owner_id !== null && wanting.has(owner_id)),
      );
    },
    async handle(event) {
      const owners = await ownersToTell(deps, event);
      if (owners.length === 0) return;
      const webhooks = await store.listEnabled(db, owners);
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
