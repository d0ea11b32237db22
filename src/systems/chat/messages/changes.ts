import type { Reader } from "../../../platform/db/db.ts";
import type { ServerFrame } from "../protocol.ts";
import { conversationOf, messageOf, type ConversationRow, type MessageRow } from "../rows.ts";
import type { Member, Role } from "../shapes.ts";
import { Page } from "./page.ts";
import { notFound } from "./standing.ts";

/**
 * What changed in a conversation after a rev, by rev, each thing in its latest state. A page ends
 * at `rev`: whoever has the page has all up to there. A row carries the rev of its last change
 * only, so one that changes again while this reads leaves the page for one that follows: the
 * statements need no common snapshot, only the conversation read first.
 *
 * The conversation itself is at the end of each page in its latest state, which may be ahead of
 * the page: the page's place is the frame's `rev`, not `conversation.rev`.
 */
/** More than one change concerns, so that each page gets on. */
const membersPageMax = 2_000;

export async function changesSince(
  reader: Reader,
  conversationId: string,
  { since, limit, fromSeq = 0 }: { since: number; limit: number; fromSeq?: number },
): Promise<Page> {
  const row = await reader.one<ConversationRow>`
    SELECT c.*, r.receipts_rev FROM chat.conversations c
    LEFT JOIN chat.receipt_revs r ON r.conversation_id = c.id
    WHERE c.id = ${conversationId} AND c.deleted_at IS NULL`;
  if (!row) throw notFound();
  const conversation = conversationOf(row);
  // One who is ahead knows a history that is not, such as that before a restored backup.
  const place = { conversation_id: conversationId, since };
  if (conversation.rev <= since) {
    return new Page({ ...place, rev: conversation.rev, more: false }, []);
  }
  const messages = await reader.all<MessageRow>`
    SELECT * FROM chat.shown_messages
    WHERE conversation_id = ${conversationId} AND rev > ${since} AND rev <= ${conversation.rev}
      AND seq > ${fromSeq}
    ORDER BY rev LIMIT ${limit + 1}`;
  const more = messages.length > limit;
  const page = messages.slice(0, limit).map(messageOf);
  const upTo = more ? (page.at(-1)?.rev as number) : conversation.rev;
  // Of a channel, which may have any number, they are asked for and not told.
  const { members, rev } =
    conversation.kind === "channel"
      ? { members: [], rev: upTo }
      : await membersChanged(reader, conversationId, { since, upTo });
  const frames: ServerFrame[] = page
    .filter((message) => message.rev <= rev)
    .map((message) => ({ type: "message", rev: message.rev, message }));
  frames.push({
    ...{ type: "conversation", rev, conversation },
    ...(members.length > 0 && { members }),
  });
  return new Page({ ...place, rev, more: rev < conversation.rev }, frames);
}

type MemberRow = {
  account_id: string;
  name: string;
  role: Role;
  joined_at: Date;
  left_at: Date | null;
  rev: string;
};

async function membersChanged(
  reader: Reader,
  conversationId: string,
  { since, upTo }: { since: number; upTo: number },
): Promise<{ members: Member[]; rev: number }> {
  const rows = await reader.all<MemberRow>`
    SELECT m.account_id, coalesce(p.name, '') AS name, m.role, m.joined_at, m.left_at, m.rev
    FROM chat.members m LEFT JOIN chat.people p ON p.account_id = m.account_id
    WHERE m.conversation_id = ${conversationId} AND m.rev > ${since} AND m.rev <= ${upTo}
    ORDER BY m.rev LIMIT ${membersPageMax + 1}`;
  // Those of one change stay together: the page ends before the first that has no room.
  const rev = rows.length > membersPageMax ? Number(rows.at(-1)?.rev) - 1 : upTo;
  const members = rows.map((row) => ({
    ...row,
    joined_at: row.joined_at.toISOString(),
    left_at: row.left_at?.toISOString() ?? null,
    rev: Number(row.rev),
  }));
  return { members: members.filter((member) => member.rev <= rev), rev };
}
