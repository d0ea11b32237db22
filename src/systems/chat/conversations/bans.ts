import type { Reader, Writer } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";

/**
 * Who may say nothing in this install until a time: neither send, nor open, nor bring anybody in.
 * They read on, and stay where they are.
 */
export type Ban = {
  account_id: string;
  name: string;
  banned_until: Date;
  ban_reason: string | null;
  banned_at: Date;
  banned_by: string;
};

export async function requireNotBanned(
  reader: Reader,
  accountId: string,
  now: number,
): Promise<void> {
  const row = await reader.one<{ banned_until: Date }>`
    SELECT banned_until FROM chat.people
    WHERE account_id = ${accountId} AND banned_until > ${new Date(now)}`;
  if (!row) return;
  const until = row.banned_until.toISOString();
  throw new AppError("chat.banned", `You may not do this until ${until}.`);
}

export async function ban(
  tx: Writer,
  accountId: string,
  given: { until: Date; reason: string; by: string; now: Date },
): Promise<Ban> {
  const row = await tx.one<Ban>`
    UPDATE chat.people SET banned_until = ${given.until}, ban_reason = ${given.reason},
      banned_at = ${given.now}, banned_by = ${given.by}
    WHERE account_id = ${accountId}
    RETURNING account_id, name, banned_until, ban_reason, banned_at, banned_by`;
  if (!row) throw new AppError("chat.not_found", "There is no such person.");
  return row;
}

export async function unban(tx: Writer, accountId: string): Promise<void> {
  const lifted = await tx.run`
    UPDATE chat.people
    SET banned_until = NULL, ban_reason = NULL, banned_at = NULL, banned_by = NULL
    WHERE account_id = ${accountId} AND banned_until IS NOT NULL`;
  if (lifted === 0) throw new AppError("chat.not_found", "This person is not banned.");
}

/** Those whose time has passed as well: an administrator may want to know. */
export async function listBans(
  reader: Reader,
  page: { after: string | null; limit: number },
): Promise<Ban[]> {
  return await reader.all<Ban>`
    SELECT account_id, name, banned_until, ban_reason, banned_at, banned_by FROM chat.people
    WHERE banned_until IS NOT NULL AND account_id > ${page.after ?? "0"}
    ORDER BY account_id LIMIT ${page.limit}`;
}
