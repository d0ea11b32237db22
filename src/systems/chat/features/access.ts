import type { Reader, Writer } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import { changedMessage, type Changed } from "../messages/notes.ts";
import { notFound } from "../messages/standing.ts";
import { messageOf, type ConversationRow, type MessageRow } from "../rows.ts";
import type { Message, Role } from "../shapes.ts";
import type { FeatureDeps } from "./deps.ts";

/**
 * Who may do something with a message: decided under the lock of the conversation's row, which
 * whoever leaves or is sent away needs as well, so what was true when it was decided is true at
 * the commit.
 */
export type Standing = {
  role: Role;
  from_seq: string;
  left_at: Date | null;
  banned_until: Date | null;
};

/** Throws `chat.not_found` for strangers, `chat.removed` for those who left. */
export async function requireStanding(
  reader: Reader,
  conversationId: string,
  accountId: string,
): Promise<Standing> {
  const row = await reader.one<Standing>`
    SELECT m.role, m.from_seq, m.left_at, p.banned_until
    FROM chat.members m
    JOIN chat.conversations c ON c.id = m.conversation_id AND c.deleted_at IS NULL
    LEFT JOIN chat.people p ON p.account_id = m.account_id
    WHERE m.conversation_id = ${conversationId} AND m.account_id = ${accountId}`;
  if (!row) throw notFound();
  if (row.left_at) {
    throw new AppError("chat.removed", "You are no member of this conversation any more.");
  }
  return row;
}

/** A message, as somebody found it who may see it. */
export type Seen = { message: MessageRow; conversation: ConversationRow; standing: Standing };
export type At = { id: string; seq: number; by: string };

/**
 * Changes a message as somebody who may see it, and tells everybody. `change` says null where there
 * is nothing to change. The message as it then is.
 */
export async function changeAs(
  tx: Writer,
  { live, clock }: Pick<FeatureDeps, "live" | "clock">,
  { id, seq, by }: At,
  change: (seen: Seen) => Promise<Changed | null> | Changed | null,
): Promise<Message> {
  // Before the lock, which a stranger must not get.
  await requireStanding(tx, id, by);
  let found: MessageRow | undefined;
  const at = { conversation_id: id, seq };
  const changed = await changedMessage(tx, at, async (message, conversation) => {
    const standing = await requireStanding(tx, id, by);
    if (!isShown(message, standing, clock.now())) throw unknownMessage();
    found = message;
    return await change({ message, conversation, standing });
  });
  if (!changed) return messageOf(found as MessageRow);
  tx.afterCommit(() => live.message(changed));
  return changed.message;
}

function isShown({ seq, body, expires_at }: MessageRow, { from_seq }: Standing, now: number) {
  const isOver = expires_at !== null && expires_at.getTime() <= now;
  return Number(seq) > Number(from_seq) && body !== null && !isOver;
}

export function unknownMessage(): AppError {
  return new AppError("chat.not_found", "There is no such message.");
}

export function requireNoBan({ banned_until }: Standing, now: number): void {
  if (!banned_until || banned_until.getTime() <= now) return;
  throw new AppError("chat.banned", `You may not do this until ${banned_until.toISOString()}.`);
}

/** A reaction or a vote says something: not while banned, nor to one who wants nothing from them. */
export async function requireVoice(
  tx: Writer,
  { clock, admitting }: Pick<FeatureDeps, "clock" | "admitting">,
  { conversation, standing }: Seen,
  sender_id: string,
): Promise<void> {
  requireNoBan(standing, clock.now());
  const [verdict] = await admitting.admit(tx, [{ conversation, sender_id, body: { text: "" } }]);
  if (verdict instanceof AppError) throw verdict;
}

/** The same of all in `errors` of the routes of one message. */
export const messageErrors = ["chat.not_found", "chat.removed"] as const;
export const voiceErrors = [...messageErrors, "chat.banned", "chat.person_refuses"] as const;
