import { z } from "zod";
import { randomText } from "../../platform/auth/keys.ts";
import type { OutsideIdentity } from "../../platform/auth/jwks.ts";
import { passwordProblem, type Passwords } from "../../platform/auth/password.ts";
import type { Principal } from "../../platform/auth/principal.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Db, Writer } from "../../platform/db/db.ts";
import { uniqueViolation } from "../../platform/db/sqlstate.ts";
import { AppError } from "../../platform/errors/errors.ts";
import type { Events } from "../../platform/events/events.ts";
import type { Audit } from "./audit.ts";
import type { Changes } from "./changes.ts";
import { type Account, accountCreated, type Role } from "./contract.ts";
import * as store from "./store.ts";

/** The accounts themselves: made, changed, disabled, and the one that a first start makes. */
export type Origin = { actor: Principal | "system"; address?: string; request_id?: string };

export type NewAccount = {
  email: string | null;
  name: string;
  role: Role;
  password_hash: string | null;
  must_change_password: boolean;
};

/** What an administrator may change of anybody. */
export type AccountChange = { role?: Role | undefined; disabled?: boolean | undefined };

export type Directory = ReturnType<typeof createDirectory>;

export const adminEmail = "admin@stoa.local";
const generatedPasswordLength = 20;
export const nameLengthMax = 100;

const emailSchema = z.email();

/** One spelling for every way of typing the same address. */
export function normaliseEmail(email: string): string {
  return email.trim().normalize("NFC").toLowerCase();
}

export function requireGoodPassword(password: string, personal: readonly string[]): void {
  const problem = passwordProblem(password, personal);
  if (problem === null) return;
  const message = problem.slice(problem.indexOf(": ") + 2);
  throw new AppError("accounts.weak_password", problem, {
    fields: [{ field: "password", message }],
  });
}

export function createDirectory(options: {
  db: Db;
  clock: Clock;
  nextId: () => string;
  events: Events;
  passwords: Passwords;
  audit: Audit;
  changes: Changes;
}) {
  const { clock, passwords, audit, changes } = options;

  async function register(tx: Writer, account: NewAccount, origin: Origin): Promise<Account> {
    const id = options.nextId();
    const created = await store
      .insertAccount(tx, { ...account, id, now: clock.now() })
      .catch((error: unknown) => {
        if (uniqueViolation(error) !== "accounts_email_key") throw error;
        throw new AppError("accounts.email_taken", "email: an account with it exists already.");
      });
    const { email, role } = created;
    await options.events.publish(tx, accountCreated, { owner_id: id, data: { id, email, role } });
    await audit(tx, { account_id: id, ...origin, action: "accounts.created", target: id });
    return created;
  }

  async function replacePassword(
    tx: Writer,
    change: { id: string; password_hash: string; must_change_password: boolean },
    options_: Origin & { keepSession?: string | null },
  ): Promise<void> {
    const { keepSession, ...origin } = options_;
    await store.updatePassword(tx, change);
    await store.deleteSessions(tx, { account_id: change.id, except: keepSession ?? null });
    const action = "accounts.password_changed";
    await audit(tx, { account_id: change.id, ...origin, action, target: change.id });
    await changes.announce(tx, { kind: "account", id: change.id });
  }

  return {
    register,
    replacePassword,

    /** For the command line and seeds; requests hash before they open a transaction. */
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
      return await register(tx, fields, { actor: "system" });
    },

    /** For the command line. Signs the account out everywhere. */
    async setPassword(tx: Writer, email: string, password: string): Promise<void> {
      const account = await store.findSecrets(tx, { email: normaliseEmail(email) });
      if (!account) throw unknownAccount();
      requireGoodPassword(password, [account.email ?? "", account.name]);
      const change = { id: account.id, must_change_password: false };
      const password_hash = await passwords.hash(password);
      await replacePassword(tx, { ...change, password_hash }, { actor: "system" });
    },

    /** Null unless this very call made the first account; one of several processes does. */
    async ensureAdmin(): Promise<{ email: string; password: string } | null> {
      if (await store.anyAccount(options.db)) return null;
      const password = randomText(generatedPasswordLength);
      const account: NewAccount = {
        email: adminEmail,
        name: "Admin",
        role: "admin",
        password_hash: await passwords.hash(password),
        must_change_password: false,
      };
      return await options.db.write(async (tx) => {
        await store.lockFirstStart(tx);
        if (await store.anyAccount(tx)) return null;
        await register(tx, account, { actor: "system" });
        return { email: adminEmail, password };
      });
    },

    async rename(tx: Writer, id: string, name: string, origin: Origin): Promise<void> {
      const account = await store.lockAccount(tx, id);
      if (!account) throw unknownAccount();
      await store.updateAccount(tx, { ...account, name });
      await audit(tx, { account_id: id, ...origin, action: "accounts.renamed", target: id });
    },

    async change(tx: Writer, id: string, change: AccountChange, origin: Origin): Promise<Account> {
      // Before the row itself, so that two such changes take their locks in the same order.
      const admins = await store.lockAdmins(tx);
      const account = await store.lockAccount(tx, id);
      if (!account) throw unknownAccount();
      const role = change.role ?? account.role;
      const disabled = change.disabled ?? account.disabled_at !== null;
      if ((role !== "admin" || disabled) && admins.length === 1 && admins[0] === id) {
        const message = "This is the last administrator; make another one first.";
        throw new AppError("request.conflict", message);
      }
      const disabled_at = disabled ? (account.disabled_at ?? new Date(clock.now())) : null;
      await store.updateAccount(tx, { ...account, role, disabled_at });
      if (disabled) await store.deleteSessions(tx, { account_id: id });
      const detail = { role, disabled };
      await audit(tx, {
        ...{ account_id: id, ...origin, detail },
        ...{ action: "accounts.changed", target: id },
      });
      await changes.announce(tx, { kind: "account", id });
      return (await store.findAccount(tx, id)) as Account;
    },

    /**
     * The account of a person of the outside issuer, made on the first visit. It is never
     * joined to an existing one by e-mail address: whoever controls an address at the issuer
     * would take over the account that has it here.
     */
    async provision(identity: OutsideIdentity): Promise<void> {
      await options.db
        .write(async (tx) => {
          const fields = { email: null, role: "member", password_hash: null } as const;
          const name = plainName(identity.name ?? "") || "Outside account";
          const account = await register(
            tx,
            { ...fields, name, must_change_password: false },
            { actor: "system" },
          );
          const link = { ...identity, account_id: account.id, now: clock.now() };
          if (!(await store.insertIdentity(tx, link))) throw new RacedError();
        })
        .catch((error: unknown) => {
          if (!(error instanceof RacedError)) throw error;
        });
    },
  };
}

/** Rolls back the account of an identity that another process made meanwhile. */
class RacedError extends Error {
  override readonly name = "RacedError";
}

export function unknownAccount(): AppError {
  return new AppError("accounts.not_found", "There is no such account.");
}

export function nameFrom(email: string): string {
  return email.slice(0, email.indexOf("@")).slice(0, nameLengthMax);
}

function plainName(text: string): string {
  return text
    .toWellFormed()
    .replace(/\p{Cc}/gu, " ")
    .trim()
    .slice(0, nameLengthMax);
}
