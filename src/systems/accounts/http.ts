import { z } from "zod";
import type { Passwords } from "../../platform/auth/password.ts";
import { requireScope } from "../../platform/auth/principal.ts";
import { AppError } from "../../platform/errors/errors.ts";
import { idSchema, pageOf, route, type Route, timeSchema } from "../../platform/http/route.ts";
import type { Attempts } from "./attempts.ts";
import { listAudit } from "./audit.ts";
import type { Account } from "./contract.ts";
import {
  type Directory,
  nameFrom,
  nameLengthMax,
  requireGoodPassword,
  unknownAccount,
} from "./directory.ts";
import type { Sessions } from "./sessions.ts";
import * as store from "./store.ts";
import * as wire from "./wire.ts";

/** Routes of accounts: one's own, everybody's for administrators, and the audit log. */
export type AccountRoutes = {
  directory: Directory;
  sessions: Sessions;
  passwords: Passwords;
  attempts: Attempts;
  signUpOpen: boolean;
};

const { tag } = wire;
const emailLengthMax = 254;
const emailSchema = z.string().trim().max(emailLengthMax).normalize("NFC").toLowerCase();
const addressSchema = emailSchema.check(z.regex(z.regexes.email, "an e-mail address"));

export function accountRoutes(deps: AccountRoutes): Route[] {
  return [createRoute(deps), ownRoute(), updateOwnRoute(deps), ...adminRoutes(deps), auditRoute()];
}

function createRoute({ directory, passwords, attempts, signUpOpen }: AccountRoutes): Route {
  return route({
    method: "POST",
    path: "/api/v1/accounts",
    summary: "Sign up; or, as an administrator, create an account with a temporary password",
    tag,
    access: "public",
    idempotent: true,
    body: z.strictObject({
      email: addressSchema,
      password: wire.passwordSchema,
      name: wire.lineSchema(nameLengthMax).optional(),
    }),
    replies: { 201: wire.accountReply },
    errors: [
      ...(["accounts.sign_up_closed", "accounts.email_taken", "accounts.weak_password"] as const),
      ...(["request.rate_limited", "auth.scope_missing", "auth.invalid_token"] as const),
    ],
    async handler(context) {
      const { email, password } = context.body;
      const admin = context.caller?.role === "admin" ? context.caller : null;
      if (admin) requireScope(admin, "accounts:create");
      if (!admin && !signUpOpen) {
        throw new AppError("accounts.sign_up_closed", "Sign-up is closed; ask an administrator.");
      }
      const name = context.body.name ?? nameFrom(email);
      requireGoodPassword(password, [email, name]);
      if (!admin) await attempts.count({ email: null, address: context.address });
      const password_hash = await passwords.hash(password);
      const must_change_password = admin !== null;
      return await context.write(async (tx) => {
        const account = await directory.register(
          tx,
          { email, name, role: "member", password_hash, must_change_password },
          { ...wire.requestOf(context), actor: admin ?? "system" },
        );
        return { status: 201, body: account };
      });
    },
  });
}

function ownRoute(): Route {
  return route({
    method: "GET",
    path: "/api/v1/account",
    summary: "The account that is calling",
    tag,
    access: "member",
    scope: "accounts:read",
    replies: { 200: wire.accountReply },
    async handler({ principal, reader }) {
      return { status: 200, body: await existing(reader, principal.account_id) };
    },
  });
}

