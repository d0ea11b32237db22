import type { Writer } from "../../../platform/db/db.ts";
import type { Ids } from "../../../platform/ids/ids.ts";
import type { Clock } from "../../../platform/clock/clock.ts";
import { advance } from "../log.ts";
import type { ConversationRow, MessageRow } from "../rows.ts";
import { messageOf } from "../rows.ts";
import type { Body } from "../shapes.ts";
import { place, type MessageChange } from "./place.ts";
import { lockConversations } from "./send-store.ts";
import { notFound } from "./standing.ts";

/** Messages that Stoa writes itself, and changes of those that are there. */
export type Notes = {
  /**
   * A line of the conversation such as "Ada added Bob", as a message by whoever did it. It takes a
   * seq and a rev of its own, after those that `advance` took in the same transaction. What it
   * returns is for `Live.message` after the commit. Throws `chat.not_found`.
   */
  insertNote(
    tx: Writer,
    note: {
      conversation_id: string;
      sender_id: string;
      note: NonNullable<Body["note"]>;
    },
  ): Promise<MessageChange>;
};

export function createNotes({ clock, ids }: { clock: Clock; ids: Pick<Ids, "next"> }): Notes {
  return {
    async insertNote(tx, { conversation_id, sender_id, note }) {
      const [conversation] = await lockConversations(tx, [conversation_id]);
      if (!conversation) throw notFound();
      const id = ids.next();
      const { changes } = await place(tx, new Map([[conversation_id, conversation]]), [
        {
          ...{ conversation_id, id, sender_id, client_msg_id: `note-${id}`, by_program: false },
          body: { text: "", note },
          ...{ reply_to_seq: null, thread_seq: null, expires_at: null },
          created_at: new Date(clock.now()).toISOString(),
        },
      ]);
      return changes[0] as MessageChange;
    },
  };
}

/** Columns that may change; the rest of a message never does. */
export type Changed = Partial<
  Pick<
    MessageRow,
    "body" | "extra" | "edited_at" | "deleted_at" | "pinned_at" | "expires_at" | "reply_count"
  >
>;

/**
 * Changes a message and takes the next rev for it. `change` sees the message and the conversation
 * with both locked, and throws, or says null where nothing is to be changed: no rev is taken then.
 * What it returns is for `Live.message` after the commit; null where nothing was changed. Throws
 * `chat.not_found`.
 */
export async function changedMessage(
  tx: Writer,
  at: { conversation_id: string; seq: number },
  change: (
    message: MessageRow,
    conversation: ConversationRow,
  ) => Changed | null | Promise<Changed | null>,
): Promise<MessageChange | null> {
  const [locked] = await lockConversations(tx, [at.conversation_id]);
  if (!locked) throw notFound();
  const before = await tx.one<MessageRow>`
    SELECT * FROM chat.messages WHERE conversation_id = ${at.conversation_id} AND seq = ${at.seq}`;
  if (!before) throw notFound();
  const changed = await change(before, locked);
  if (!changed) return null;
  const conversation = await advance(tx, at.conversation_id);
  const now = { ...before, ...changed };
  const after = await tx.one<MessageRow>`
    UPDATE chat.messages SET rev = ${conversation.rev},
      body = ${now.body === null ? null : tx.json(now.body)}, extra = ${tx.json(now.extra)},
      reply_count = ${now.reply_count}, edited_at = ${now.edited_at},
      deleted_at = ${now.deleted_at}, pinned_at = ${now.pinned_at}, expires_at = ${now.expires_at}
    WHERE conversation_id = ${at.conversation_id} AND seq = ${at.seq}
    RETURNING *`;
  return {
    message: messageOf(after as MessageRow),
    top_seq: Number(conversation.top_seq),
    members_rev: Number(conversation.members_rev),
  };
}
