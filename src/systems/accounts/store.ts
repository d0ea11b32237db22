import type { Reader, Writer } from "../../platform/db/db.ts";
import type { Account, Role } from "./contract.ts";

/** The SQL of accounts, sessions and keys. Times come in as milliseconds since 1970. */

export type AccountSecrets = Account & { password_hash: string | null };

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

export type Key = {
  id: string;
  name: string;
  prefix: string;
  scopes: string[];
  expires_at: Date | null;
  last_used_at: Date | null;
  created_at: Date;
};

/** What a credential proves, as read for one request. */
export type Standing = {
  account_id: string;
  role: Role;
  must_change_password: boolean;
  expires_at: Date | null;
};

export type Page = { before: string | null; limit: number };

const idMax = "9223372036854775807";

// Accounts

export async function insertAccount(
  tx: Writer,
  account: {
    id: string;
    email: string | null;
    name: string;
    role: Role;
    password_hash: string | null;
    must_change_password: boolean;
    now: number;
  },
): Promise<Account> {
  const row = await tx.one<Account>`
    INSERT INTO accounts.accounts
      (id, email, name, role, password_hash, must_change_password, created_at)
    VALUES (${account.id}, ${account.email}, ${account.name}, ${account.role},
      ${account.password_hash}, ${account.must_change_password}, ${new Date(account.now)})
    RETURNING id, email, name, role, must_change_password, disabled_at, created_at`;
  return row as Account;
}

export async function findAccount(reader: Reader, id: string): Promise<Account | null> {
  return await reader.one<Account>`
    SELECT id, email, name, role, must_change_password, disabled_at, created_at
    FROM accounts.accounts WHERE id = ${id}`;
}

/** Locks the row, so that what is decided about it stays true until the commit. */
export async function lockAccount(tx: Writer, id: string): Promise<AccountSecrets | null> {
  return await tx.one<AccountSecrets>`
    SELECT id, email, name, role, must_change_password, disabled_at, created_at, password_hash
    FROM accounts.accounts WHERE id = ${id} FOR UPDATE`;
}

export async function findSecrets(
  reader: Reader,
  by: { id: string } | { email: string },
): Promise<AccountSecrets | null> {
  const condition = "id" in by ? reader.sql`id = ${by.id}` : reader.sql`email = ${by.email}`;
  return await reader.one<AccountSecrets>`
    SELECT id, email, name, role, must_change_password, disabled_at, created_at, password_hash
    FROM accounts.accounts WHERE ${condition}`;
}

export async function listAccounts(reader: Reader, page: Page): Promise<Account[]> {
  return await reader.all<Account>`
    SELECT id, email, name, role, must_change_password, disabled_at, created_at
    FROM accounts.accounts WHERE id < ${page.before ?? idMax}
    ORDER BY id DESC LIMIT ${page.limit}`;
}

export async function updateAccount(
  tx: Writer,
  account: Pick<Account, "id" | "name" | "role" | "disabled_at">,
): Promise<void> {
  await tx.run`
    UPDATE accounts.accounts SET name = ${account.name}, role = ${account.role},
      disabled_at = ${account.disabled_at}
    WHERE id = ${account.id}`;
}

export async function updatePassword(
  tx: Writer,
  account: { id: string; password_hash: string; must_change_password: boolean },
): Promise<void> {
  await tx.run`
    UPDATE accounts.accounts SET password_hash = ${account.password_hash},
      must_change_password = ${account.must_change_password}
    WHERE id = ${account.id}`;
}

/** Locks every administrator that may sign in, so that two cannot remove each other at once. */
export async function lockAdmins(tx: Writer): Promise<string[]> {
  const rows = await tx.all<{ id: string }>`
    SELECT id FROM accounts.accounts WHERE role = 'admin' AND disabled_at IS NULL
    ORDER BY id FOR UPDATE`;
  return rows.map((row) => row.id);
}

/** Serialises the first start of several processes until the transaction ends. */
export async function lockFirstStart(tx: Writer): Promise<void> {
  await tx.all`SELECT pg_advisory_xact_lock(hashtextextended('accounts.first_start', 0))`;
}

export async function anyAccount(reader: Reader): Promise<boolean> {
  return (await reader.one`SELECT 1 FROM accounts.accounts LIMIT 1`) !== null;
}

// Identities of an outside issuer

export async function findIdentity(
  reader: Reader,
  identity: { issuer: string; subject: string },
): Promise<(Standing & { disabled_at: Date | null }) | null> {
  return await reader.one<Standing & { disabled_at: Date | null }>`
    SELECT a.id AS account_id, a.role, a.must_change_password, a.disabled_at,
      NULL::timestamptz AS expires_at
    FROM accounts.identities i JOIN accounts.accounts a ON a.id = i.account_id
    WHERE i.issuer = ${identity.issuer} AND i.subject = ${identity.subject}`;
}