function updateOwnRoute(deps: AccountRoutes): Route {
  const { directory } = deps;
  return route({
    method: "PATCH",
    path: "/api/v1/account",
    summary: "Change one's name, or one's password (signs out every other session)",
    tag,
    access: "member",
    scope: "accounts:write",
    body: z
      .strictObject({
        name: wire.lineSchema(nameLengthMax).optional(),
        password: wire.passwordSchema.optional(),
        current_password: wire.passwordSchema.optional(),
      })
      .refine((body) => body.password === undefined || body.current_password !== undefined, {
        path: ["current_password"],
        message: "needed to change the password",
      }),
    replies: { 200: wire.accountReply },
    errors: [
      ...(["accounts.weak_password", "auth.invalid_credentials", "auth.forbidden"] as const),
      ...(["request.conflict", "request.rate_limited"] as const),
    ],
    async handler(context) {
      const { principal, body } = context;
      wire.refuseKeys(principal);
      const origin = { ...wire.requestOf(context), actor: principal };
      const change = body.password === undefined ? null : await newPassword(deps, context);
      return await context.write(async (tx) => {
        if (body.name !== undefined) {
          await directory.rename(tx, principal.account_id, body.name, origin);
        }
        if (change) {
          const { attempt, before, ...password } = change;
          const locked = await store.lockAccount(tx, principal.account_id);
          if (locked?.password_hash !== before) {
            throw new AppError("request.conflict", "The password was changed meanwhile.");
          }
          await deps.attempts.succeeded(tx, attempt);
          const keepSession = principal.kind === "session" ? principal.credential_id : null;
          await directory.replacePassword(tx, password, { ...origin, keepSession });
        }
        return { status: 200, body: await existing(tx, principal.account_id) };
      });
    },
  });
}

/** Proves the current password and hashes the new one, before any transaction is open. */
async function newPassword(
  { sessions, passwords }: AccountRoutes,
  context: {
    principal: { account_id: string };
    address: string;
    reader: Parameters<typeof store.findSecrets>[0];
    body: { password?: string | undefined; current_password?: string | undefined };
  },
) {
  const { password = "", current_password = "" } = context.body;
  const account = await store.findSecrets(context.reader, { id: context.principal.account_id });
  if (!account) throw unknownAccount();
  if (account.email === null) {
    throw new AppError("request.conflict", "This account signs in through an outside issuer.");
  }
  requireGoodPassword(password, [account.email, account.name]);
  const attempt = { email: account.email, address: context.address };
  const verified = await sessions.verifyPassword(attempt, current_password, async () => account);
  if (!verified) {
    throw new AppError("auth.invalid_credentials", "current_password: it is wrong.");
  }
  return {
    attempt,
    before: account.password_hash,
    id: account.id,
    password_hash: await passwords.hash(password),
    must_change_password: false,
  };
}

function adminRoutes({ directory, passwords }: AccountRoutes): Route[] {
  const list = route({
    method: "GET",
    path: "/api/v1/accounts",
    summary: "All accounts, newest first",
    tag,
    access: "admin",
    scope: "accounts:read",
    query: wire.idPageQuery,
    replies: { 200: pageOf(wire.accountReply) },
    async handler({ reader, query }) {
      const page = { before: query.cursor ?? null, limit: query.limit + 1 };
      const rows = await store.listAccounts(reader, page);
      return { status: 200, body: wire.pageOfRows(rows, query.limit) };
    },
  });
  const update = route({
    method: "PATCH",
    path: "/api/v1/accounts/{id}",
    summary: "Change an account's role, disable or enable it, or give it a temporary password",
    tag,
    access: "admin",
    scope: "accounts:write",
    params: z.object({ id: idSchema }),
    body: z.strictObject({
      role: z.enum(["admin", "member"]).optional(),
      disabled: z.boolean().optional(),
      password: wire.passwordSchema.optional(),
    }),
    replies: { 200: wire.accountReply },
    errors: ["accounts.not_found", "accounts.weak_password", "request.conflict"],
    async handler(context) {
      const { params, body, principal, reader } = context;
      wire.refuseKeys(principal);
      const origin = { ...wire.requestOf(context), actor: principal };
      const account = await existing(reader, params.id);
      let password_hash: string | null = null;
      if (body.password !== undefined) {
        if (account.email === null) {
          throw new AppError("request.conflict", "It signs in through an outside issuer.");
        }
        requireGoodPassword(body.password, [account.email, account.name]);
        password_hash = await passwords.hash(body.password);
      }
      return await context.write(async (tx) => {
        await directory.change(tx, params.id, body, origin);
        if (password_hash !== null) {
          const change = { id: params.id, password_hash, must_change_password: true };
          await directory.replacePassword(tx, change, origin);
        }
        return { status: 200, body: await existing(tx, params.id) };
      });
    },
  });
  return [list, update];
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

async function existing(
  reader: Parameters<typeof store.findAccount>[0],
  id: string,
): Promise<Account> {
  const account = await store.findAccount(reader, id);
  if (!account) throw unknownAccount();
  return account;
}
