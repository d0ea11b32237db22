import { z } from "zod";
import type { Principal } from "../../../platform/auth/principal.ts";
import {
  idSchema,
  lineSchema,
  pageQuery,
  textSchema,
  timeSchema,
} from "../../../platform/http/route.ts";
import type { Limits } from "../../limits/contract.ts";
import { titleCharactersMax } from "../shapes.ts";

/** Schemas and small pieces that the routes of conversations share. */
export const tag = "chat";
export const base = "/api/v1/chat";
export const adminBase = `${base}/admin`;
export const conversationParams = z.object({ id: idSchema });
export const accountParams = z.object({ account_id: idSchema });
export const memberParams = z.object({ id: idSchema, account_id: idSchema });

export const titleSchema = lineSchema(titleCharactersMax).min(1);
export const descriptionSchema = textSchema(1_000);

/** A time that is not yet. */
export const laterSchema = (now: () => number) =>
  timeSchema.refine((text) => Date.parse(text) > now(), "a time in the future");

export const accountPageQuery = pageQuery.extend({ cursor: idSchema.optional() });

export const personSchema = z.object({ account_id: idSchema, name: z.string() });

/** One page out of `limit + 1` rows, which are in the order of their accounts. */
export function pageOfAccounts<T extends { account_id: string }, Out>(
  rows: T[],
  limit: number,
  shown: (row: T) => Out,
) {
  const kept = rows.slice(0, limit);
  const next_cursor = rows.length > limit ? (kept.at(-1)?.account_id ?? null) : null;
  return { items: kept.map(shown), next_cursor };
}

/** Charges the caller, or throws what the rule says. */
export async function charge(limits: Limits, rule: string, principal: Principal): Promise<void> {
  const { account_id: user, tier } = principal;
  const { refusal } = await limits.take(rule, { user, tier });
  if (refusal) throw refusal;
}

/** Who did it and from where, for the audit log. */
export function originOf(context: { principal: Principal; address: string; requestId: string }) {
  return {
    actor: context.principal,
    address: context.address,
    request_id: context.requestId,
  };
}
