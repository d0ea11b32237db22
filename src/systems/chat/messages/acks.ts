import type { Writer } from "../../../platform/db/db.ts";
import type { AppError } from "../../../platform/errors/errors.ts";
import type { Ack } from "../ports.ts";
import type { Message } from "../shapes.ts";
import { storedOf, type Identity } from "./send-store.ts";

/** What a sender is told once a message is durable, now or by a resend years later. */
export const ackOf = (message: Message): Ack => ({
  type: "ack",
  conversation_id: message.conversation_id,
  client_msg_id: message.client_msg_id,
  server_msg_id: message.id,
  seq: message.seq,
  rev: message.rev,
  created_at: message.created_at,
});

/** Of those that are there already. */
export async function storedAcks<T extends Identity>(
  tx: Writer,
  drafts: readonly T[],
): Promise<Map<T, Ack | AppError>> {
  const found = await storedOf(tx, drafts);
  return new Map(
    found.map((row) => {
      const draft = drafts[row.n - 1] as T;
      return [
        draft,
        {
          type: "ack",
          conversation_id: draft.conversation_id,
          client_msg_id: draft.client_msg_id,
          server_msg_id: row.id,
          seq: Number(row.seq),
          rev: Number(row.sent_rev),
          created_at: row.created_at.toISOString(),
        },
      ];
    }),
  );
}
