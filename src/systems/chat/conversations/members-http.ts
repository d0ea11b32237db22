import { z } from "zod";
import { idSchema, pageOf, route, type Route } from "../../../platform/http/route.ts";
import { memberSchema, roleSchema } from "../shapes.ts";
import type { Deps } from "./deps.ts";
import { listMembers, memberOf } from "./member-store.ts";
import { addMembers, leave, removeMember, setRole } from "./membership.ts";
import { peopleAtOnceMax } from "./open.ts";
import { requireMay } from "./roles.ts";
import { requireMembership } from "./store.ts";
import * as wire from "./wire.ts";

/** Routes of who is in a conversation. */
const { tag, base, conversationParams: params, memberParams } = wire;

export function memberRoutes(deps: Deps): Route[] {
  return [listRoute(), addRoute(deps), roleRoute(deps), removeRoute(deps), leaveRoute(deps)];
}

function listRoute(): Route {
  return route({
    method: "GET",
    path: `${base}/conversations/{id}/members`,
    summary: "The members of a conversation; those of a channel for who runs it",
    tag,
    access: "member",
    scope: "chat:read",
    params,
    query: wire.accountPageQuery,
    replies: { 200: pageOf(memberSchema) },
    errors: ["chat.not_found", "chat.role_needed"],
    async handler({ principal, reader, params: { id }, query: { cursor = null, limit } }) {
      const { conversation, role } = await requireMembership(reader, id, principal.account_id);
      if (conversation.kind === "channel") requireMay(role, "list_followers");
      const rows = await listMembers(reader, id, { after: cursor, limit: limit + 1 });
      return { status: 200, body: wire.pageOfAccounts(rows, limit, memberOf) };
    },
  });
}

function addRoute(deps: Deps): Route {
  return route({
    method: "POST",
    path: `${base}/conversations/{id}/members`,
    summary: "Add people; those who are in already stay as they are",
    tag,
    access: "member",
    scope: "chat:create",
    params,
    idempotent: true,
    body: z.strictObject({ account_ids: z.array(idSchema).min(1).max(peopleAtOnceMax) }),
    replies: { 204: null },
    errors: [
      ...(["chat.not_found", "chat.role_needed", "chat.wrong_kind", "chat.banned"] as const),
      ...(["chat.person_refuses", "chat.person_unknown", "chat.group_full"] as const),
      "request.rate_limited",
    ],
    async handler(context) {
      const {
        params: { id },
        principal,
        body,
      } = context;
      await wire.charge(deps.limits, "chat.adds", principal);
      return await context.write(async (tx) => {
        const by = principal.account_id;
        await addMembers(tx, deps, { id, by, accountIds: body.account_ids });
        return { status: 204 };
      });
    },
  });
}

function roleRoute(deps: Deps): Route {
  return route({
    method: "PATCH",
    path: `${base}/conversations/{id}/members/{account_id}`,
    summary: "Give a member another role; owners may",
    tag,
    access: "member",
    scope: "chat:write",
    params: memberParams,
    body: z.strictObject({ role: roleSchema }),
    replies: { 204: null },
    errors: ["chat.not_found", "chat.role_needed", "chat.wrong_kind", "request.conflict"],
    handler: (context) =>
      context.write(async (tx) => {
        const {
          params: { id, account_id: accountId },
          principal,
          body,
        } = context;
        await setRole(tx, deps, { id, by: principal.account_id, accountId, role: body.role });
        return { status: 204 };
      }),
  });
}

function removeRoute(deps: Deps): Route {
  return route({
    method: "DELETE",
    path: `${base}/conversations/{id}/members/{account_id}`,
    summary: "Send a member away, who hears nothing from then on",
    tag,
    access: "member",
    scope: "chat:write",
    params: memberParams,
    replies: { 204: null },
    errors: ["chat.not_found", "chat.role_needed", "chat.wrong_kind"],
    handler: (context) =>
      context.write(async (tx) => {
        const {
          params: { id, account_id: accountId },
          principal,
        } = context;
        await removeMember(tx, deps, { id, by: principal.account_id, accountId });
        return { status: 204 };
      }),
  });
}

function leaveRoute(deps: Deps): Route {
  return route({
    method: "POST",
    path: `${base}/conversations/{id}/leave`,
    summary: "Leave a group or channel; what its last owner leaves is handed over",
    tag,
    access: "member",
    scope: "chat:write",
    params,
    replies: { 204: null },
    errors: ["chat.not_found", "chat.wrong_kind"],
    handler: (context) =>
      context.write(async (tx) => {
        const accountId = context.principal.account_id;
        await leave(tx, deps, { id: context.params.id, accountId });
        return { status: 204 };
      }),
  });
}
