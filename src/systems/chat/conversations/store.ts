import type { Reader, Writer } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import type { ConversationRow } from "../rows.ts";
import type { Role } from "../shapes.ts";

/** The SQL of conversations; that of who is in them stands in member-store.ts. */
export type Membership = { conversation: ConversationRow; role: Role };

export function unknownConversation(): AppError {
  return new AppError("chat.not_found", "There is no such conversation.");
}

export async function findConversation(
  reader: Reader,
  by: { id: string } | { pair: string },
): Promise<ConversationRow | null> {
  const condition = "id" in by ? reader.sql`c.id = ${by.id}` : reader.sql`c.pair = ${by.pair}`;
  return await reader.one<ConversationRow>`
    SELECT c.*, r.receipts_rev
    FROM chat.conversations c LEFT JOIN chat.receipt_revs r ON r.conversation_id = c.id
    WHERE ${condition} AND c.deleted_at IS NULL`;
}

async function findRole(
  reader: Reader,
  conversationId: string,
  accountId: string,
): Promise<Role | null> {
  const row = await reader.one<{ role: Role }>`
    SELECT role FROM chat.members
    WHERE conversation_id = ${conversationId} AND account_id = ${accountId} AND left_at IS NULL`;
  return row?.role ?? null;
}

/** Throws `chat.not_found` for whoever is no member, as for a conversation that is not there. */
export async function requireMembership(
  reader: Reader,
  conversationId: string,
  accountId: string,
): Promise<Membership> {
  const role = await findRole(reader, conversationId, accountId);
  const conversation = role && (await findConversation(reader, { id: conversationId }));
  if (!conversation) throw unknownConversation();
  return { conversation, role };
}

/** Nobody comes, goes or sends until the transaction ends. */
export async function lockConversation(tx: Writer, id: string): Promise<ConversationRow> {
  const row = await tx.one<ConversationRow>`
    SELECT c.*, (SELECT r.receipts_rev FROM chat.receipt_revs r WHERE r.conversation_id = c.id)
    FROM chat.conversations c WHERE id = ${id} AND deleted_at IS NULL FOR UPDATE`;
  if (!row) throw unknownConversation();
  return row;
}

/** The same for one who must be in it. Their role is read under the lock, so it is true. */
export async function lockMembership(
  tx: Writer,
  conversationId: string,
  accountId: string,
): Promise<Membership> {
  if (!(await findRole(tx, conversationId, accountId))) throw unknownConversation();
  const conversation = await lockConversation(tx, conversationId);
  const role = await findRole(tx, conversationId, accountId);
  if (!role) throw unknownConversation();
  return { conversation, role };
}

/** False where the pair has one already. */
export async function insertConversation(
  tx: Writer,
  made: Pick<ConversationRow, "id" | "kind" | "pair" | "title" | "description" | "created_by"> & {
    member_count: number;
    now: Date;
  },
): Promise<boolean> {
  const inserted = await tx.run`
    INSERT INTO chat.conversations (id, kind, pair, title, description, created_by, rev,
      members_rev, member_count, created_at)
    VALUES (${made.id}, ${made.kind}, ${made.pair}, ${made.title}, ${made.description},
      ${made.created_by}, 1, 1, ${made.member_count}, ${made.now})
    ON CONFLICT (pair) DO NOTHING`;
  return inserted === 1;
}

/** The row as it then is. */
export async function addToCount(
  tx: Writer,
  conversationId: string,
  change: number,
): Promise<ConversationRow> {
  const row = await tx.one<ConversationRow>`
    UPDATE chat.conversations c SET member_count = member_count + ${change}
    WHERE id = ${conversationId}
    RETURNING c.*, (SELECT r.receipts_rev FROM chat.receipt_revs r WHERE r.conversation_id = c.id)`;
  if (!row) throw unknownConversation();
  return row;
}

export async function writeSettings(
  tx: Writer,
  id: string,
  next: Pick<
    ConversationRow,
    | ("title" | "description" | "send_by" | "slow_mode_seconds")
    | ("disappear_seconds" | "publishes_events")
  >,
): Promise<ConversationRow> {
  const row = await tx.one<ConversationRow>`
    UPDATE chat.conversations c SET title = ${next.title}, description = ${next.description},
      send_by = ${next.send_by}, slow_mode_seconds = ${next.slow_mode_seconds},
      disappear_seconds = ${next.disappear_seconds}, publishes_events = ${next.publishes_events}
    WHERE id = ${id}
    RETURNING c.*, (SELECT r.receipts_rev FROM chat.receipt_revs r WHERE r.conversation_id = c.id)`;
  if (!row) throw unknownConversation();
  return row;
}

/** From then on it answers as one that never was. */
export async function markDeleted(tx: Writer, id: string, now: Date): Promise<void> {
  await tx.run`UPDATE chat.conversations SET deleted_at = ${now} WHERE id = ${id}`;
}
