import { z } from "zod";
import { idSchema, route, type Route, timeSchema } from "../../../platform/http/route.ts";
import { conversationOf } from "../rows.ts";
import { conversationSchema } from "../shapes.ts";
import type { Deps } from "./deps.ts";
import {
  findInvited,
  invite,
  type Invite,
  invitesFor,
  joinByInvite,
  revokeInvite,
} from "./invites.ts";
import * as wire from "./wire.ts";

/** Routes of invite links. */
const { tag, base, conversationParams: params } = wire;

const usesMax = 1_000_000;

const inviteSchema = z.object({
  id: idSchema,
  conversation_id: idSchema,
  created_by: idSchema,
  created_at: timeSchema,
  expires_at: timeSchema.nullable(),
  uses_max: z.number().int().nullable(),
  uses: z.number().int(),
});

function inviteOf(row: Invite): z.infer<typeof inviteSchema> {
  return {
    ...row,
    created_at: row.created_at.toISOString(),
    expires_at: row.expires_at?.toISOString() ?? null,
  };
}

export function inviteRoutes(deps: Deps): Route[] {
  return [createRoute(deps), listRoute(deps), revokeRoute(deps), lookRoute(deps), joinRoute(deps)];
}

function createRoute(deps: Deps): Route {
  return route({
    method: "POST",
    path: `${base}/conversations/{id}/invites`,
    summary: "Make an invite link; its token is in this answer only",
    tag,
    access: "member",
    scope: "chat:create",
    params,
    body: z.strictObject({
      expires_at: wire.laterSchema(deps.clock.now).optional(),
      uses_max: z.number().int().min(1).max(usesMax).optional(),
    }),
    replies: { 201: inviteSchema.extend({ token: z.string() }) },
    errors: [
      ...(["chat.not_found", "chat.role_needed", "chat.wrong_kind", "chat.banned"] as const),
      ...(["chat.limit", "request.rate_limited"] as const),
    ],
    async handler(context) {
      const {
        params: { id },
        principal,
        body,
      } = context;
      await wire.charge(deps.limits, "chat.invites", principal);
      return await context.write(async (tx) => {
        const made = await invite(tx, deps, {
          ...{ id, by: principal.account_id, uses_max: body.uses_max ?? null },
          expires_at: body.expires_at === undefined ? null : new Date(body.expires_at),
        });
        return { status: 201, body: { ...inviteOf(made.invite), token: made.token } };
      });
    },
  });
}

function listRoute(deps: Deps): Route {
  return route({
    method: "GET",
    path: `${base}/conversations/{id}/invites`,
    summary: "The invite links that are still good, newest first",
    tag,
    access: "member",
    scope: "chat:read",
    params,
    replies: { 200: z.object({ items: z.array(inviteSchema) }) },
    errors: ["chat.not_found", "chat.role_needed"],
    async handler({ principal, reader, params: { id } }) {
      const rows = await invitesFor(reader, deps, { id, by: principal.account_id });
      return { status: 200, body: { items: rows.map(inviteOf) } };
    },
  });
}

function revokeRoute(deps: Deps): Route {
  return route({
    method: "DELETE",
    path: `${base}/conversations/{id}/invites/{invite_id}`,
    summary: "Revoke an invite link",
    tag,
    access: "member",
    scope: "chat:write",
    params: z.object({ id: idSchema, invite_id: idSchema }),
    replies: { 204: null },
    errors: ["chat.not_found", "chat.role_needed"],
    handler: (context) =>
      context.write(async (tx) => {
        const {
          params: { id, invite_id: inviteId },
          principal,
        } = context;
        await revokeInvite(tx, deps, { id, by: principal.account_id, inviteId });
        return { status: 204 };
      }),
  });
}

/** 24 bytes as base64url. */
const tokenParams = z.object({ token: z.string().regex(/^[\w-]{32}$/, "the token of a link") });

function lookRoute(deps: Deps): Route {
  return route({
    method: "GET",
    path: `${base}/invites/{token}`,
    summary: "Where an invite link leads to, before one follows it",
    tag,
    access: "member",
    scope: "chat:read",
    params: tokenParams,
    replies: {
      200: conversationSchema.pick({
        ...({ kind: true, title: true, description: true, member_count: true } as const),
      }),
    },
    errors: ["chat.not_found", "request.rate_limited"],
    async handler({ principal, reader, params: { token } }) {
      await wire.charge(deps.limits, "chat.invite_tries", principal);
      const found = await findInvited(reader, deps, token);
      const { kind, title, description, member_count } = found;
      return { status: 200, body: { kind, title, description, member_count } };
    },
  });
}

function joinRoute(deps: Deps): Route {
  return route({
    method: "POST",
    path: `${base}/invites/{token}/join`,
    summary: "Join by an invite link",
    tag,
    access: "member",
    scope: "chat:create",
    params: tokenParams,
    replies: { 200: conversationSchema },
    errors: [
      ...(["chat.not_found", "chat.banned", "chat.removed", "chat.group_full"] as const),
      "request.rate_limited",
    ],
    async handler(context) {
      const {
        params: { token },
        principal,
      } = context;
      await wire.charge(deps.limits, "chat.invite_tries", principal);
      return await context.write(async (tx) => {
        const joined = await joinByInvite(tx, deps, { token, accountId: principal.account_id });
        return { status: 200, body: conversationOf(joined) };
      });
    },
  });
}
