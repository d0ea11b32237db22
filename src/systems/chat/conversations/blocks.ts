import type { Reader, Writer } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import type { Person } from "./people.ts";

/**
 * Whom a person wants nothing from. It ends what the two write to each other alone and keeps them
 * from adding each other; in groups both are heard, and clients mark or hide by this list.
 */
const blocksMax = 10_000;

export async function block(
  tx: Writer,
  { by, accountId, now }: { by: string; accountId: string; now: Date },
): Promise<void> {
  const row = await tx.one<{ n: number }>`
    SELECT count(*)::int AS n FROM chat.blocks WHERE account_id = ${by}`;
  if (row && row.n >= blocksMax) {
    throw new AppError("chat.limit", `You blocked ${blocksMax} people; unblock some first.`);
  }
  await tx.run`
    INSERT INTO chat.blocks (account_id, blocked_id, created_at)
    VALUES (${by}, ${accountId}, ${now}) ON CONFLICT DO NOTHING`;
}

export async function unblock(
  tx: Writer,
  { by, accountId }: { by: string; accountId: string },
): Promise<void> {
  const removed = await tx.run`
    DELETE FROM chat.blocks WHERE account_id = ${by} AND blocked_id = ${accountId}`;
  if (removed === 0) throw new AppError("chat.not_found", "You did not block this person.");
}

export async function listBlocks(
  reader: Reader,
  by: string,
  page: { after: string | null; limit: number },
): Promise<(Person & { created_at: Date })[]> {
  return await reader.all<Person & { created_at: Date }>`
    SELECT b.blocked_id AS account_id, coalesce(p.name, '') AS name, b.created_at
    FROM chat.blocks b LEFT JOIN chat.people p ON p.account_id = b.blocked_id
    WHERE b.account_id = ${by} AND b.blocked_id > ${page.after ?? "0"}
    ORDER BY b.blocked_id LIMIT ${page.limit}`;
}

/** Of one who is gone, both ways. */
export async function dropBlocks(tx: Writer, accountId: string): Promise<void> {
  await tx.run`
    DELETE FROM chat.blocks WHERE account_id = ${accountId} OR blocked_id = ${accountId}`;
}
