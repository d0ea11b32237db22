import type { Db } from "../../platform/db/db.ts";
import { type Audience, patternsOf, type StoaEvent } from "../../platform/events/events.ts";
import { bury, type DeliveryRow } from "./delivery-store.ts";
import { ownersWanting, type WebhookRow } from "./store.ts";

/** Whose webhooks are told of an event: its owner's, or those of its audience. */
type Telling = { db: Db; audiences?: readonly Audience[] };

const reason = "its owner may not be told of this any more";

export async function ownersToTell(deps: Telling, event: StoaEvent): Promise<string[]> {
  const { type, owner_id, data } = event;
  const audience = audienceOf(deps, type);
  if (!audience) return owner_id === null ? [] : [owner_id];
  const wanting = await ownersWanting(deps.db, patternsOf(type));
  return wanting.length === 0 ? [] : [...(await audience.among(data, wanting))];
}

/** Gives a delivery up whose owner might be told when it was queued and may not any more. */
export async function isWithheld(
  deps: Telling,
  { owner_id }: WebhookRow,
  { id, event_type, body }: DeliveryRow,
): Promise<boolean> {
  const audience = audienceOf(deps, event_type);
  if (!audience) return false;
  const { data } = JSON.parse(body) as { data: unknown };
  if ((await audience.among(data, [owner_id])).has(owner_id)) return false;
  await deps.db.write((tx) => bury(tx, id, reason));
  return true;
}

export function audienceOf({ audiences }: Telling, type: string): Audience | undefined {
  return audiences?.find((audience) => audience.type === type);
}
