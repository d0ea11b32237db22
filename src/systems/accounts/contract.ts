import { z } from "zod";
import type { Principal } from "../../platform/auth/principal.ts";
import type { Reader, Writer } from "../../platform/db/db.ts";
import type { EventType } from "../../platform/events/events.ts";
import { idSchema } from "../../platform/http/route.ts";

/** What other systems may use of accounts. */
export interface Accounts {
  /**
   * Adds to the audit log in the caller's transaction. Nothing secret belongs into `detail`;
   * whatever looks like one of Stoa's own keys or tokens is masked all the same.
   */
  audit(tx: Writer, entry: AuditEntry): Promise<void>;
  /**
   * Null for an id that is unknown or was deleted. Disabled accounts are found: their things still
   * have an owner.
   */
  findAccount(reader: Reader, id: string): Promise<Account | null>;
  /** Those of them that there are, in no order. */
  findAccounts(reader: Reader, ids: readonly string[]): Promise<Account[]>;
  /** By the whole address, in any case. */
  findByEmail(reader: Reader, email: string): Promise<Account | null>;
  /** All of them, newest first, in pages; `before` is the last id of the page before. */
  listAccounts(reader: Reader, page: { before: string | null; limit: number }): Promise<Account[]>;
  /** Until `unwatch`, or until it is told that its caller's credentials ended. */
  watch(watcher: Watcher): void;
  unwatch(watcher: Watcher): void;
}

/** A connection that outlives the request it began with. */
export interface Watcher {
  readonly principal: Principal | null;
  /**
   * The caller's credentials stopped being good (signed out, revoked, disabled, another role); not
   * `certain` where that could not be found out, and they have to prove themselves again.
   */
  ended(certain: boolean): void;
}

export type Role = "admin" | "member";

export type Account = {
  id: string;
  /** Null for a person of an outside issuer. */
  email: string | null;
  name: string;
  role: Role;
  /** The plan it is on; one of `STOA_TIERS`, the first for a new account. */
  tier: string;
  must_change_password: boolean;
  disabled_at: Date | null;
  created_at: Date;
};

export type AuditEntry = {
  /** Whose log it stands in: the owner of the target. Null when no account is concerned. */
  account_id: string | null;
  actor: Principal | "system";
  /** A thing and what was done to it, in the past tense: `links.updated`. */
  action: string;
  /** The id of what it was done to. */
  target: string;
  detail?: Record<string, unknown>;
  address?: string;
  request_id?: string;
};

export const accountCreated: EventType<{ id: string; email: string | null; role: Role }> = {
  type: "accounts.created",
  summary: "An account was created, by sign-up, by an administrator or by an outside issuer.",
  schema: z.object({
    id: idSchema,
    email: z.string().nullable(),
    role: z.enum(["admin", "member"]),
  }),
};

export const accountRenamed: EventType<{ id: string; name: string }> = {
  type: "accounts.renamed",
  summary: "An account has another name.",
  schema: z.object({ id: idSchema, name: z.string() }),
};

/** What the account owned elsewhere goes to `transfer_to`; where that is null, it is erased. */
export const accountDeleted: EventType<{ id: string; transfer_to: string | null }> = {
  type: "accounts.deleted",
  summary: "An account was deleted, by its person or by an administrator.",
  schema: z.object({ id: idSchema, transfer_to: idSchema.nullable() }),
};
