import { z } from "zod";
import { lineSchema, pageOf, route, type Route, timeSchema } from "../../../platform/http/route.ts";
import { block, listBlocks, unblock } from "./blocks.ts";
import type { Deps } from "./deps.ts";
import { findPeople, requirePerson } from "./people.ts";
import * as wire from "./wire.ts";

/** Routes of finding people and of wanting nothing from them. */
const { tag, base, accountParams: params } = wire;

export function peopleRoutes(deps: Deps): Route[] {
  return [searchRoute(deps), listRoute(), blockRoute(deps), unblockRoute()];
}

function searchRoute(deps: Deps): Route {
  return route({
    method: "GET",
    path: `${base}/people`,
    summary: "Find people by name, however it is typed, or by the whole e-mail address",
    tag,
    access: "member",
    scope: "chat:read",
    query: z.object({ q: lineSchema(254).min(1) }),
    replies: { 200: z.object({ items: z.array(wire.personSchema) }) },
    errors: ["request.rate_limited"],
    async handler({ principal, query: { q } }) {
      await wire.charge(deps.limits, "chat.searches", principal);
      return { status: 200, body: { items: await findPeople(deps, principal.account_id, q) } };
    },
  });
}

const blockedSchema = wire.personSchema.extend({ created_at: timeSchema });

function listRoute(): Route {
  return route({
    method: "GET",
    path: `${base}/blocks`,
    summary: "Whom the caller blocked; clients mark or hide by it what they write in groups",
    tag,
    access: "member",
    scope: "chat:read",
    query: wire.accountPageQuery,
    replies: { 200: pageOf(blockedSchema) },
    async handler({ principal, reader, query: { cursor = null, limit } }) {
      const page = { after: cursor, limit: limit + 1 };
      const rows = await listBlocks(reader, principal.account_id, page);
      const body = wire.pageOfAccounts(rows, limit, (row) => {
        return { ...row, created_at: row.created_at.toISOString() };
      });
      return { status: 200, body };
    },
  });
}

function blockRoute(deps: Deps): Route {
  return route({
    method: "PUT",
    path: `${base}/blocks/{account_id}`,
    summary: "Block somebody: neither writes to the other alone, nor adds them to a group",
    tag,
    access: "member",
    scope: "chat:write",
    params,
    replies: { 204: null },
    errors: ["chat.not_found", "chat.limit", "request.rate_limited"],
    async handler({ principal, params: { account_id: accountId }, write }) {
      // It tells whether there is such an account, so it is no way round the limits of searching.
      await wire.charge(deps.limits, "chat.searches", principal);
      return await write(async (tx) => {
        await requirePerson(tx, deps, accountId);
        const now = new Date(deps.clock.now());
        await block(tx, { by: principal.account_id, accountId, now });
        return { status: 204 };
      });
    },
  });
}

function unblockRoute(): Route {
  return route({
    method: "DELETE",
    path: `${base}/blocks/{account_id}`,
    summary: "Unblock somebody",
    tag,
    access: "member",
    scope: "chat:write",
    params,
    replies: { 204: null },
    errors: ["chat.not_found"],
    handler: (context) =>
      context.write(async (tx) => {
        const { account_id: accountId } = context.params;
        await unblock(tx, { by: context.principal.account_id, accountId });
        return { status: 204 };
      }),
  });
}
