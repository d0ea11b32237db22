import type { Passwords } from "../../platform/auth/password.ts";
import type { Db } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import type { Attempt, Attempts } from "./attempts.ts";
import type { Audit } from "./audit.ts";
import { normaliseEmail } from "./register.ts";
import type { Device, Sessions, SignedIn } from "./sessions.ts";
import * as store from "./store.ts";

/**
 * Proving a password. Unknown accounts, wrong passwords and disabled accounts take the same
 * steps - one hash, one transaction, one line in the audit log - and get the same answer.
 */
export type SignIn = (
  credentials: { email: string; password: string },
  device: Device,
) => Promise<SignedIn>;

/** The account when the password is right, else null. Counts the attempt either way. */
export type VerifyPassword = (
  attempt: Attempt,
  password: string,
  find: () => Promise<store.AccountSecrets | null>,
) => Promise<store.AccountSecrets | null>;

export function createVerifyPassword(options: {
  passwords: Passwords;
  attempts: Attempts;
}): VerifyPassword {
  const { passwords, attempts } = options;
  return async (attempt, password, find) => {
    await attempts.count(attempt);
    try {
      const found = await find();
      const matches = await passwords.verify(password, found?.password_hash ?? null);
      return found && matches && found.disabled_at === null ? found : null;
    } catch (error) {
      await attempts.takeBack(attempt).catch(() => {});
      throw error;
    }
  };
}

export function createSignIn(options: {
  db: Db;
  verifyPassword: VerifyPassword;
  sessions: Sessions;
  attempts: Attempts;
  audit: Audit;
}): SignIn {
  const { db, sessions, attempts, audit } = options;
  return async (credentials, device) => {
    const email = normaliseEmail(credentials.email);
    const { address, request_id } = device;
    let known: string | null = null;
    const verified = await options.verifyPassword(
      { email, address },
      credentials.password,
      async () => {
        const found = await store.findSecrets(db, { email });
        known = found?.id ?? null;
        return found;
      },
    );
    const opened = await db.write(async (tx) => {
      // Again, under a lock: it may have been disabled or given another password meanwhile.
      const current = verified && (await store.lockAccount(tx, verified.id));
      const unchanged = current?.password_hash === verified?.password_hash;
      if (current && current.disabled_at === null && unchanged) {
        attempts.succeeded(tx, { email, address });
        const { password_hash: _, ...account } = current;
        return { account, session: await sessions.open(tx, account, device) };
      }
      const action = "accounts.sign_in_failed";
      const entry = { account_id: known, action, target: known ?? "unknown", address, request_id };
      await audit(tx, { ...entry, actor: "system" });
      return null;
    });
    if (opened) return await sessions.answer(opened.account, opened.session);
    throw new AppError("auth.invalid_credentials", "The e-mail address or password is wrong.");
  };
}
