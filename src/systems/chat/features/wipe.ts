import type { Writer } from "../../../platform/db/db.ts";
import { messageOf, type ConversationRow, type MessageRow } from "../rows.ts";
import type { FeatureDeps } from "./deps.ts";
import { uploadsOf } from "./files.ts";

/**
 * Takes what is in messages away, whoever wanted it: their sender, an administrator, their time.
 * The row stays, as a change like others; reactions, votes and words go, and the files that no
 * other message has. One that is empty already is passed over. Returns how many were not.
 */
export type Wiping = Pick<FeatureDeps, "live" | "files">;

export async function wipe(
  tx: Writer,
  { live, files }: Wiping,
  what: { id: string; seqs: readonly number[]; deletedAt: Date | null },
): Promise<number> {
  const { id, deletedAt } = what;
  // Also of a conversation that was deleted: what was said there is still stored.
  const conversation = await tx.one<ConversationRow>`
    SELECT * FROM chat.conversations WHERE id = ${id} FOR NO KEY UPDATE`;
  const before = await tx.all<Pick<MessageRow, "seq" | "body">>`
    SELECT seq, body FROM chat.messages
    WHERE conversation_id = ${id} AND seq = ANY(${tx.array(what.seqs, "int8")})
      AND body IS NOT NULL ORDER BY seq`;
  if (!conversation || before.length === 0) return 0;
  const seqs = before.map((message) => message.seq);
  const rev = Number(conversation.rev);
  await tx.run`UPDATE chat.conversations SET rev = ${rev + seqs.length} WHERE id = ${id}`;
  const wiped = await tx.all<MessageRow>`
    UPDATE chat.messages m SET rev = ${rev} + t.n, body = NULL, extra = '{}', pinned_at = NULL,
      deleted_at = ${deletedAt}
    FROM unnest(${tx.array(seqs, "int8")}) WITH ORDINALITY AS t (seq, n)
    WHERE m.conversation_id = ${id} AND m.seq = t.seq RETURNING m.*`;
  await forgetWords(tx, id, seqs);
  await forgetDeeds(tx, id, seqs);
  await files.letGo(
    tx,
    before.flatMap(({ body }) => uploadsOf(body)),
  );
  if (conversation.deleted_at) return wiped.length;
  const top_seq = Number(conversation.top_seq);
  const members_rev = Number(conversation.members_rev);
  tx.afterCommit(() => {
    const messages = wiped.map(messageOf).toSorted((a, b) => a.rev - b.rev);
    for (const message of messages) live.message({ message, top_seq, members_rev });
  });
  return wiped.length;
}

/** Nothing that was read before the lock is put back: see chat.search_marks. */
export async function forgetWords(tx: Writer, id: string, seqs: readonly string[]): Promise<void> {
  await lockSearch(tx, id);
  await tx.run`
    DELETE FROM chat.searchable
    WHERE conversation_id = ${id} AND seq = ANY(${tx.array(seqs, "int8")})`;
}

/** Returns up to where the words of a conversation were looked at. */
export async function lockSearch(tx: Writer, id: string): Promise<number> {
  const row = await tx.one<{ looked_seq: string }>`
    INSERT INTO chat.search_marks AS s (conversation_id) VALUES (${id})
    ON CONFLICT (conversation_id) DO UPDATE SET looked_seq = s.looked_seq RETURNING looked_seq`;
  return Number(row?.looked_seq ?? 0);
}

async function forgetDeeds(tx: Writer, id: string, seqs: readonly string[]): Promise<void> {
  await tx.run`
    DELETE FROM chat.reactions
    WHERE conversation_id = ${id} AND seq = ANY(${tx.array(seqs, "int8")})`;
  await tx.run`
    DELETE FROM chat.votes
    WHERE conversation_id = ${id} AND seq = ANY(${tx.array(seqs, "int8")})`;
}
