import type { Reader, Writer } from "../../platform/db/db.ts";
import type { Standing } from "./session-store.ts";
import { idMax, type Page } from "./store.ts";

/** The SQL of API keys. */
export type Key = {
  id: string;
  name: string;
  prefix: string;
  scopes: string[];
  expires_at: Date | null;
  last_used_at: Date | null;
  created_at: Date;
};

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

export async function findKeys(
  reader: Reader,
  by: { text: string; hash: Uint8Array | null },
): Promise<(Key & { account_id: string })[]> {
  return await reader.all<Key & { account_id: string }>`
    SELECT id, account_id, name, prefix, scopes, expires_at, last_used_at, created_at
    FROM accounts.keys
    WHERE id::text = ${by.text} OR prefix = ${by.text} OR key_hash = ${by.hash}
    ORDER BY id`;
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
    SELECT k.id, k.account_id, k.scopes, k.expires_at, a.role, a.tier, a.must_change_password
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
