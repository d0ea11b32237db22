import { z } from "zod";
import type { Principal } from "../../platform/auth/principal.ts";
import type { Reader } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import { idSchema, pageQuery, timeSchema } from "../../platform/http/route.ts";
import type { Account } from "./contract.ts";
import { unknownAccount } from "./register.ts";
import { findAccount } from "./store.ts";

/** Schemas and small pieces that the account, session and key routes share. */
export const tag = "accounts";

export const accountReply = z.object({
  id: idSchema,
  email: z.string().nullable(),
  name: z.string(),
  role: z.enum(["admin", "member"]),
  tier: z.string().describe("What rules of rate limits may tell apart."),
  must_change_password: z.boolean().describe("While it is so, only routes of accounts are open."),
  disabled_at: timeSchema.nullable(),
  created_at: timeSchema,
});

export const signedInReply = z.object({
  access_token: z.string(),
  token_type: z.literal("Bearer"),
  expires_in: z.number().int().describe("Seconds."),
  refresh_token: z.string().nullable().describe("Null when it was set as a cookie."),
  account: accountReply,
});

/** Length is judged by the password policy; this only bounds what is read. */
export const passwordSchema = z.string().max(1_000);

export const idPageQuery = pageQuery.extend({ cursor: idSchema.optional() });

/** One page out of `limit + 1` rows: the extra one tells whether there is a next page. */
export function pageOfRows<T extends { id: string }>(rows: T[], limit: number) {
  const items = rows.slice(0, limit);
  const next_cursor = rows.length > limit ? (items.at(-1)?.id ?? null) : null;
  return { items, next_cursor };
}

/** Where a change came from, for the audit log. */
export function requestOf(context: { address: string; requestId: string }) {
  return { address: context.address, request_id: context.requestId };
}

/** A key that leaks must not be able to make itself more keys or lock its owner out. */
export function refuseKeys(principal: Principal): void {
  if (principal.kind !== "key") return;
  throw new AppError("auth.forbidden", "API keys cannot manage credentials; sign in to do this.");
}

export async function existingAccount(reader: Reader, id: string): Promise<Account> {
  const account = await findAccount(reader, id);
  if (!account) throw unknownAccount();
  return account;
}