/** False when another process was first. */
export async function insertIdentity(
  tx: Writer,
  identity: { issuer: string; subject: string; account_id: string; now: number },
): Promise<boolean> {
  const inserted = await tx.run`
    INSERT INTO accounts.identities (issuer, subject, account_id, created_at)
    VALUES (${identity.issuer}, ${identity.subject}, ${identity.account_id},
      ${new Date(identity.now)})
    ON CONFLICT DO NOTHING`;
  return inserted === 1;
}

// Sessions

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
    SELECT s.account_id, a.role, a.must_change_password, s.expires_at
    FROM accounts.sessions s JOIN accounts.accounts a ON a.id = s.account_id
    WHERE s.id = ${id} AND a.disabled_at IS NULL`;
}

// API keys

export async function insertKey(
  tx: Writer,
  key: Omit<Key, "last_used_at"> & { account_id: string; key_hash: Uint8Array },
): Promise<void> {
  await tx.run`
    INSERT INTO accounts.keys (id, account_id, name, key_hash, prefix, scopes, expires_at,
      created_at)
    VALUES (${key.id}, ${key.account_id}, ${key.name}, ${key.key_hash}, ${key.prefix},
      ${tx.array(key.scopes, "text")}, ${key.expires_at}, ${key.created_at})`;
}

export async function countKeys(tx: Writer, accountId: string): Promise<number> {
  const row = await tx.one<{ count: number }>`
    SELECT count(*)::int AS count FROM accounts.keys WHERE account_id = ${accountId}`;
  return row?.count ?? 0;
}

export async function listKeys(reader: Reader, accountId: string, page: Page): Promise<Key[]> {
  return await reader.all<Key>`
    SELECT id, name, prefix, scopes, expires_at, last_used_at, created_at
    FROM accounts.keys WHERE account_id = ${accountId} AND id < ${page.before ?? idMax}
    ORDER BY id DESC LIMIT ${page.limit}`;
}

export async function renameKey(
  tx: Writer,
  key: { id: string; account_id: string; name: string },
): Promise<Key | null> {
  return await tx.one<Key>`
    UPDATE accounts.keys SET name = ${key.name}
    WHERE id = ${key.id} AND account_id = ${key.account_id}
    RETURNING id, name, prefix, scopes, expires_at, last_used_at, created_at`;
}

export async function deleteKey(
  tx: Writer,
  key: { id: string; account_id: string },
): Promise<boolean> {
  const deleted = await tx.run`
    DELETE FROM accounts.keys WHERE id = ${key.id} AND account_id = ${key.account_id}`;
  return deleted === 1;
}

export async function keyStanding(
  reader: Reader,
  hash: Uint8Array,
): Promise<(Standing & { id: string; scopes: string[] }) | null> {
  return await reader.one<Standing & { id: string; scopes: string[] }>`
    SELECT k.id, k.account_id, k.scopes, k.expires_at, a.role, a.must_change_password
    FROM accounts.keys k JOIN accounts.accounts a ON a.id = k.account_id
    WHERE k.key_hash = ${hash} AND a.disabled_at IS NULL`;
}

export async function touchKeys(
  tx: Writer,
  used: readonly { id: string; at: number }[],
): Promise<void> {
  await tx.run`
    UPDATE accounts.keys k SET last_used_at = greatest(k.last_used_at, to_timestamp(u.at / 1000.0))
    FROM unnest(${tx.array(
      used.map((key) => key.id),
      "int8",
    )}, ${tx.array(
      used.map((key) => key.at),
      "int8",
    )}) AS u(id, at)
    WHERE k.id = u.id`;
}

// Ageing

/** At most `limit` rows each, so that no transaction grows long; returns how many went. */
export async function deleteExpired(
  tx: Writer,
  options: { now: number; auditBefore: number; limit: number },
): Promise<number> {
  const now = new Date(options.now);
  const sessions = await tx.run`
    DELETE FROM accounts.sessions WHERE id IN (
      SELECT id FROM accounts.sessions WHERE expires_at <= ${now} LIMIT ${options.limit})`;
  const attempts = await tx.run`
    DELETE FROM accounts.attempts WHERE bucket IN (
      SELECT bucket FROM accounts.attempts WHERE drained_at <= ${now} LIMIT ${options.limit})`;
  const audit = await tx.run`
    DELETE FROM accounts.audit WHERE id IN (
      SELECT id FROM accounts.audit WHERE occurred_at < ${new Date(options.auditBefore)}
      LIMIT ${options.limit})`;
  return Math.max(sessions, attempts, audit);
}
