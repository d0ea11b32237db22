import type { Clock } from "../../platform/clock/clock.ts";
import type { Writer } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import type { Events } from "../../platform/events/events.ts";
import type { Audit } from "./audit.ts";
import type { Changes } from "./changes.ts";
import { type Account, accountRenamed, type Role } from "./contract.ts";
import { type Origin, unknownAccount } from "./register.ts";
import { deleteSessions } from "./session-store.ts";
import * as store from "./store.ts";

/** What changes about an account after it was made. */
export type Directory = ReturnType<typeof createDirectory>;

/** What an administrator may change of anybody. */
export type AccountChange = {
  role?: Role | undefined;
  tier?: string | undefined;
  disabled?: boolean | undefined;
};

export type PasswordChange = { id: string; password_hash: string; must_change_password: boolean };

export function createDirectory(options: {
  clock: Clock;
  events: Events;
  audit: Audit;
  changes: Changes;
  /** The plans that an account may be on. */
  tiers: readonly string[];
}) {
  const { clock, events, audit, changes, tiers } = options;
  return {
    /** Signs out every session but `keepSession`. */
    async replacePassword(
      tx: Writer,
      change: PasswordChange,
      origin: Origin,
      keepSession: string | null = null,
    ): Promise<void> {
      const { id } = change;
      await store.updatePassword(tx, change);
      await deleteSessions(tx, { account_id: id, except: keepSession });
      const action = "accounts.password_changed";
      await audit(tx, { ...origin, account_id: id, action, target: id });
      await changes.announce(tx, { kind: "account", id });
    },

    async rename(tx: Writer, id: string, name: string, origin: Origin): Promise<void> {
      await store.updateName(tx, { id, name });
      events.publish(tx, accountRenamed, { owner_id: id, data: { id, name } });
      await audit(tx, { ...origin, account_id: id, action: "accounts.renamed", target: id });
    },

    async change(tx: Writer, id: string, change: AccountChange, origin: Origin): Promise<void> {
      if (change.tier !== undefined) requireTier(change.tier, tiers);
      // Before the row itself, so that two such changes take their locks in the same order.
      const admins = await store.lockAdmins(tx);
      const account = await store.lockAccount(tx, id);
      if (!account) throw unknownAccount();
      const next = changed(account, change, clock.now());
      const staysAdmin = next.role === "admin" && next.disabled_at === null;
      if (!staysAdmin) requireAnotherAdmin(admins, id);
      await store.updateStanding(tx, next);
      if (next.disabled_at !== null) await deleteSessions(tx, { account_id: id });
      const { role, tier } = next;
      const detail = { role, tier, disabled: next.disabled_at !== null };
      const action = "accounts.changed";
      await audit(tx, { ...origin, account_id: id, action, target: id, detail });
      await changes.announce(tx, { kind: "account", id });
    },
  };
}

function requireTier(tier: string, tiers: readonly string[]): void {
  if (tiers.includes(tier)) return;
  const message = `one of ${tiers.join(", ")}`;
  throw new AppError("accounts.tier_unknown", `tier: ${message}`, {
    fields: [{ field: "tier", message }],
  });
}

/** `admins` are those that may sign in: without one, nobody could make another. */
export function requireAnotherAdmin(admins: string[], id: string): void {
  if (admins.length !== 1 || admins[0] !== id) return;
  throw new AppError("request.conflict", "This is the last administrator; make another one first.");
}

function changed(account: Account, change: AccountChange, now: number) {
  const disabled = change.disabled ?? account.disabled_at !== null;
  return {
    id: account.id,
    role: change.role ?? account.role,
    tier: change.tier ?? account.tier,
    disabled_at: disabled ? (account.disabled_at ?? new Date(now)) : null,
  };
}
