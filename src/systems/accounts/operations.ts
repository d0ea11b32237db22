import { z } from "zod";
import { hashApiKey, randomText } from "../../platform/auth/keys.ts";
import type { Passwords } from "../../platform/auth/password.ts";
import type { Db, Reader, Writer } from "../../platform/db/db.ts";
import type { ApiKeys, NewKey } from "./api-keys.ts";
import type { Account, Role } from "./contract.ts";
import type { DeleteAccount } from "./deletion.ts";
import type { AccountChange, Directory } from "./directory.ts";
import * as keyStore from "./key-store.ts";
import {
  nameFrom,
  normaliseEmail,
  type Origin,
  type Register,
  requireGoodPassword,
  unknownAccount,
} from "./register.ts";
import * as store from "./store.ts";

/** For the command line, the first start and seeds: what needs no request and no sign-in. */
export type Operations = ReturnType<typeof createOperations>;

const firstAdmin = { email: "admin@stoa.local", name: "Admin", role: "admin" } as const;
const generatedPasswordLength = 20;
const us: Origin = { actor: "system" };
const emailSchema = z.email();

export function createOperations(options: {
  db: Db;
  passwords: Passwords;
  register: Register;
  directory: Directory;
  deleteAccount: DeleteAccount;
  keys: ApiKeys;
}) {
  const { passwords, register, directory, keys } = options;
  return {
    async createAccount(
      tx: Writer,
      account: { email: string; password: string; role?: Role; name?: string },
    ): Promise<Account> {
      const email = emailSchema.parse(normaliseEmail(account.email));
      const name = account.name ?? nameFrom(email);
      requireGoodPassword(account.password, [email, name]);
      const password_hash = await passwords.hash(account.password);
      const role = account.role ?? "member";
      const fields = { email, name, role, password_hash, must_change_password: false };
      return await register(tx, fields, us);
    },

    /** Signs the account out everywhere. */
    async setPassword(tx: Writer, email: string, password: string): Promise<void> {
      const account = await store.findSecrets(tx, { email: normaliseEmail(email) });
      if (!account) throw unknownAccount();
      requireGoodPassword(password, [account.email ?? "", account.name]);
      const password_hash = await passwords.hash(password);
      const change = { id: account.id, password_hash, must_change_password: false };
      await directory.replacePassword(tx, change, us);
    },

    /** Null unless this very call made the first account; one of several processes does. */
    ensureAdmin: () => ensureAdmin(options),

    /** Newest first; `before` is the last id of the page before. */
    listAccounts: store.listAccounts,

    /** The plaintext, in `key`, exists only in this answer. */
    createKey: (tx: Writer, accountId: string, key: NewKey) => keys.create(tx, accountId, key, us),

    async findByEmail(reader: Reader, email: string): Promise<Account> {
      const account = await store.findByEmail(reader, normaliseEmail(email));
      if (!account) throw unknownAccount();
      return account;
    },

    changeAccount: (tx: Writer, id: string, change: AccountChange) =>
      directory.change(tx, id, change, us),

    deleteAccount: (tx: Writer, account: { id: string; transfer_to: string | null }) =>
      options.deleteAccount(tx, account, us),

    listKeys: keyStore.listKeys,

    /** The keys of whomever that an id, a prefix or a plaintext names. */
    findKeys: (reader: Reader, text: string) =>
      keyStore.findKeys(reader, { text, hash: hashApiKey(text) }),

    revokeKey: (tx: Writer, key: { id: string; account_id: string }) => keys.revoke(tx, key, us),
  };
}

async function ensureAdmin(options: {
  db: Db;
  passwords: Passwords;
  register: Register;
}): Promise<{ email: string; password: string } | null> {
  const { db, passwords, register } = options;
  if (await store.anyAccount(db)) return null;
  const password = randomText(generatedPasswordLength);
  const password_hash = await passwords.hash(password);
  const fields = { ...firstAdmin, password_hash, must_change_password: false };
  return await db.write(async (tx) => {
    await store.lockFirstStart(tx);
    if (await store.anyAccount(tx)) return null;
    await register(tx, fields, us);
    return { email: firstAdmin.email, password };
  });
}
