import type { Reader, Writer } from "../../../platform/db/db.ts";
import type { ConversationRow } from "../rows.ts";
import type { Member, Role } from "../shapes.ts";

/** The SQL of who is in a conversation. */
export type MemberRow = {
  account_id: string;
  name: string;
  role: Role;
  joined_at: Date;
  left_at: Date | null;
  rev: string;
};

export function memberOf(row: MemberRow): Member {
  return {
    ...row,
    joined_at: row.joined_at.toISOString(),
    left_at: row.left_at?.toISOString() ?? null,
    rev: Number(row.rev),
  };
}

/** Comes in anew, or again: then what was said before and meanwhile is not theirs to see. */
export async function upsertMembers(
  tx: Writer,
  conversationId: string,
  entering: {
    account_ids: readonly string[];
    role: Role;
    rev: number;
    from_seq: number;
    now: Date;
  },
): Promise<void> {
  await tx.run`
    INSERT INTO chat.members (conversation_id, account_id, role, from_seq, joined_at, rev)
    SELECT ${conversationId}, id, ${entering.role}, ${entering.from_seq}, ${entering.now},
      ${entering.rev}
    FROM unnest(${tx.array(entering.account_ids, "int8")}) AS id
    ON CONFLICT (conversation_id, account_id) DO UPDATE SET role = excluded.role,
      from_seq = excluded.from_seq, joined_at = excluded.joined_at, rev = excluded.rev,
      until_seq = NULL, left_at = NULL, removed_by = NULL, archived = false, draft = NULL,
      muted_until = NULL`;
}

export async function markLeft(
  tx: Writer,
  conversation: ConversationRow,
  leaving: { account_id: string; removed_by: string | null; now: Date },
): Promise<void> {
  await tx.run`
    UPDATE chat.members SET left_at = ${leaving.now}, until_seq = ${conversation.top_seq},
      removed_by = ${leaving.removed_by}, rev = ${conversation.rev}, draft = NULL
    WHERE conversation_id = ${conversation.id} AND account_id = ${leaving.account_id}`;
}

export async function setRole(
  tx: Writer,
  conversation: ConversationRow,
  member: { account_id: string; role: Role },
): Promise<void> {
  await tx.run`
    UPDATE chat.members SET role = ${member.role}, rev = ${conversation.rev}
    WHERE conversation_id = ${conversation.id} AND account_id = ${member.account_id}`;
}

/** Undefined leaves it as it is. */
export async function writeOwn(
  tx: Writer,
  own: {
    id: string;
    accountId: string;
    muted_until?: Date | null | undefined;
    archived?: boolean | undefined;
  },
): Promise<void> {
  const muted = own.muted_until !== undefined;
  await tx.run`
    UPDATE chat.members SET
      muted_until = CASE WHEN ${muted} THEN ${own.muted_until ?? null}::timestamptz
        ELSE muted_until END,
      archived = coalesce(${own.archived ?? null}::boolean, archived)
    WHERE conversation_id = ${own.id} AND account_id = ${own.accountId} AND left_at IS NULL`;
}

/** Those of them who are in it now. */
export async function presentAmong(
  reader: Reader,
  conversationId: string,
  accountIds: readonly string[],
): Promise<Set<string>> {
  const rows = await reader.all<{ account_id: string }>`
    SELECT account_id FROM chat.members
    WHERE conversation_id = ${conversationId} AND left_at IS NULL
      AND account_id = ANY(${reader.array(accountIds, "int8")})`;
  return new Set(rows.map((row) => row.account_id));
}

export async function findMember(
  reader: Reader,
  conversationId: string,
  accountId: string,
): Promise<(MemberRow & { removed_by: string | null }) | null> {
  return await reader.one<MemberRow & { removed_by: string | null }>`
    SELECT m.account_id, coalesce(p.name, '') AS name, m.role, m.joined_at, m.left_at, m.rev,
      m.removed_by
    FROM chat.members m LEFT JOIN chat.people p ON p.account_id = m.account_id
    WHERE m.conversation_id = ${conversationId} AND m.account_id = ${accountId}`;
}

/** Those whose row has exactly this rev: whom the change of that rev was about. */
export async function membersOfRev(
  reader: Reader,
  conversationId: string,
  rev: string,
): Promise<MemberRow[]> {
  return await reader.all<MemberRow>`
    SELECT m.account_id, coalesce(p.name, '') AS name, m.role, m.joined_at, m.left_at, m.rev
    FROM chat.members m LEFT JOIN chat.people p ON p.account_id = m.account_id
    WHERE m.conversation_id = ${conversationId} AND m.rev = ${rev} ORDER BY m.account_id`;
}

export async function listMembers(
  reader: Reader,
  conversationId: string,
  page: { after: string | null; limit: number },
): Promise<MemberRow[]> {
  return await reader.all<MemberRow>`
    SELECT m.account_id, coalesce(p.name, '') AS name, m.role, m.joined_at, m.left_at, m.rev
    FROM chat.members m LEFT JOIN chat.people p ON p.account_id = m.account_id
    WHERE m.conversation_id = ${conversationId} AND m.left_at IS NULL
      AND m.account_id > ${page.after ?? "0"}
    ORDER BY m.account_id LIMIT ${page.limit}`;
}

/** Who runs it once its last owner goes: the longest-serving admin, else the oldest member. */
export async function nextOwner(
  reader: Reader,
  conversationId: string,
  leaving: string,
): Promise<string | null> {
  const row = await reader.one<{ account_id: string; role: Role }>`
    SELECT account_id, role FROM chat.members
    WHERE conversation_id = ${conversationId} AND left_at IS NULL AND account_id <> ${leaving}
    ORDER BY role = 'owner' DESC, role = 'admin' DESC, joined_at, account_id LIMIT 1`;
  return row && row.role !== "owner" ? row.account_id : null;
}

export async function hasOtherOwner(reader: Reader, id: string, owner: string): Promise<boolean> {
  const row = await reader.one`
    SELECT 1 FROM chat.members WHERE conversation_id = ${id} AND left_at IS NULL
      AND role = 'owner' AND account_id <> ${owner} LIMIT 1`;
  return row !== null;
}

/** Where they are now, by id. */
export async function conversationsOf(
  reader: Reader,
  accountId: string,
  page: { after: string | null; limit: number },
): Promise<string[]> {
  const rows = await reader.all<{ id: string }>`
    SELECT m.conversation_id AS id FROM chat.members m
    JOIN chat.conversations c ON c.id = m.conversation_id AND c.deleted_at IS NULL
    WHERE m.account_id = ${accountId} AND m.left_at IS NULL
      AND m.conversation_id > ${page.after ?? "0"}
    ORDER BY m.conversation_id LIMIT ${page.limit}`;
  return rows.map((row) => row.id);
}

/** Something that others see of them changed, with the rev that the conversation has now. */
export async function touchMember(
  tx: Writer,
  conversation: ConversationRow,
  accountId: string,
): Promise<void> {
  await tx.run`
    UPDATE chat.members SET rev = ${conversation.rev}
    WHERE conversation_id = ${conversation.id} AND account_id = ${accountId}`;
}
