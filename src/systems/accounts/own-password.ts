import type { Reader, Writer } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import type { Attempt } from "./attempts.ts";
import { unknownAccount } from "./register.ts";
import type { VerifyPassword } from "./sign-in.ts";
import * as store from "./store.ts";

/** Asking somebody who is signed in for the password again, before what a thief would do. */
type OwnSecrets = store.AccountSecrets & { email: string };

/** Of the account that is calling; one of an outside issuer has no password to ask for. */
export async function ownSecrets(context: {
  reader: Reader;
  principal: { account_id: string };
}): Promise<OwnSecrets> {
  const account = await store.findSecrets(context.reader, { id: context.principal.account_id });
  if (!account) throw unknownAccount();
  const { email } = account;
  if (email !== null) return { ...account, email };
  throw new AppError("request.conflict", "This account signs in through an outside issuer.");
}

/** `before` is the hash that was proved, to be compared again in the transaction. */
export async function provePassword(
  verify: VerifyPassword,
  account: OwnSecrets,
  { address, current_password }: { address: string; current_password: string },
): Promise<{ attempt: Attempt; before: string | null }> {
  const attempt = { email: account.email, address };
  const verified = await verify(attempt, current_password, async () => account);
  if (verified) return { attempt, before: account.password_hash };
  throw new AppError("auth.invalid_credentials", "current_password: it is wrong.");
}

/** Holds the account's row until the commit. */
export async function requireUnchanged(
  tx: Writer,
  id: string,
  before: string | null,
): Promise<void> {
  const locked = await store.lockAccount(tx, id);
  if (locked?.password_hash === before) return;
  throw new AppError("request.conflict", "The password was changed meanwhile.");
}
