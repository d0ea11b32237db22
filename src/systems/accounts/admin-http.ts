import { z } from "zod";
import type { Passwords } from "../../platform/auth/password.ts";
import { AppError } from "../../platform/errors/errors.ts";
import { idSchema, pageOf, route, type Route, timeSchema } from "../../platform/http/route.ts";
import { listAudit } from "./audit.ts";
import type { Account } from "./contract.ts";
import type { Directory } from "./directory.ts";
import { requireGoodPassword, unknownAccount } from "./register.ts";
import * as store from "./store.ts";
import * as wire from "./wire.ts";

/** Everybody's accounts, for administrators, and the audit log, for all. */
type Deps = { directory: Directory; passwords: Passwords };

const { tag } = wire;

export function adminRoutes(deps: Deps): Route[] {
  return [listRoute(), changeRoute(deps), auditRoute()];
}

function listRoute(): Route {
  return route({
    method: "GET",
    path: "/api/v1/accounts",
    summary: "All accounts, newest first",
    tag,
    access: "admin",
    scope: "accounts:read",
    query: wire.idPageQuery.extend({
      search: z
        .string()
        .trim()
        .min(1)
        .max(200)
        .optional()
        .describe("Part of an e-mail address or a name."),
    }),
    replies: { 200: pageOf(wire.accountReply) },
    async handler({ reader, query: { search, cursor = null, limit } }) {
      const rows = await store.listAccounts(reader, { search, before: cursor, limit: limit + 1 });
      return { status: 200, body: wire.pageOfRows(rows, limit) };
    },
  });
}

function changeRoute({ directory, passwords }: Deps): Route {
  return route({
    method: "PATCH",
    path: "/api/v1/accounts/{id}",
    summary: "Change an account's role or plan, disable or enable it, or give it another password",
    tag,
    access: "admin",
    scope: "accounts:write",
    params: z.object({ id: idSchema }),
    body: z.strictObject({
      role: z.enum(["admin", "member"]).optional(),
      tier: z.string().max(40).optional(),
      disabled: z.boolean().optional(),
      password: wire.passwordSchema.optional(),
    }),
    replies: { 200: wire.accountReply },
    errors: [
      ...(["accounts.not_found", "accounts.weak_password", "accounts.tier_unknown"] as const),
      "request.conflict",
    ],
    async handler(context) {
      const { params, body, principal, reader } = context;
      wire.refuseKeys(principal);
      const origin = { ...wire.requestOf(context), actor: principal };
      const account = await wire.existingAccount(reader, params.id);
      if (body.password !== undefined && params.id === principal.account_id) {
        const message = "password: change your own by PATCH /api/v1/account.";
        throw new AppError("request.conflict", message);
      }
      const password_hash =
        body.password === undefined ? null : await hashTemporary(passwords, account, body.password);
      return await context.write(async (tx) => {
        const { role, tier, disabled } = body;
        if (role !== undefined || tier !== undefined || disabled !== undefined) {
          await directory.change(tx, params.id, { role, tier, disabled }, origin);
        }
        if (password_hash !== null) {
          const change = { id: params.id, password_hash, must_change_password: true };
          await directory.replacePassword(tx, change, origin);
        }
        return { status: 200, body: await wire.existingAccount(tx, params.id) };
      });
    },
  });
}

/** Hashed before any transaction is open. */
async function hashTemporary(
  passwords: Passwords,
  account: Account,
  password: string,
): Promise<string> {
  if (account.email === null) {
    throw new AppError("request.conflict", "It signs in through an outside issuer.");
  }
  requireGoodPassword(password, [account.email, account.name]);
  return await passwords.hash(password);
}

const auditReply = z.object({
  id: idSchema,
  account_id: idSchema.nullable(),
  actor_id: idSchema.nullable(),
  actor_kind: z.enum(["session", "key", "outside", "system"]),
  credential_id: z.string().nullable(),
  action: z.string(),
  target: z.string(),
  detail: z.record(z.string(), z.unknown()),
  address: z.string().nullable(),
  request_id: z.string().nullable(),
  occurred_at: timeSchema,
});

function auditRoute(): Route {
  return route({
    method: "GET",
    path: "/api/v1/audit",
    summary: "The audit log, newest first: one's own, or as an administrator anybody's",
    tag,
    access: "member",
    scope: "accounts:read",
    query: wire.idPageQuery.extend({
      action: z
        .string()
        .max(100)
        .regex(/^[a-z]+\.[a-z_]+$/, "like links.updated")
        .optional(),
      account_id: idSchema.optional(),
    }),
    replies: { 200: pageOf(auditReply) },
    errors: ["accounts.not_found"],
    async handler({ principal, reader, query }) {
      const own = principal.account_id;
      const isAdmin = principal.role === "admin";
      if (!isAdmin && query.account_id !== undefined && query.account_id !== own) {
        throw unknownAccount();
      }
      const rows = await listAudit(reader, {
        account_id: isAdmin ? (query.account_id ?? null) : own,
        action: query.action ?? null,
        before: query.cursor ?? null,
        limit: query.limit + 1,
      });
      return { status: 200, body: wire.pageOfRows(rows, query.limit) };
    },
  });
}
