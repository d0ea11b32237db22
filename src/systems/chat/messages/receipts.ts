import type { Clock } from "../../../platform/clock/clock.ts";
import type { Db, Reader } from "../../../platform/db/db.ts";
import type { Log } from "../../../platform/log/log.ts";
import type { Live } from "../live.ts";
import type { Receipts } from "../shapes.ts";
import { levelsOf, type Standpoint } from "./levels.ts";
import { list } from "./send-store.ts";
import { notFound } from "./standing.ts";

/**
 * What others are told of how far messages got. Members with equal marks are counted by the
 * database, so 1,000 who have read all are one row; whoever changes them asks for it to be told,
 * and it is told once for all changes of a moment. Of a channel nothing is told.
 */
/** Up to so many members it is said of each. */
export const receiptMembersMax = 16;
const tellEveryMs = 100;

export class ReceiptTelling {
  private readonly deps: { db: Db; live: Live; clock: Clock; log: Log };
  private readonly changed = new Set<string>();
  private readonly stopping = new AbortController();
  private telling: Promise<void> | null = null;

  constructor(deps: { db: Db; live: Live; clock: Clock; log: Log }) {
    this.deps = deps;
  }

  tell(conversationIds: Iterable<string>): void {
    for (const id of conversationIds) this.changed.add(id);
    if (this.changed.size > 0 && !this.stopping.signal.aborted) this.telling ??= this.run();
  }

  private async run(): Promise<void> {
    const { db, live, clock, log } = this.deps;
    await clock.sleep(tellEveryMs, this.stopping.signal);
    const ids = [...this.changed];
    this.changed.clear();
    try {
      for (const receipts of await receiptsOf(db, ids)) live.receipts(receipts);
    } catch (error) {
      // The next change tells it, or whoever sees by a beat that theirs are old.
      log.warn("receipts could not be told", { error });
    }
    this.telling = null;
    this.tell([]);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.telling;
  }
}

type HeadRow = { id: string; member_count: number; receipts_rev: string | null };

type MemberRow = {
  conversation_id: string;
  account_id: string | null;
  from_seq: string;
  delivered_seq: string;
  read_seq: string;
  count: number;
};

/**
 * Channels and what is not there are left out. The number is read first, so that what is counted
 * may be newer than it says and never older.
 */
export async function receiptsOf(reader: Reader, ids: readonly string[]): Promise<Receipts[]> {
  const heads = await reader.all<HeadRow>`
    SELECT c.id, c.member_count, r.receipts_rev FROM chat.conversations c
    LEFT JOIN chat.receipt_revs r ON r.conversation_id = c.id
    WHERE c.id = ANY(${list(ids)}::int8[]) AND c.kind <> 'channel' AND c.deleted_at IS NULL`;
  const small = heads.filter((head) => head.member_count <= receiptMembersMax).map(({ id }) => id);
  const rows = await reader.all<MemberRow>`
    SELECT conversation_id, CASE WHEN conversation_id = ANY(${list(small)}::int8[])
        THEN account_id END AS account_id,
      from_seq, delivered_seq, read_seq, count(*)::int4 AS count
    FROM chat.members
    WHERE conversation_id = ANY(${list(heads.map(({ id }) => id))}::int8[]) AND left_at IS NULL
    GROUP BY 1, 2, 3, 4, 5`;
  const byConversation = Map.groupBy(rows, (row) => row.conversation_id);
  return heads.map(({ id, receipts_rev }) => {
    const members = byConversation.get(id) ?? [];
    const named = members.filter((row) => row.account_id !== null);
    return {
      conversation_id: id,
      receipts_rev: Number(receipts_rev ?? 0),
      levels: levelsOf(members.map(standpointOf)),
      ...(named.length > 0 && { members: named.map(markOf) }),
    };
  });
}

const standpointOf = (row: MemberRow): Standpoint => ({
  from_seq: Number(row.from_seq),
  delivered_seq: Number(row.delivered_seq),
  read_seq: Number(row.read_seq),
  count: row.count,
});

const markOf = (row: MemberRow) => ({
  account_id: row.account_id as string,
  delivered_seq: Number(row.delivered_seq),
  read_seq: Number(row.read_seq),
});

/** Of one conversation, not a channel. Throws `chat.not_found`. */
export async function receiptsOfOne(reader: Reader, id: string): Promise<Receipts> {
  const [receipts] = await receiptsOf(reader, [id]);
  if (!receipts) throw notFound();
  return receipts;
}

export type Had = { account_id: string; delivered: boolean; read: boolean };

type HadRow = { account_id: string; delivered_seq: string; read_seq: string };

/** Of each other member who can see a message, by their ids; one more than `limit` if there are. */
export async function whoHas(
  reader: Reader,
  at: { conversation_id: string; seq: number; sender_id: string },
  { after, limit }: { after: string; limit: number },
): Promise<Had[]> {
  const rows = await reader.all<HadRow>`
    SELECT account_id, delivered_seq, read_seq FROM chat.members
    WHERE conversation_id = ${at.conversation_id} AND account_id > ${after} AND left_at IS NULL
      AND from_seq < ${at.seq} AND account_id <> ${at.sender_id}
    ORDER BY account_id LIMIT ${limit + 1}`;
  return rows.map((row) => ({
    account_id: row.account_id,
    delivered: Number(row.delivered_seq) >= at.seq,
    read: Number(row.read_seq) >= at.seq,
  }));
}
