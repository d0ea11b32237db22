import type { Writer } from "../../../platform/db/db.ts";
import type { ConversationRow } from "../rows.ts";
import type { Role } from "../shapes.ts";

/** The SQL of sending: each statement serves all messages of a transaction. */
export type Identity = { conversation_id: string; sender_id: string; client_msg_id: string };

/** Who the sender of one message is where it is sent to. */
export type Standing = {
  role: Role | null;
  left_at: Date | null;
  from_seq: string | null;
  read_seq: string | null;
  last_sent_at: Date | null;
  banned_until: Date | null;
};

/** A message that is there: `n` counts those asked for from 1. */
export type Stored = { n: number; seq: string; id: string; sent_rev: string; created_at: Date };

/** In the order of their ids, so that no two transactions wait for each other. */
export async function lockConversations(tx: Writer, ids: string[]): Promise<ConversationRow[]> {
  return await tx.all<ConversationRow>`
    SELECT c.*, NULL AS receipts_rev FROM chat.conversations c
    WHERE c.id = ANY(${list(ids)}::int8[]) AND c.deleted_at IS NULL
    ORDER BY c.id FOR NO KEY UPDATE`;
}

/** The constraint that a message breaks which is there already. */
export const sameMessage = "messages_client_msg_id";

/**
 * What there is to know before deciding: the conversations, locked, and who the senders are. Sent
 * together and run one after the other, so that the later statement sees what was committed by the
 * time that the rows were had.
 */
export async function look(tx: Writer, asked: readonly Identity[], lockTimeoutMs: number) {
  const [, conversations, standings] = await Promise.all([
    // Each begins when it is called; a bare statement would wait until somebody waits for it.
    waitForLocks(tx, lockTimeoutMs),
    lockConversations(tx, [...new Set(asked.map((one) => one.conversation_id))]),
    standingsOf(tx, asked),
  ]);
  return { conversations, standings };
}

async function waitForLocks(tx: Writer, ms: number): Promise<void> {
  await tx.run`SELECT set_config('lock_timeout', ${`${ms}ms`}, true)`;
}

async function standingsOf(tx: Writer, asked: readonly Identity[]): Promise<Standing[]> {
  return await tx.all<Standing>`
    SELECT m.role, m.left_at, m.from_seq, m.read_seq, m.last_sent_at, p.banned_until
    FROM unnest(${list(asked.map((one) => one.conversation_id))}::int8[],
        ${list(asked.map((one) => one.sender_id))}::int8[])
      WITH ORDINALITY AS a (conversation_id, sender_id, n)
    LEFT JOIN chat.members m
      ON m.conversation_id = a.conversation_id AND m.account_id = a.sender_id
    LEFT JOIN chat.people p ON p.account_id = a.sender_id
    ORDER BY a.n`;
}

/** Which of the messages are there. */
export async function storedOf(tx: Writer, asked: readonly Identity[]): Promise<Stored[]> {
  return await tx.all<Stored>`
    SELECT a.n::int4 AS n, d.seq, d.id, d.sent_rev, d.created_at
    FROM unnest(${list(asked.map((one) => one.conversation_id))}::int8[],
        ${list(asked.map((one) => one.sender_id))}::int8[],
        ${list(asked.map((one) => one.client_msg_id))}::text[])
      WITH ORDINALITY AS a (conversation_id, sender_id, client_msg_id, n)
    JOIN chat.messages d ON d.conversation_id = a.conversation_id
      AND d.sender_id = a.sender_id AND d.client_msg_id = a.client_msg_id`;
}

export type Pair = { conversation_id: string; account_id: string };

/** Those of the pairs who are members, as `conversation:account`. */
export async function membersAmong(tx: Writer, pairs: Pair[]): Promise<Set<string>> {
  if (pairs.length === 0) return new Set();
  const rows = await tx.all<Pair>`
    SELECT conversation_id, account_id FROM chat.members
    WHERE left_at IS NULL AND (conversation_id, account_id) IN (
      SELECT * FROM unnest(${list(pairs.map((pair) => pair.conversation_id))}::int8[],
        ${list(pairs.map((pair) => pair.account_id))}::int8[]))`;
  return new Set(rows.map((row) => `${row.conversation_id}:${row.account_id}`));
}

export type Place = { conversation_id: string; seq: number };

/** What thread each of these messages is in, itself; null for none. Unknown ones are left out. */
export async function threadsOf(tx: Writer, places: Place[]): Promise<Map<string, string | null>> {
  if (places.length === 0) return new Map();
  const rows = await tx.all<{ conversation_id: string; seq: string; thread_seq: string | null }>`
    SELECT conversation_id, seq, thread_seq FROM chat.messages
    WHERE (conversation_id, seq) IN (
      SELECT * FROM unnest(${list(places.map((at) => at.conversation_id))}::int8[],
        ${list(places.map((at) => at.seq))}::int8[]))`;
  return new Map(rows.map((row) => [`${row.conversation_id}:${row.seq}`, row.thread_seq]));
}

/**
 * An array as PostgreSQL reads it, to be cast where it is used. For numbers, times, truth values
 * and names without a character that means something there. Ten times faster than quoting all,
 * which was a third of the work of sending.
 */
export function list(values: readonly (string | number | boolean | null)[]): string {
  return `{${values.map((value) => value ?? "null").join(",")}}`;
}
