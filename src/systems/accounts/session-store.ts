import type { Reader, Writer } from "../../platform/db/db.ts";
import type { Role } from "./contract.ts";

/** The SQL of sessions. */
export type Session = {
  id: string;
  account_id: string;
  generation: number;
  token_hash: Uint8Array;
  previous_hash: Uint8Array | null;
  chain_key: Uint8Array;
  rotated_at: Date;
  expires_at: Date;
  user_agent: string;
  address: string;
  created_at: Date;
};

/** What a credential proves, as read for one request. */
export type Standing = {
  account_id: string;
  role: Role;
  tier: string;
  must_change_password: boolean;
  expires_at: Date | null;
};

export async function insertSession(
  tx: Writer,
  session: Omit<Session, "generation" | "previous_hash">,
): Promise<void> {
  await tx.run`
    INSERT INTO accounts.sessions (id, account_id, token_hash, chain_key, rotated_at, expires_at,
      user_agent, address, created_at)
    VALUES (${session.id}, ${session.account_id}, ${session.token_hash}, ${session.chain_key},
      ${session.rotated_at}, ${session.expires_at}, ${session.user_agent}, ${session.address},
      ${session.created_at})`;
}

export async function lockSession(tx: Writer, id: string): Promise<Session | null> {
  return await tx.one<Session>`SELECT * FROM accounts.sessions WHERE id = ${id} FOR UPDATE`;
}

export async function rotateSession(
  tx: Writer,
  session: Pick<Session, "id" | "token_hash" | "rotated_at" | "expires_at" | "address">,
): Promise<void> {
  await tx.run`
    UPDATE accounts.sessions SET generation = generation + 1, previous_hash = token_hash,
      token_hash = ${session.token_hash}, rotated_at = ${session.rotated_at},
      expires_at = ${session.expires_at}, address = ${session.address}
    WHERE id = ${session.id}`;
}

/** The ids of those deleted. */
export async function deleteSessions(
  tx: Writer,
  which: { account_id: string; id?: string; except?: string | null },
): Promise<string[]> {
  const rows = await tx.all<{ id: string }>`
    DELETE FROM accounts.sessions
    WHERE account_id = ${which.account_id}
      AND (${which.id ?? null}::bigint IS NULL OR id = ${which.id ?? null}::bigint)
      AND id IS DISTINCT FROM ${which.except ?? null}::bigint
    RETURNING id`;
  return rows.map((row) => row.id);
}

/** Makes room: the ones unused for longest go. Returns their ids. */
export async function keepNewestSessions(
  tx: Writer,
  accountId: string,
  count: number,
): Promise<string[]> {
  const rows = await tx.all<{ id: string }>`
    DELETE FROM accounts.sessions WHERE id IN (
      SELECT id FROM accounts.sessions WHERE account_id = ${accountId}
      ORDER BY rotated_at DESC, id DESC OFFSET ${count})
    RETURNING id`;
  return rows.map((row) => row.id);
}

export type SignedInDevice = Pick<
  Session,
  "id" | "user_agent" | "address" | "created_at" | "rotated_at" | "expires_at"
>;

export async function listSessions(
  reader: Reader,
  options: { account_id: string; now: number; limit: number },
): Promise<SignedInDevice[]> {
  return await reader.all<SignedInDevice>`
    SELECT id, user_agent, address, created_at, rotated_at, expires_at
    FROM accounts.sessions
    WHERE account_id = ${options.account_id} AND expires_at > ${new Date(options.now)}
    ORDER BY rotated_at DESC LIMIT ${options.limit}`;
}

export async function sessionStanding(reader: Reader, id: string): Promise<Standing | null> {
  return await reader.one<Standing>`
    SELECT s.account_id, a.role, a.tier, a.must_change_password, s.expires_at
    FROM accounts.sessions s JOIN accounts.accounts a ON a.id = s.account_id
    WHERE s.id = ${id} AND a.disabled_at IS NULL`;
}
