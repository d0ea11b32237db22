import { passwordProblem } from "../../platform/auth/password.ts";
import type { Principal } from "../../platform/auth/principal.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Writer } from "../../platform/db/db.ts";
import { uniqueViolation } from "../../platform/db/sqlstate.ts";
import { AppError } from "../../platform/errors/errors.ts";
import type { Events } from "../../platform/events/events.ts";
import type { Audit } from "./audit.ts";
import { type Account, accountCreated, type Role } from "./contract.ts";
import * as store from "./store.ts";

/** The one way an account comes to be, and what its address and password must look like. */
export type NewAccount = {
  email: string | null;
  name: string;
  role: Role;
  password_hash: string | null;
  must_change_password: boolean;
};

/** Who did something and from where, for the audit log. */
export type Origin = { actor: Principal | "system"; address?: string; request_id?: string };

export type Register = (tx: Writer, account: NewAccount, origin: Origin) => Promise<Account>;

export const nameLengthMax = 100;

export function createRegister(options: {
  clock: Clock;
  /** The plan of new accounts. */
  firstTier: string;
  nextId: () => string;
  events: Events;
  audit: Audit;
}): Register {
  return async (tx, account, origin) => {
    const id = options.nextId();
    const created = await store
      .insertAccount(tx, { ...account, id, tier: options.firstTier, now: options.clock.now() })
      .catch((error: unknown) => {
        if (uniqueViolation(error) !== "accounts_email_key") throw error;
        throw new AppError("accounts.email_taken", "email: an account with it exists already.");
      });
    const { email, role } = created;
    options.events.publish(tx, accountCreated, { owner_id: id, data: { id, email, role } });
    await options.audit(tx, { ...origin, account_id: id, action: "accounts.created", target: id });
    return created;
  };
}

/** One spelling for every way of typing the same address. */
export function normaliseEmail(email: string): string {
  return email.trim().normalize("NFC").toLowerCase();
}

export function nameFrom(email: string): string {
  return email.slice(0, email.indexOf("@")).slice(0, nameLengthMax);
}

export function requireGoodPassword(password: string, personal: readonly string[]): void {
  const problem = passwordProblem(password, personal);
  if (problem === null) return;
  const message = problem.slice(problem.indexOf(": ") + 2);
  throw new AppError("accounts.weak_password", problem, {
    fields: [{ field: "password", message }],
  });
}

export function unknownAccount(): AppError {
  return new AppError("accounts.not_found", "There is no such account.");
}
