import type { Reader } from "../../../platform/db/db.ts";
import { conversationOf, messageOf, type ConversationRow, type MessageRow } from "../rows.ts";
import type { Listed, Own, Role } from "../shapes.ts";

/** Lines of the list of conversations: each of these statements is a whole page. */
type LastMessage = { [K in keyof MessageRow as `last_${K}`]: MessageRow[K] | null };

type ListedRow = ConversationRow &
  LastMessage & {
    role: Role;
    from_seq: string;
    delivered_seq: string;
    read_seq: string;
    muted_until: Date | null;
    archived: boolean;
    draft: Own["draft"];
    peer_id: string | null;
    peer_name: string | null;
  };

/** Where a page begins: behind the conversation that was moved then. */
export type After = { moved_at: string; id: string };

/** A conversation without messages stands where it was made. Cursors have no microseconds. */
const moved = (reader: Reader) =>
  reader.sql`date_trunc('milliseconds', coalesce(c.last_message_at, c.created_at))`;

/** Most recently moved first. */
export async function listedPage(
  reader: Reader,
  accountId: string,
  { after, limit }: { after: After | null; limit: number },
): Promise<Listed[]> {
  const behind = after
    ? reader.sql`AND (${moved(reader)}, c.id) < (${after.moved_at}::timestamptz, ${after.id})`
    : reader.sql``;
  const rows = await reader.all<ListedRow>`
    WITH page AS MATERIALIZED (
      SELECT c.id, ${moved(reader)} AS moved_at
      FROM chat.members m JOIN chat.conversations c ON c.id = m.conversation_id
      WHERE m.account_id = ${accountId} AND m.left_at IS NULL AND c.deleted_at IS NULL ${behind}
      ORDER BY moved_at DESC, c.id DESC LIMIT ${limit})
    SELECT ${columns(reader)} FROM page p ${tables(reader, accountId)}
    ORDER BY p.moved_at DESC, p.id DESC`;
  return rows.map(listedOf);
}

export async function listedOnes(
  reader: Reader,
  accountId: string,
  ids: readonly string[],
): Promise<Listed[]> {
  const rows = await reader.all<ListedRow>`
    SELECT ${columns(reader)}
    FROM unnest(${reader.array(ids, "int8")}) WITH ORDINALITY AS p (id, n)
    ${tables(reader, accountId)} AND m.left_at IS NULL AND c.deleted_at IS NULL
    ORDER BY p.n`;
  return rows.map(listedOf);
}

/** Of all conversations of an account behind a place, in the order of the list. */
export async function idsBehind(
  reader: Reader,
  accountId: string,
  { moved_at, id }: After,
): Promise<string[]> {
  const rows = await reader.all<{ id: string }>`
    SELECT c.id FROM chat.members m JOIN chat.conversations c ON c.id = m.conversation_id
    WHERE m.account_id = ${accountId} AND m.left_at IS NULL AND c.deleted_at IS NULL
      AND (${moved(reader)}, c.id) < (${moved_at}::timestamptz, ${id})
    ORDER BY ${moved(reader)} DESC, c.id DESC`;
  return rows.map((row) => row.id);
}

function columns(reader: Reader) {
  return reader.sql`c.*, r.receipts_rev,
    m.role, m.from_seq, m.delivered_seq, m.read_seq, m.muted_until, m.archived, m.draft,
    CASE WHEN c.kind = 'direct' THEN peer.account_id END AS peer_id, peer.name AS peer_name,
    l.conversation_id AS last_conversation_id, l.seq AS last_seq, l.id AS last_id,
    l.rev AS last_rev, l.sender_id AS last_sender_id, l.client_msg_id AS last_client_msg_id,
    l.by_program AS last_by_program, l.body AS last_body, l.reply_to_seq AS last_reply_to_seq,
    l.thread_seq AS last_thread_seq, l.reply_count AS last_reply_count, l.extra AS last_extra,
    l.created_at AS last_created_at, l.edited_at AS last_edited_at,
    l.deleted_at AS last_deleted_at, l.pinned_at AS last_pinned_at,
    l.expires_at AS last_expires_at`;
}

/** Joined to `p`, which has their ids. */
function tables(reader: Reader, accountId: string) {
  return reader.sql`
    JOIN chat.members m ON m.conversation_id = p.id AND m.account_id = ${accountId}
    JOIN chat.conversations c ON c.id = p.id
    LEFT JOIN chat.receipt_revs r ON r.conversation_id = p.id
    LEFT JOIN chat.shown_messages l
      ON l.conversation_id = p.id AND l.seq = c.top_seq AND l.seq > m.from_seq
    LEFT JOIN LATERAL (
      SELECT o.account_id, coalesce(h.name, '') AS name FROM chat.members o
      LEFT JOIN chat.people h ON h.account_id = o.account_id
      WHERE c.kind = 'direct' AND o.conversation_id = p.id AND o.account_id <> ${accountId}
      LIMIT 1) AS peer ON true
    WHERE true`;
}

function listedOf(row: ListedRow): Listed {
  const fromSeq = Number(row.from_seq);
  const readSeq = Number(row.read_seq);
  return {
    conversation: conversationOf(row),
    own: {
      role: row.role,
      from_seq: fromSeq,
      delivered_seq: Number(row.delivered_seq),
      read_seq: readSeq,
      unread: Number(row.top_seq) - Math.max(readSeq, fromSeq),
      muted_until: row.muted_until?.toISOString() ?? null,
      archived: row.archived,
      draft: row.draft,
    },
    peer: row.peer_id === null ? null : { account_id: row.peer_id, name: row.peer_name ?? "" },
    last_message: row.last_id === null ? null : messageOf(lastOf(row)),
  };
}

function lastOf(row: ListedRow): MessageRow {
  const last = Object.entries(row).filter(([key]) => lastColumn.test(key));
  return Object.fromEntries(last.map(([key, value]) => [key.slice(5), value])) as MessageRow;
}

/** `last_message_at` is the conversation's own. */
const lastColumn = /^last_(?!message_at)/;
