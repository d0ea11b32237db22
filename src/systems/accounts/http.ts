import { z } from "zod";
import type { Passwords } from "../../platform/auth/password.ts";
import { requireScope } from "../../platform/auth/principal.ts";
import { AppError } from "../../platform/errors/errors.ts";
import { lineSchema, type Route, route } from "../../platform/http/route.ts";
import type { Attempts } from "./attempts.ts";
import { adminRoutes } from "./admin-http.ts";
import type { Directory } from "./directory.ts";
import { ownSecrets, provePassword, requireUnchanged } from "./own-password.ts";
import { nameFrom, nameLengthMax, type Register, requireGoodPassword } from "./register.ts";
import type { VerifyPassword } from "./sign-in.ts";
import * as store from "./store.ts";
import * as wire from "./wire.ts";

/** Routes of accounts: made, read and changed by their owners. */
export type AccountRoutes = {
  directory: Directory;
  register: Register;
  verifyPassword: VerifyPassword;
  passwords: Passwords;
  attempts: Attempts;
  signUpOpen: boolean;
};

const { tag } = wire;
const emailLengthMax = 254;
const emailSchema = z.string().trim().max(emailLengthMax).normalize("NFC").toLowerCase();
const addressSchema = emailSchema.check(z.regex(z.regexes.email, "an e-mail address"));

export function accountRoutes(deps: AccountRoutes): Route[] {
  return [createRoute(deps), ownRoute(), updateOwnRoute(deps), ...adminRoutes(deps)];
}

function createRoute({ register, passwords, attempts, signUpOpen }: AccountRoutes): Route {
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
      name: lineSchema(nameLengthMax).min(1).optional(),
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
        const account = await register(
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
      return { status: 200, body: await wire.existingAccount(reader, principal.account_id) };
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
        name: lineSchema(nameLengthMax).min(1).optional(),
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
          await requireUnchanged(tx, principal.account_id, before);
          deps.attempts.succeeded(tx, attempt);
          const keepSession = principal.kind === "session" ? principal.credential_id : null;
          await directory.replacePassword(tx, password, origin, keepSession);
        }
        return { status: 200, body: await wire.existingAccount(tx, principal.account_id) };
      });
    },
  });
}

/** Proves the current password and hashes the new one, before any transaction is open. */
async function newPassword(
  { verifyPassword, passwords }: AccountRoutes,
  context: {
    principal: { account_id: string };
    address: string;
    reader: Parameters<typeof store.findSecrets>[0];
    body: { password?: string | undefined; current_password?: string | undefined };
  },
) {
  const { password = "", current_password = "" } = context.body;
  const account = await ownSecrets(context);
  requireGoodPassword(password, [account.email, account.name]);
  const proof = await provePassword(verifyPassword, account, { ...context, current_password });
  return {
    ...proof,
    id: account.id,
    password_hash: await passwords.hash(password),
    must_change_password: false,
  };
}
