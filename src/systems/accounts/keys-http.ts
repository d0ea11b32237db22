import { z } from "zod";
import {
  idSchema,
  lineSchema,
  pageOf,
  route,
  type Route,
  timeSchema,
} from "../../platform/http/route.ts";
import { type ApiKeys, scopeSchema } from "./api-keys.ts";
import * as store from "./key-store.ts";
import * as wire from "./wire.ts";

/** Routes of API keys. Reading the list is all that a key itself may do here. */
const { tag } = wire;
const keyNameLengthMax = 100;
const scopesMax = 20;

const keyReply = z.object({
  id: idSchema,
  name: z.string(),
  prefix: z.string().describe("The first characters, to tell keys apart."),
  scopes: z.array(z.string()),
  expires_at: timeSchema.nullable(),
  last_used_at: timeSchema.nullable().describe("To the minute."),
  created_at: timeSchema,
});

export function keyRoutes(keys: ApiKeys): Route[] {
  return [createRoute(keys), listRoute(), renameRoute(keys), revokeRoute(keys)];
}

/** Not idempotent on purpose: a stored reply would keep the plaintext. */
function createRoute(keys: ApiKeys): Route {
  return route({
    method: "POST",
    path: "/api/v1/keys",
    summary: "Create an API key; its plaintext is in this answer and nowhere else",
    tag,
    access: "member",
    scope: "accounts:write",
    body: z.strictObject({
      name: lineSchema(keyNameLengthMax).min(1),
      scopes: z.array(scopeSchema).min(1).max(scopesMax),
      expires_at: timeSchema.nullable().default(null),
    }),
    replies: { 201: keyReply.extend({ key: z.string() }) },
    errors: ["accounts.key_limit", "auth.forbidden"],
    async handler(context) {
      const { principal, body } = context;
      wire.refuseKeys(principal);
      const expires_at = body.expires_at === null ? null : new Date(body.expires_at);
      return await context.write(async (tx) => {
        const wanted = { ...body, expires_at };
        const origin = { ...wire.requestOf(context), actor: principal };
        return { status: 201, body: await keys.create(tx, principal.account_id, wanted, origin) };
      });
    },
  });
}

function listRoute(): Route {
  return route({
    method: "GET",
    path: "/api/v1/keys",
    summary: "One's API keys, newest first",
    tag,
    access: "member",
    scope: "accounts:read",
    query: wire.idPageQuery,
    replies: { 200: pageOf(keyReply) },
    async handler({ principal, reader, query }) {
      const page = { before: query.cursor ?? null, limit: query.limit + 1 };
      const rows = await store.listKeys(reader, principal.account_id, page);
      return { status: 200, body: wire.pageOfRows(rows, query.limit) };
    },
  });
}

function renameRoute(keys: ApiKeys): Route {
  return route({
    method: "PATCH",
    path: "/api/v1/keys/{id}",
    summary: "Rename an API key; what it may do cannot be changed",
    tag,
    access: "member",
    scope: "accounts:write",
    params: z.object({ id: idSchema }),
    body: z.strictObject({ name: lineSchema(keyNameLengthMax).min(1) }),
    replies: { 200: keyReply },
    errors: ["accounts.key_not_found", "auth.forbidden"],
    async handler(context) {
      const { principal, params, body } = context;
      wire.refuseKeys(principal);
      return await context.write(async (tx) => {
        const key = { id: params.id, account_id: principal.account_id, name: body.name };
        const origin = { ...wire.requestOf(context), actor: principal };
        return { status: 200, body: await keys.rename(tx, key, origin) };
      });
    },
  });
}

function revokeRoute(keys: ApiKeys): Route {
  return route({
    method: "DELETE",
    path: "/api/v1/keys/{id}",
    summary: "Revoke an API key at once and for good",
    tag,
    access: "member",
    scope: "accounts:write",
    params: z.object({ id: idSchema }),
    replies: { 204: null },
    errors: ["accounts.key_not_found", "auth.forbidden"],
    async handler(context) {
      const { principal, params } = context;
      wire.refuseKeys(principal);
      return await context.write(async (tx) => {
        const key = { id: params.id, account_id: principal.account_id };
        await keys.revoke(tx, key, { ...wire.requestOf(context), actor: principal });
        return { status: 204 };
      });
    },
  });
}
