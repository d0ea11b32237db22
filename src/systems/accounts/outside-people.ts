import type { OutsideIdentity } from "../../platform/auth/jwks.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Db } from "../../platform/db/db.ts";
import { nameLengthMax, type Register } from "./register.ts";
import * as store from "./store.ts";

/**
 * The account of a person of the outside issuer, made on the first visit. It is never joined to
 * an existing one by e-mail address: whoever controls an address at the issuer would take over
 * the account that has it here.
 */
export type Provision = (identity: OutsideIdentity) => Promise<void>;

export function createProvision(options: { db: Db; clock: Clock; register: Register }): Provision {
  return async (identity) => {
    const fields = {
      email: null,
      name: plainName(identity.name ?? "") || "Outside account",
      role: "member",
      password_hash: null,
      must_change_password: false,
    } as const;
    const made = options.db.write(async (tx) => {
      const account = await options.register(tx, fields, { actor: "system" });
      const link = { ...identity, account_id: account.id, now: options.clock.now() };
      if (!(await store.insertIdentity(tx, link))) throw new RacedError();
    });
    await made.catch((error: unknown) => {
      if (!(error instanceof RacedError)) throw error;
    });
  };
}

/** Rolls back the account of an identity that another process made meanwhile. */
class RacedError extends Error {
  override readonly name = "RacedError";
}

function plainName(text: string): string {
  return text
    .toWellFormed()
    .replace(/\p{Cc}/gu, " ")
    .trim()
    .slice(0, nameLengthMax);
}
