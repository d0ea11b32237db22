import type { Reader } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import { messageOf, type MessageRow } from "../rows.ts";
import type { Message } from "../shapes.ts";
import { notFound } from "./standing.ts";

/**
 * Messages both ways around any message. As `seq` has no holes, a page is a range of it: page
 * 10,000 costs what page 1 does, and nothing is skipped or shown twice while messages come.
 */
export type Around = {
  before?: number | undefined;
  after?: number | undefined;
  around?: number | undefined;
  limit: number;
};

export type History = {
  items: Message[];
  more_before: boolean;
  more_after: boolean;
};

/** What somebody may read of a conversation: what follows `from_seq`, up to `until_seq`. */
export type View = { from_seq: number; until_seq: number; left_at: Date | null };

type ViewRow = {
  from_seq: string;
  top_seq: string;
  until_seq: string | null;
  left_at: Date | null;
};

/** Also of one who left: up to where they did. Throws `chat.not_found`. */
export async function viewOf(
  reader: Reader,
  conversationId: string,
  accountId: string,
): Promise<View> {
  const row = await reader.one<ViewRow>`
    SELECT m.from_seq, c.top_seq, m.until_seq, m.left_at
    FROM chat.members m JOIN chat.conversations c ON c.id = m.conversation_id
    WHERE m.conversation_id = ${conversationId} AND m.account_id = ${accountId}
      AND c.deleted_at IS NULL`;
  if (!row) throw notFound();
  const until_seq = Number(row.until_seq ?? row.top_seq);
  return { from_seq: Number(row.from_seq), until_seq, left_at: row.left_at };
}

/** The same for members only: what happens now is nothing to those who left. */
export async function memberView(
  reader: Reader,
  conversationId: string,
  accountId: string,
): Promise<View> {
  const view = await viewOf(reader, conversationId, accountId);
  if (view.left_at) {
    throw new AppError("chat.removed", "You are no member of this conversation any more.");
  }
  return view;
}

export async function history(
  reader: Reader,
  conversationId: string,
  view: View,
  asked: Around,
): Promise<History> {
  const { low, high } = rangeOf(view, asked);
  const rows = await reader.all<MessageRow>`
    SELECT * FROM chat.shown_messages
    WHERE conversation_id = ${conversationId} AND seq BETWEEN ${low} AND ${high} ORDER BY seq`;
  return {
    items: rows.map((row) => shown(row, view)),
    more_before: low > view.from_seq + 1,
    more_after: high < view.until_seq,
  };
}

/** Without a cursor it is the newest. Both ends are within. */
function rangeOf(view: View, { before, after, around, limit }: Around) {
  const first = view.from_seq + 1;
  const last = view.until_seq;
  if (after !== undefined) {
    const low = Math.max(first, after + 1);
    return { low, high: Math.min(last, low + limit - 1) };
  }
  if (around !== undefined) {
    const low = Math.max(first, Math.min(around, last) - Math.floor(limit / 2));
    return { low, high: Math.min(last, low + limit - 1) };
  }
  const high = Math.min(last, (before ?? last + 1) - 1);
  return { low: Math.max(first, high - limit + 1), high };
}

/** The replies of a thread, oldest first; its root is a message like others. */
export async function thread(
  reader: Reader,
  conversationId: string,
  view: View,
  { root, after, limit }: { root: number; after: number; limit: number },
): Promise<History> {
  const rows = await reader.all<MessageRow>`
    SELECT * FROM chat.shown_messages
    WHERE conversation_id = ${conversationId} AND thread_seq = ${root}
      AND seq > ${Math.max(after, view.from_seq)} AND seq <= ${view.until_seq}
    ORDER BY seq LIMIT ${limit + 1}`;
  return {
    items: rows.slice(0, limit).map((row) => shown(row, view)),
    more_before: after > root,
    more_after: rows.length > limit,
  };
}

/** Throws `chat.not_found`. */
export async function oneMessage(
  reader: Reader,
  conversationId: string,
  view: View,
  seq: number,
): Promise<Message> {
  const { items } = await history(reader, conversationId, view, { after: seq - 1, limit: 1 });
  const [message] = items;
  if (message?.seq !== seq) {
    throw new AppError("chat.not_found", "There is no such message.");
  }
  return message;
}

/** What a message was made into after somebody left is not theirs to read. */
function shown(row: MessageRow, { left_at }: View): Message {
  const message = messageOf(row);
  const later = left_at !== null && row.edited_at !== null && row.edited_at > left_at;
  return later ? { ...message, body: null } : message;
}
