import type { Writer } from "../../../platform/db/db.ts";
import { list, type Pair } from "./send-store.ts";

/**
 * The SQL of marking. Marks wait for nobody while they hold rows, so that they and the messages
 * that move the same rows never wait for each other: what somebody else has at the moment is left
 * out and comes with the next batch.
 */
export type HeldMember = {
  conversation_id: string;
  account_id: string;
  /** Whether the row is ours; the rest is only known then. */
  held: boolean;
  kind: string;
  top_seq: string;
  delivered_seq: string;
  read_seq: string;
  notified_seq: string;
};

/** Those of the conversations whose receipts are ours to move until the transaction ends. */
export async function holdReceipts(tx: Writer, ids: readonly string[]): Promise<Set<string>> {
  const sorted = list(ids);
  await tx.run`
    INSERT INTO chat.receipt_revs (conversation_id, receipts_rev)
    SELECT id, 0 FROM chat.conversations WHERE id = ANY(${sorted}::int8[]) ORDER BY id
    ON CONFLICT DO NOTHING`;
  const rows = await tx.all<{ conversation_id: string }>`
    SELECT conversation_id FROM chat.receipt_revs WHERE conversation_id = ANY(${sorted}::int8[])
    ORDER BY conversation_id FOR NO KEY UPDATE SKIP LOCKED`;
  return new Set(rows.map((row) => row.conversation_id));
}

/** Those of the accounts whose own state somebody else is changing. */
export async function holdPeople(tx: Writer, accountIds: readonly string[]): Promise<Set<string>> {
  const rows = await tx.all<{ account_id: string }>`
    WITH held AS MATERIALIZED (
      SELECT account_id FROM chat.people WHERE account_id = ANY(${list(accountIds)}::int8[])
      ORDER BY account_id FOR NO KEY UPDATE SKIP LOCKED)
    SELECT account_id FROM chat.people WHERE account_id = ANY(${list(accountIds)}::int8[])
      AND account_id NOT IN (SELECT account_id FROM held)`;
  return new Set(rows.map((row) => row.account_id));
}

/** Who is no member is left out. */
export async function holdMembers(tx: Writer, pairs: readonly Pair[]): Promise<HeldMember[]> {
  const conversationIds = list(pairs.map((pair) => pair.conversation_id));
  const accountIds = list(pairs.map((pair) => pair.account_id));
  return await tx.all<HeldMember>`
    WITH asked AS MATERIALIZED (
      SELECT * FROM unnest(${conversationIds}::int8[], ${accountIds}::int8[])
        AS t (conversation_id, account_id)
    ), held AS MATERIALIZED (
      SELECT m.conversation_id, m.account_id, m.delivered_seq, m.read_seq, m.notified_seq
      FROM asked a JOIN chat.members m USING (conversation_id, account_id)
      WHERE m.left_at IS NULL
      ORDER BY 1, 2 FOR NO KEY UPDATE OF m SKIP LOCKED
    )
    SELECT a.conversation_id, a.account_id, h.account_id IS NOT NULL AS held, c.kind, c.top_seq,
      h.delivered_seq, h.read_seq, h.notified_seq
    FROM asked a
    JOIN chat.members m USING (conversation_id, account_id)
    JOIN chat.conversations c ON c.id = a.conversation_id AND c.deleted_at IS NULL
    LEFT JOIN held h USING (conversation_id, account_id)
    WHERE m.left_at IS NULL`;
}

export type Marked = Pair & { delivered_seq: number; read_seq: number };

/** `devices` and `members` have no two alike. Their rows are held, or nobody else's. */
export async function storeMarks(
  tx: Writer,
  devices: readonly (Marked & { device_id: string })[],
  members: readonly Marked[],
  told: readonly string[],
): Promise<void> {
  const of = <T, K extends keyof T>(rows: readonly T[], key: K) =>
    list(rows.map((row) => row[key] as string | number));
  await tx.run`
    WITH devices AS (
      INSERT INTO chat.device_receipts AS d
        (conversation_id, account_id, device_id, delivered_seq, read_seq)
      SELECT * FROM unnest(${of(devices, "conversation_id")}::int8[],
        ${of(devices, "account_id")}::int8[], ${of(devices, "device_id")}::text[],
        ${of(devices, "delivered_seq")}::int8[], ${of(devices, "read_seq")}::int8[])
      ON CONFLICT (conversation_id, account_id, device_id) DO UPDATE
      SET delivered_seq = greatest(d.delivered_seq, excluded.delivered_seq),
        read_seq = greatest(d.read_seq, excluded.read_seq), updated_at = now()
      WHERE d.delivered_seq < excluded.delivered_seq OR d.read_seq < excluded.read_seq
    ), told AS (
      UPDATE chat.receipt_revs SET receipts_rev = receipts_rev + 1
      WHERE conversation_id = ANY(${list(told)}::int8[])
    )
    UPDATE chat.members m
    SET delivered_seq = greatest(m.delivered_seq, t.delivered_seq),
      read_seq = greatest(m.read_seq, t.read_seq)
    FROM unnest(${of(members, "conversation_id")}::int8[], ${of(members, "account_id")}::int8[],
      ${of(members, "delivered_seq")}::int8[], ${of(members, "read_seq")}::int8[])
      AS t (conversation_id, account_id, delivered_seq, read_seq)
    WHERE m.conversation_id = t.conversation_id AND m.account_id = t.account_id`;
}
