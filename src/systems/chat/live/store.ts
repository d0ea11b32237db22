import type { Db, Reader, Writer } from "../../../platform/db/db.ts";

/** What the live part asks the database itself: who may hear, who may see whom. */

/**
 * Who of these is a member, and as of which change at least; null where there is no such
 * conversation any more. The number is read first: the list may be newer, never older.
 */
export async function membersAmong(
  reader: Reader,
  conversationId: string,
  accountIds: readonly string[],
): Promise<{ membersRev: number; members: Set<string> } | null> {
  const row = await reader.one<{ members_rev: string }>`
    SELECT members_rev FROM chat.conversations
    WHERE id = ${conversationId} AND deleted_at IS NULL`;
  if (!row) return null;
  const rows = await reader.all<{ account_id: string }>`
    SELECT account_id FROM chat.members
    WHERE conversation_id = ${conversationId} AND left_at IS NULL
      AND account_id = ANY(${reader.array(accountIds, "int8")})`;
  const members = new Set(rows.map((member) => member.account_id));
  return { membersRev: Number(row.members_rev), members };
}

export type Seen = { account_id: string; last_seen_at: Date | null; invisible: boolean };

/**
 * Those of `wanted` whom this person may see come and go: they share a conversation that is no
 * channel, and neither blocked the other.
 */
export async function visibleTo(
  reader: Reader,
  accountId: string,
  wanted: readonly string[],
): Promise<Seen[]> {
  return await reader.all<Seen>`
    SELECT w.account_id, p.last_seen_at, coalesce(p.invisible, false) AS invisible
    FROM unnest(${reader.array(wanted, "int8")}) AS w (account_id)
    LEFT JOIN chat.people p ON p.account_id = w.account_id
    WHERE EXISTS (
        SELECT FROM chat.members mine
        JOIN chat.members theirs ON theirs.conversation_id = mine.conversation_id
        JOIN chat.conversations c ON c.id = mine.conversation_id
        WHERE mine.account_id = ${accountId} AND theirs.account_id = w.account_id
          AND mine.left_at IS NULL AND theirs.left_at IS NULL
          AND c.kind <> 'channel' AND c.deleted_at IS NULL)
      AND NOT EXISTS (
        SELECT FROM chat.blocks b
        WHERE (b.account_id = ${accountId} AND b.blocked_id = w.account_id)
           OR (b.account_id = w.account_id AND b.blocked_id = ${accountId}))`;
}

/** Whether one of two people blocked the other. */
export async function areBlocked(reader: Reader, pair: readonly string[]): Promise<boolean> {
  const [a, b] = pair;
  const row = await reader.one`
    SELECT FROM chat.blocks
    WHERE (account_id = ${a} AND blocked_id = ${b}) OR (account_id = ${b} AND blocked_id = ${a})
    LIMIT 1`;
  return row !== null;
}

export async function isInvisible(reader: Reader, accountId: string): Promise<boolean> {
  const row = await reader.one<{ invisible: boolean }>`
    SELECT invisible FROM chat.people WHERE account_id = ${accountId}`;
  return row?.invisible ?? false;
}

export async function setInvisible(db: Db, accountId: string, invisible: boolean): Promise<void> {
  await db.write(
    (tx) => tx.run`
    INSERT INTO chat.people (account_id, invisible) VALUES (${accountId}, ${invisible})
    ON CONFLICT (account_id) DO UPDATE SET invisible = excluded.invisible`,
  );
}

/** Several processes may notice that somebody went; the latest moment stays. */
export async function markLastSeen(db: Db, accountIds: readonly string[], at: Date): Promise<void> {
  const sorted = accountIds.toSorted();
  await db.write(
    (tx) => tx.run`
    INSERT INTO chat.people (account_id, last_seen_at)
    SELECT id, ${at} FROM unnest(${tx.array(sorted, "int8")}) AS id ORDER BY id
    ON CONFLICT (account_id) DO UPDATE
      SET last_seen_at = greatest(chat.people.last_seen_at, excluded.last_seen_at)
      WHERE NOT chat.people.invisible`,
  );
}

export async function insertTicket(
  tx: Writer,
  ticket: { hash: Uint8Array; sealed: Uint8Array; expires_at: Date },
): Promise<void> {
  await tx.run`
    INSERT INTO chat.tickets (hash, sealed, expires_at)
    VALUES (${ticket.hash}, ${ticket.sealed}, ${ticket.expires_at})`;
}

/** Takes it out, so that it is good once; null when there is none. */
export async function takeTicket(
  db: Db,
  hash: Uint8Array,
): Promise<{ sealed: Uint8Array; expires_at: Date } | null> {
  return await db.write(
    (tx) => tx.one<{ sealed: Uint8Array; expires_at: Date }>`
      DELETE FROM chat.tickets WHERE hash = ${hash} RETURNING sealed, expires_at`,
  );
}

export async function deleteTickets(db: Db, before: Date): Promise<void> {
  await db.write((tx) => tx.run`DELETE FROM chat.tickets WHERE expires_at < ${before}`);
}
