import { z } from "zod";
import {
  idSchema,
  pageOf,
  route,
  type Route,
  textSchema,
  timeSchema,
} from "../../../platform/http/route.ts";
import { ban, type Ban, listBans, unban } from "./bans.ts";
import type { Deps } from "./deps.ts";
import { addFilter, everywhere, readFilters, removeFilter } from "./filter-sets.ts";
import { requirePerson } from "./people.ts";
import { reportRoutes } from "./reports-http.ts";
import { filterBody, filterList, filterSchema } from "./safety-http.ts";
import * as wire from "./wire.ts";

/** What administrators decide for the whole install. Each act stands in the audit log. */
const { tag } = wire;
const base = wire.adminBase;

export function adminRoutes(deps: Deps): Route[] {
  return [
    ...reportRoutes(deps),
    ...[listBansRoute(), banRoute(deps), unbanRoute(deps)],
    ...[listFiltersRoute(), addFilterRoute(deps), removeFilterRoute(deps)],
  ];
}

const banSchema = z.object({
  ...wire.personSchema.shape,
  banned_until: timeSchema,
  ban_reason: z.string().nullable(),
  banned_at: timeSchema,
  banned_by: idSchema,
});

function banOf(row: Ban): z.infer<typeof banSchema> {
  return {
    ...row,
    banned_until: row.banned_until.toISOString(),
    banned_at: row.banned_at.toISOString(),
  };
}

function listBansRoute(): Route {
  return route({
    method: "GET",
    path: `${base}/bans`,
    summary: "Who is banned or was, until when and why",
    tag,
    access: "admin",
    scope: "chat:read",
    query: wire.accountPageQuery,
    replies: { 200: pageOf(banSchema) },
    async handler({ reader, query: { cursor = null, limit } }) {
      const rows = await listBans(reader, { after: cursor, limit: limit + 1 });
      return { status: 200, body: wire.pageOfAccounts(rows, limit, banOf) };
    },
  });
}

function banRoute(deps: Deps): Route {
  return route({
    method: "PUT",
    path: `${base}/bans/{account_id}`,
    summary: "Ban somebody from saying anything until a time",
    tag,
    access: "admin",
    scope: "chat:write",
    params: wire.accountParams,
    body: z.strictObject({
      until: wire.laterSchema(deps.clock.now),
      reason: textSchema(500).default(""),
    }),
    replies: { 200: banSchema },
    errors: ["chat.not_found"],
    handler: (context) =>
      context.write(async (tx) => {
        const {
          params: { account_id: id },
          body,
          principal,
        } = context;
        await requirePerson(tx, deps, id);
        const given = { until: new Date(body.until), reason: body.reason };
        const now = new Date(deps.clock.now());
        const banned = await ban(tx, id, { ...given, by: principal.account_id, now });
        await deps.accounts.audit(tx, {
          ...wire.originOf(context),
          ...{ account_id: id, action: "chat.banned", target: id, detail: body },
        });
        return { status: 200, body: banOf(banned) };
      }),
  });
}

function unbanRoute(deps: Deps): Route {
  return route({
    method: "DELETE",
    path: `${base}/bans/{account_id}`,
    summary: "Lift a ban",
    tag,
    access: "admin",
    scope: "chat:write",
    params: wire.accountParams,
    replies: { 204: null },
    errors: ["chat.not_found"],
    handler: (context) =>
      context.write(async (tx) => {
        const { account_id: id } = context.params;
        await unban(tx, id);
        const entry = { account_id: id, action: "chat.unbanned", target: id };
        await deps.accounts.audit(tx, { ...wire.originOf(context), ...entry });
        return { status: 204 };
      }),
  });
}

function listFiltersRoute(): Route {
  return route({
    method: "GET",
    path: `${base}/filters`,
    summary: "The words that are refused or masked everywhere",
    tag,
    access: "admin",
    scope: "chat:read",
    replies: { 200: filterList },
    async handler({ reader }) {
      return { status: 200, body: { items: await readFilters(reader, everywhere) } };
    },
  });
}

function addFilterRoute(deps: Deps): Route {
  return route({
    method: "POST",
    path: `${base}/filters`,
    summary: "Refuse or mask a word everywhere, from the next message on",
    tag,
    access: "admin",
    scope: "chat:create",
    body: filterBody,
    replies: { 201: filterSchema },
    errors: ["chat.limit"],
    handler: (context) =>
      context.write(async (tx) => {
        const filter = { id: deps.nextId(), ...context.body };
        await addFilter(tx, everywhere, filter);
        const entry = { account_id: null, action: "chat.filter_added", target: filter.id };
        await deps.accounts.audit(tx, { ...wire.originOf(context), ...entry, detail: filter });
        return { status: 201, body: filter };
      }),
  });
}

function removeFilterRoute(deps: Deps): Route {
  return route({
    method: "DELETE",
    path: `${base}/filters/{id}`,
    summary: "Allow a word again",
    tag,
    access: "admin",
    scope: "chat:write",
    params: z.object({ id: idSchema }),
    replies: { 204: null },
    errors: ["chat.not_found"],
    handler: (context) =>
      context.write(async (tx) => {
        const { id } = context.params;
        await removeFilter(tx, everywhere, id);
        const entry = { account_id: null, action: "chat.filter_removed", target: id };
        await deps.accounts.audit(tx, { ...wire.originOf(context), ...entry });
        return { status: 204 };
      }),
  });
}
