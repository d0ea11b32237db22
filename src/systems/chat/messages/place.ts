import type { Writer } from "../../../platform/db/db.ts";
import { messageOf, type ConversationRow, type MessageRow } from "../rows.ts";
import type { Message } from "../shapes.ts";
import { list } from "./send-store.ts";

/**
 * Gives messages their places and stores them, their conversations' rows being locked: the one
 * place where `seq` is taken. Two numbers, both without holes: a message takes a seq and a rev, and
 * the root of a thread that got replies takes one rev more, however many they were. A sender has
 * read all up to their own message; the receipts of those conversations move where that caught up
 * on what others sent.
 */
export type Unplaced = Omit<
  Message,
  "seq" | "rev" | "reply_count" | "extra" | "edited_at" | "deleted_at" | "pinned_at"
>;

/** What `Live.message` is told after the commit. */
export type MessageChange = { message: Message; top_seq: number; members_rev: number };

type Counter = { id: string; top_seq: number; rev: number; members_rev: number };

export async function place(
  tx: Writer,
  conversations: ReadonlyMap<string, ConversationRow>,
  messages: readonly Unplaced[],
  { caughtUp = [] }: { caughtUp?: readonly string[] } = {},
): Promise<{ placed: Message[]; changes: MessageChange[] }> {
  if (messages.length === 0) return { placed: [], changes: [] };
  const counters = new Map<string, Counter>();
  const counterOf = (id: string): Counter => {
    const known = counters.get(id);
    if (known) return known;
    const row = conversations.get(id) as ConversationRow;
    const { top_seq, rev, members_rev } = row;
    const made = {
      ...{ id, top_seq: Number(top_seq), rev: Number(rev), members_rev: Number(members_rev) },
    };
    counters.set(id, made);
    return made;
  };
  const changes: MessageChange[] = [];
  const changed = (message: Message) => {
    const { top_seq, members_rev } = counterOf(message.conversation_id);
    changes.push({ message, top_seq, members_rev });
    return message;
  };
  const placed = messages.map((message) => {
    const counter = counterOf(message.conversation_id);
    return changed({
      ...message,
      seq: ++counter.top_seq,
      rev: ++counter.rev,
      reply_count: 0,
      extra: {},
      edited_at: null,
      deleted_at: null,
      pinned_at: null,
    });
  });
  const roots = repliesPerRoot(placed).map((root) => ({
    ...root,
    rev: ++counterOf(root.conversation_id).rev,
  }));
  for (const root of await countReplies(tx, roots)) changed(messageOf(root));
  store(tx, [...counters.values()], placed, caughtUp);
  return { placed, changes };
}

type Root = { conversation_id: string; seq: number; replies: number };

function repliesPerRoot(placed: Message[]): Root[] {
  const roots = new Map<string, Root>();
  for (const { conversation_id, thread_seq } of placed) {
    if (thread_seq === null) continue;
    const key = `${conversation_id}:${thread_seq}`;
    const root = roots.get(key) ?? { conversation_id, seq: thread_seq, replies: 0 };
    root.replies++;
    roots.set(key, root);
  }
  return [...roots.values()];
}

async function countReplies(tx: Writer, roots: (Root & { rev: number })[]): Promise<MessageRow[]> {
  if (roots.length === 0) return [];
  return await tx.all<MessageRow>`
    UPDATE chat.messages m SET reply_count = m.reply_count + t.replies, rev = t.rev
    FROM unnest(${list(roots.map((root) => root.conversation_id))}::int8[],
      ${list(roots.map((root) => root.seq))}::int8[],
      ${list(roots.map((root) => root.replies))}::int4[],
      ${list(roots.map((root) => root.rev))}::int8[])
      AS t (conversation_id, seq, replies, rev)
    WHERE m.conversation_id = t.conversation_id AND m.seq = t.seq
    RETURNING m.*`;
}

function store(
  tx: Writer,
  counters: Counter[],
  placed: Message[],
  caughtUp: readonly string[],
): void {
  const of = (key: Exclude<keyof Message, "body" | "extra">) => list(placed.map((m) => m[key]));
  // JSON has no bare line feeds.
  const bodies = placed.map(({ body }) => JSON.stringify(body)).join("\n");
  const last = new Map(placed.map((m) => [`${m.conversation_id}:${m.sender_id}`, m]));
  const own = [...last.values()];
  tx.send`
    WITH inserted AS (
      INSERT INTO chat.messages (conversation_id, seq, id, rev, sent_rev, sender_id, client_msg_id,
        by_program, body, reply_to_seq, thread_seq, created_at, expires_at)
      SELECT conversation_id, seq, id, rev, rev, sender_id, client_msg_id,
        by_program, body::jsonb, reply_to_seq, thread_seq, created_at, expires_at
      FROM unnest(${of("conversation_id")}::int8[], ${of("seq")}::int8[], ${of("id")}::int8[],
        ${of("rev")}::int8[], ${of("sender_id")}::int8[], ${of("client_msg_id")}::text[],
        ${of("by_program")}::bool[], string_to_array(${bodies}, E'\\n'),
        ${of("reply_to_seq")}::int8[], ${of("thread_seq")}::int8[],
        ${of("created_at")}::timestamptz[], ${of("expires_at")}::timestamptz[])
        AS t (conversation_id, seq, id, rev, sender_id, client_msg_id, by_program, body,
          reply_to_seq, thread_seq, created_at, expires_at)
    ), members AS (
      UPDATE chat.members m SET read_seq = t.seq, delivered_seq = t.seq, last_sent_at = t.sent_at
      FROM unnest(${list(own.map((m) => m.conversation_id))}::int8[],
        ${list(own.map((m) => m.sender_id))}::int8[], ${list(own.map((m) => m.seq))}::int8[],
        ${list(own.map((m) => m.created_at))}::timestamptz[])
        AS t (conversation_id, account_id, seq, sent_at)
      WHERE m.conversation_id = t.conversation_id AND m.account_id = t.account_id
        AND m.left_at IS NULL
    ), receipts AS (
      INSERT INTO chat.receipt_revs AS r (conversation_id, receipts_rev)
      SELECT id, 1 FROM unnest(${list(caughtUp)}::int8[]) AS id ORDER BY id
      ON CONFLICT (conversation_id) DO UPDATE SET receipts_rev = r.receipts_rev + 1
    )
    UPDATE chat.conversations c
    SET top_seq = t.top_seq, rev = t.rev, last_message_at = ${new Date(placed[0]?.created_at ?? 0)}
    FROM unnest(${list(counters.map((c) => c.id))}::int8[],
      ${list(counters.map((c) => c.top_seq))}::int8[],
      ${list(counters.map((c) => c.rev))}::int8[]) AS t (id, top_seq, rev)
    WHERE c.id = t.id`;
}
