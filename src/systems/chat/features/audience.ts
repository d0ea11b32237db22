import type { Reader } from "../../../platform/db/db.ts";
import type { Audience } from "../../../platform/events/events.ts";
import { messageSent } from "../contract.ts";

/**
 * The programs of all members are told of a message, where a conversation publishes its own: those
 * who are members now and may read it. So whoever was removed is told nothing from then on, also
 * of what waited to be tried again.
 */
export function messageAudience(db: Reader): Audience {
  return {
    type: messageSent.type,
    async among(data, accountIds) {
      const { conversation_id, seq } = messageSent.schema.parse(data);
      const rows = await db.all<{ account_id: string }>`
        SELECT m.account_id FROM chat.members m
        JOIN chat.conversations c ON c.id = m.conversation_id AND c.deleted_at IS NULL
        WHERE m.conversation_id = ${conversation_id} AND m.left_at IS NULL AND m.from_seq < ${seq}
          AND m.account_id = ANY(${db.array(accountIds, "int8")}::int8[])`;
      return new Set(rows.map((row) => row.account_id));
    },
  };
}
