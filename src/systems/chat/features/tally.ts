import type { Writer } from "../../../platform/db/db.ts";
import type { MessageRow } from "../rows.ts";
import type { Extra } from "../shapes.ts";

/**
 * Reactions and votes as they are shown: counted anew from the rows at each change, under the lock
 * of the conversation's row, so that the sums are those of the rows whatever happens at once.
 */
export const namedMax = 20;

export async function tallied(tx: Writer, message: MessageRow): Promise<Extra> {
  const { reactions: _, votes: __, ...rest } = message.extra;
  const reactions = await reactionsOf(tx, message);
  const votes = message.body?.poll && (await votesOf(tx, message, message.body.poll.options));
  return { ...rest, ...(reactions.length > 0 && { reactions }), ...(votes && { votes }) };
}

type Reaction = { emoji: string; count: number; by: string[] };

async function reactionsOf(tx: Writer, { conversation_id, seq }: MessageRow): Promise<Reaction[]> {
  return await tx.all<Reaction>`
    SELECT emoji, count(*)::int AS count,
      to_jsonb((array_agg(account_id::text ORDER BY since_rev))[1:${namedMax}]) AS by
    FROM chat.reactions WHERE conversation_id = ${conversation_id} AND seq = ${seq}
    GROUP BY emoji ORDER BY min(since_rev), emoji`;
}

type Vote = { option: number; count: number; by: string[] };

async function votesOf(tx: Writer, { conversation_id, seq }: MessageRow, options: string[]) {
  const rows = await tx.all<Vote>`
    SELECT option, count(*)::int AS count,
      to_jsonb((array_agg(account_id::text ORDER BY since_rev))[1:${namedMax}]) AS by
    FROM chat.votes WHERE conversation_id = ${conversation_id} AND seq = ${seq}
    GROUP BY option`;
  return options.map((_, n) => {
    const { count = 0, by = [] } = rows.find(({ option }) => option === n) ?? {};
    return { count, by };
  });
}
