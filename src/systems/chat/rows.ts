import type { Conversation, Extra, Body, Message } from "./shapes.ts";

/** Rows as SQL gives them: int8 as text, times as Date. `publicly` says what others see of one. */
export type ConversationRow = {
  id: string;
  kind: Conversation["kind"];
  pair: string | null;
  title: string;
  description: string;
  created_by: string;
  top_seq: string;
  rev: string;
  members_rev: string;
  receipts_rev: string | null;
  member_count: number;
  send_by: Conversation["send_by"];
  slow_mode_seconds: number;
  disappear_seconds: number | null;
  publishes_events: boolean;
  last_message_at: Date | null;
  created_at: Date;
  deleted_at: Date | null;
};

export type MessageRow = {
  conversation_id: string;
  seq: string;
  id: string;
  rev: string;
  sender_id: string;
  client_msg_id: string;
  by_program: boolean;
  body: Body | null;
  reply_to_seq: string | null;
  thread_seq: string | null;
  reply_count: number;
  extra: Extra;
  created_at: Date;
  edited_at: Date | null;
  deleted_at: Date | null;
  pinned_at: Date | null;
  expires_at: Date | null;
};

/** Of `chat.conversations` left joined with `chat.receipt_revs`. */
export function conversationOf(row: ConversationRow): Conversation {
  return {
    id: row.id,
    kind: row.kind,
    title: row.title,
    description: row.description,
    created_by: row.created_by,
    pair: row.pair?.split(":") ?? null,
    top_seq: Number(row.top_seq),
    rev: Number(row.rev),
    members_rev: Number(row.members_rev),
    receipts_rev: Number(row.receipts_rev ?? 0),
    member_count: row.member_count,
    send_by: row.send_by,
    slow_mode_seconds: row.slow_mode_seconds,
    disappear_seconds: row.disappear_seconds,
    publishes_events: row.publishes_events,
    last_message_at: row.last_message_at?.toISOString() ?? null,
    created_at: row.created_at.toISOString(),
  };
}

export function messageOf(row: MessageRow): Message {
  const number = (value: string | null) => (value === null ? null : Number(value));
  const time = (value: Date | null) => value?.toISOString() ?? null;
  return {
    conversation_id: row.conversation_id,
    seq: Number(row.seq),
    rev: Number(row.rev),
    id: row.id,
    sender_id: row.sender_id,
    client_msg_id: row.client_msg_id,
    by_program: row.by_program,
    body: row.body,
    reply_to_seq: number(row.reply_to_seq),
    thread_seq: number(row.thread_seq),
    reply_count: row.reply_count,
    extra: row.extra,
    created_at: row.created_at.toISOString(),
    edited_at: time(row.edited_at),
    deleted_at: time(row.deleted_at),
    pinned_at: time(row.pinned_at),
    expires_at: time(row.expires_at),
  };
}

/** Two accounts, the smaller id first: as numbers, so that 9 comes before 10. */
export function pairOf(a: string, b: string): string {
  return BigInt(a) < BigInt(b) ? `${a}:${b}` : `${b}:${a}`;
}
