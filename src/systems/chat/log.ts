import type { Writer } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import type { ConversationRow } from "./rows.ts";

/**
 * Takes the next `rev` of a conversation, and with it its row until the transaction ends: changes
 * of one conversation happen one after the other. `members` when it is about who is in it.
 * Throws `chat.not_found`.
 */
export async function advance(
  tx: Writer,
  conversationId: string,
  { members = false }: { members?: boolean } = {},
): Promise<ConversationRow> {
  const row = await tx.one<ConversationRow>`
    UPDATE chat.conversations c
    SET rev = rev + 1, members_rev = CASE WHEN ${members} THEN rev + 1 ELSE members_rev END
    WHERE id = ${conversationId} AND deleted_at IS NULL
    RETURNING c.*, (SELECT r.receipts_rev FROM chat.receipt_revs r WHERE r.conversation_id = c.id)`;
  if (!row) throw new AppError("chat.not_found", "There is no such conversation.");
  return row;
}

/** What only their own devices must learn changed for these people: each gets a new `self_rev`. */
export async function advanceOwn(
  tx: Writer,
  accountIds: readonly string[],
): Promise<Map<string, number>> {
  const sorted = [...new Set(accountIds)].toSorted();
  const rows = await tx.all<{ account_id: string; self_rev: string }>`
    INSERT INTO chat.people (account_id, self_rev)
    SELECT id, 1 FROM unnest(${tx.array(sorted, "int8")}) AS id ORDER BY id
    ON CONFLICT (account_id) DO UPDATE SET self_rev = chat.people.self_rev + 1
    RETURNING account_id, self_rev`;
  return new Map(rows.map((row) => [row.account_id, Number(row.self_rev)]));
}
