import type { Reader, Writer } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import { requireMay } from "../conversations/roles.ts";
import type { View } from "../messages/history.ts";
import { messageOf, type MessageRow } from "../rows.ts";
import type { Message } from "../shapes.ts";
import { changeAs, type At, requireNoBan } from "./access.ts";
import type { FeatureDeps } from "./deps.ts";

/** What is pinned for everybody: by either of a direct conversation, else by those who run it. */
export const pinsMax = 50;

export async function pin(
  tx: Writer,
  deps: Pick<FeatureDeps, "live" | "clock">,
  at: At,
  { on }: { on: boolean },
): Promise<Message> {
  return await changeAs(tx, deps, at, async ({ message, conversation, standing }) => {
    if (conversation.kind !== "direct") requireMay(standing.role, "edit");
    requireNoBan(standing, deps.clock.now());
    if ((message.pinned_at !== null) === on) return null;
    if (!on) return { pinned_at: null };
    const row = await tx.one<{ count: number }>`
      SELECT count(*)::int AS count FROM chat.messages
      WHERE conversation_id = ${at.id} AND pinned_at IS NOT NULL`;
    if ((row?.count ?? 0) >= pinsMax) {
      throw new AppError("chat.limit", `A conversation has at most ${pinsMax} pinned messages.`);
    }
    return { pinned_at: new Date(deps.clock.now()) };
  });
}

/** Latest pinned first. */
export async function pinned(reader: Reader, id: string, view: View): Promise<Message[]> {
  const rows = await reader.all<MessageRow>`
    SELECT * FROM chat.shown_messages
    WHERE conversation_id = ${id} AND pinned_at IS NOT NULL AND body IS NOT NULL
      AND seq > ${view.from_seq} AND seq <= ${view.until_seq}
    ORDER BY pinned_at DESC LIMIT ${pinsMax}`;
  return rows.map(messageOf);
}
