import type { Writer } from "../../../platform/db/db.ts";
import { requireSendable } from "../messages/body.ts";
import type { Body } from "../shapes.ts";
import { requireNoBan, requireStanding } from "./access.ts";
import type { FeatureDeps } from "./deps.ts";
import { enqueueSending, lockWaiting, type Scheduled } from "./scheduled.ts";

/**
 * Another text or another time for what waits to be sent. What could not be sent is tried once
 * more. What is attached stays attached: it is held once, however often the words change.
 */
export async function reschedule(
  tx: Writer,
  deps: Pick<FeatureDeps, "clock" | "jobs">,
  at: { id: string; by: string },
  given: {
    text?: string | undefined;
    mentions?: string[] | undefined;
    send_at?: string | undefined;
  },
): Promise<Scheduled> {
  const row = await lockWaiting(tx, at);
  const now = deps.clock.now();
  requireNoBan(await requireStanding(tx, row.conversation_id, at.by), now);
  const body = given.text === undefined ? row.body : reworded(row.body, given.text, given.mentions);
  requireSendable(body);
  const wanted = given.send_at === undefined ? row.send_at.getTime() : Date.parse(given.send_at);
  const send_at = new Date(Math.max(wanted, now));
  const changed = await tx.one<Scheduled>`
    UPDATE chat.scheduled
    SET body = ${tx.json(body)}, send_at = ${send_at}, failure = NULL, begun_at = NULL
    WHERE id = ${row.id} RETURNING *`;
  await enqueueSending(tx, deps, changed as Scheduled);
  return changed as Scheduled;
}

/** As an edit of a message does: whom the new text names is all that is named. */
function reworded(body: Body, text: string, mentions: string[] = []): Body {
  const { mentions: _, ...rest } = body;
  return { ...rest, text, ...(mentions.length > 0 && { mentions }) };
}
