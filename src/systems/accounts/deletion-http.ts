import { z } from "zod";
import { AppError } from "../../platform/errors/errors.ts";
import { idSchema, route, type Route } from "../../platform/http/route.ts";
import type { Attempts } from "./attempts.ts";
import type { DeleteAccount } from "./deletion.ts";
import { ownSecrets, provePassword, requireUnchanged } from "./own-password.ts";
import type { VerifyPassword } from "./sign-in.ts";
import { lockAdmins } from "./store.ts";
import * as wire from "./wire.ts";

/** Routes that end an account, by its person or by an administrator. */
export type DeletionRoutes = {
  deleteAccount: DeleteAccount;
  attempts: Attempts;
  verifyPassword: VerifyPassword;
};

const { tag } = wire;

export function deletionRoutes(deps: DeletionRoutes): Route[] {
  return [deleteOwnRoute(deps), deleteRoute(deps)];
}

function deleteOwnRoute({ deleteAccount, attempts, verifyPassword }: DeletionRoutes): Route {
  return route({
    method: "POST",
    path: "/api/v1/account/delete",
    summary: "Delete one's account and all that it owns; needs the password again",
    tag,
    access: "member",
    scope: "accounts:write",
    body: z.strictObject({ current_password: wire.passwordSchema }),
    replies: { 204: null },
    errors: [
      ...(["auth.invalid_credentials", "auth.forbidden"] as const),
      ...(["request.conflict", "request.rate_limited"] as const),
    ],
    async handler(context) {
      const { principal, body } = context;
      wire.refuseKeys(principal);
      const account = await ownSecrets(context);
      const { address } = context;
      const proof = await provePassword(verifyPassword, account, { ...body, address });
      return await context.write(async (tx) => {
        // In the order in which deleting takes its locks.
        await lockAdmins(tx);
        await requireUnchanged(tx, account.id, proof.before);
        const origin = { ...wire.requestOf(context), actor: principal };
        await deleteAccount(tx, { id: account.id, transfer_to: null }, origin);
        attempts.succeeded(tx, proof.attempt);
        return { status: 204 };
      });
    },
  });
}

function deleteRoute({ deleteAccount }: DeletionRoutes): Route {
  return route({
    method: "POST",
    path: "/api/v1/accounts/{id}/delete",
    summary:
      "Delete an account; what it owns goes to `transfer_to`, or is erased where that is null",
    tag,
    access: "admin",
    scope: "accounts:write",
    params: z.object({ id: idSchema }),
    body: z.strictObject({ transfer_to: idSchema.nullable() }),
    replies: { 204: null },
    errors: ["accounts.not_found", "request.conflict"],
    async handler(context) {
      const { params, body, principal } = context;
      wire.refuseKeys(principal);
      if (params.id === principal.account_id) {
        const message = "Delete your own account by POST /api/v1/account/delete.";
        throw new AppError("request.conflict", message);
      }
      const origin = { ...wire.requestOf(context), actor: principal };
      return await context.write(async (tx) => {
        await deleteAccount(tx, { ...body, id: params.id }, origin);
        return { status: 204 };
      });
    },
  });
}
