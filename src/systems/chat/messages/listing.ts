import type { Db } from "../../../platform/db/db.ts";
import type { Listing, Top } from "../ports.ts";
import { changesSince } from "./changes.ts";
import { readTogether } from "./page.ts";
import { idsBehind, listedOnes, listedPage, type After } from "./listing-store.ts";
import type { Listed } from "../shapes.ts";

/** What the live part reads of the rest of chat, for many at once where it asks for many. */
export const listedPageMax = 100;

export function createListing(db: Db): Listing {
  return {
    async *pages(accountId) {
      const first = await listedPage(db, accountId, { after: null, limit: listedPageMax });
      yield first;
      if (first.length < listedPageMax) return;
      // Ordering all of them again for each page would cost more than the pages.
      const rest = await idsBehind(db, accountId, placeOf(first.at(-1) as Listed));
      for (let n = 0; n < rest.length; n += listedPageMax) {
        yield await listedOnes(db, accountId, rest.slice(n, n + listedPageMax));
      }
    },
    some: (accountId, ids) => listedOnes(db, accountId, ids),
    async selfRev(accountId) {
      return (await selfRevs(db, [accountId])).get(accountId) ?? 0;
    },
    selfRevs: (accountIds) => selfRevs(db, accountIds),
    tops: (ids) => tops(db, ids),
    members: (id) => membersOf(db, id),
    async isMember(conversationId, accountId) {
      const row = await db.one`
        SELECT FROM chat.members m JOIN chat.conversations c ON c.id = m.conversation_id
        WHERE m.conversation_id = ${conversationId} AND m.account_id = ${accountId}
          AND m.left_at IS NULL AND c.deleted_at IS NULL`;
      return row !== null;
    },
    changes: readTogether((id, since, limit) => changesSince(db, id, { since, limit })),
  };
}

/** Where a page that ends with this one is followed by the next. */
export function placeOf({ conversation }: Listed): After {
  return {
    moved_at: conversation.last_message_at ?? conversation.created_at,
    id: conversation.id,
  };
}

async function selfRevs(db: Db, ids: readonly string[]): Promise<Map<string, number>> {
  const rows = await db.all<{ account_id: string; self_rev: string }>`
    SELECT account_id, self_rev FROM chat.people
    WHERE account_id = ANY(${db.array(ids, "int8")})`;
  const known = new Map(rows.map((row) => [row.account_id, Number(row.self_rev)]));
  return new Map(ids.map((id) => [id, known.get(id) ?? 0]));
}

type TopRow = { id: string; top_seq: string; rev: string; receipts_rev: string | null };

async function tops(db: Db, ids: readonly string[]): Promise<Top[]> {
  const rows = await db.all<TopRow>`
    SELECT c.id, c.top_seq, c.rev, r.receipts_rev FROM chat.conversations c
    LEFT JOIN chat.receipt_revs r ON r.conversation_id = c.id
    WHERE c.id = ANY(${db.array(ids, "int8")}) AND c.deleted_at IS NULL`;
  return rows.map((row) => [
    row.id,
    Number(row.top_seq),
    Number(row.rev),
    Number(row.receipts_rev ?? 0),
  ]);
}

/**
 * The number is read first: a change in between makes the list newer than its number, which is
 * harmless, never older.
 */
async function membersOf(db: Db, id: string) {
  const row = await db.one<{ kind: string; members_rev: string }>`
    SELECT kind, members_rev FROM chat.conversations WHERE id = ${id} AND deleted_at IS NULL`;
  if (!row) return null;
  const members_rev = Number(row.members_rev);
  if (row.kind === "channel") return { members_rev, account_ids: null };
  const members = await db.all<{ account_id: string }>`
    SELECT account_id FROM chat.members WHERE conversation_id = ${id} AND left_at IS NULL`;
  return { members_rev, account_ids: members.map((member) => member.account_id) };
}
