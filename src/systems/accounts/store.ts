import type { Reader, Writer } from "../../platform/db/db.ts";
import type { Account, Role } from "./contract.ts";
import type { Standing } from "./session-store.ts";

/** The SQL of accounts and outside identities. Sessions and keys have files of their own. */

export type AccountSecrets = Account & { password_hash: string | null };

export type Page = { before: string | null; limit: number };

/** Above every id. */
export const idMax = "9223372036854775807";

// Accounts

export async function insertAccount(
  tx: Writer,
  account: {
    id: string;
    email: string | null;
    name: string;
    role: Role;
    tier: string;
    password_hash: string | null;
    must_change_password: boolean;
    now: number;
  },
): Promise<Account> {
  const row = await tx.one<Account>`
    INSERT INTO accounts.accounts
      (id, email, name, role, tier, password_hash, must_change_password, created_at)
    VALUES (${account.id}, ${account.email}, ${account.name}, ${account.role}, ${account.tier},
      ${account.password_hash}, ${account.must_change_password}, ${new Date(account.now)})
    RETURNING id, email, name, role, tier, must_change_password, disabled_at, created_at`;
  return row as Account;
}

export async function findAccount(reader: Reader, id: string): Promise<Account | null> {
  return await reader.one<Account>`
    SELECT id, email, name, role, tier, must_change_password, disabled_at, created_at
    FROM accounts.accounts WHERE id = ${id}`;
}

export async function findAccounts(reader: Reader, ids: readonly string[]): Promise<Account[]> {
  return await reader.all<Account>`
    SELECT id, email, name, role, tier, must_change_password, disabled_at, created_at
    FROM accounts.accounts WHERE id = ANY(${reader.array(ids, "int8")})`;
}

export async function findByEmail(reader: Reader, email: string): Promise<Account | null> {
  return await reader.one<Account>`
    SELECT id, email, name, role, tier, must_change_password, disabled_at, created_at
    FROM accounts.accounts WHERE email = ${email}`;
}

/** Locks the row, so that what is decided about it stays true until the commit. */
export async function lockAccount(tx: Writer, id: string): Promise<AccountSecrets | null> {
  return await tx.one<AccountSecrets>`
    SELECT id, email, name, role, tier, must_change_password, disabled_at, created_at, password_hash
    FROM accounts.accounts WHERE id = ${id} FOR UPDATE`;
}

export async function findSecrets(
  reader: Reader,
  by: { id: string } | { email: string },
): Promise<AccountSecrets | null> {
  const condition = "id" in by ? reader.sql`id = ${by.id}` : reader.sql`email = ${by.email}`;
  return await reader.one<AccountSecrets>`
    SELECT id, email, name, role, tier, must_change_password, disabled_at, created_at, password_hash
    FROM accounts.accounts WHERE ${condition}`;
}

/** `search` is part of an address or a name, in any case. */
export async function listAccounts(
  reader: Reader,
  page: Page & { search?: string | undefined },
): Promise<Account[]> {
  const { search } = page;
  const found =
    search === undefined
      ? reader.sql``
      : reader.sql`AND position(lower(${search}) IN coalesce(email, '') || ' ' || lower(name)) > 0`;
  return await reader.all<Account>`
    SELECT id, email, name, role, tier, must_change_password, disabled_at, created_at
    FROM accounts.accounts WHERE id < ${page.before ?? idMax} ${found}
    ORDER BY id DESC LIMIT ${page.limit}`;
}

export async function updateName(tx: Writer, account: Pick<Account, "id" | "name">): Promise<void> {
  await tx.run`UPDATE accounts.accounts SET name = ${account.name} WHERE id = ${account.id}`;
}

export async function updateStanding(
  tx: Writer,
  account: Pick<Account, "id" | "role" | "tier" | "disabled_at">,
): Promise<void> {
  await tx.run`
    UPDATE accounts.accounts SET role = ${account.role}, tier = ${account.tier},
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

/** Its identities, sessions and keys go with it. */
export async function deleteAccount(tx: Writer, id: string): Promise<void> {
  await tx.run`DELETE FROM accounts.accounts WHERE id = ${id}`;
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
    SELECT a.id AS account_id, a.role, a.tier, a.must_change_password, a.disabled_at,
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
  const audit = await tx.run`
    DELETE FROM accounts.audit WHERE id IN (
      SELECT id FROM accounts.audit WHERE occurred_at < ${new Date(options.auditBefore)}
      LIMIT ${options.limit})`;
  return Math.max(sessions, audit);
}
