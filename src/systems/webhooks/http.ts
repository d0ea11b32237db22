import { idSchema, pageOf, pageQuery, route, type Route } from "../../platform/http/route.ts";
import { deliveryRoutes } from "./deliveries-http.ts";
import { listOwned } from "./store.ts";
import { requireOwned, type Webhooks } from "./webhooks.ts";
import * as wire from "./wire.ts";

/** The routes of webhooks themselves; those of their deliveries stand in deliveries-http.ts. */
const { tag, params } = wire;

export function webhookRoutes(webhooks: Webhooks): Route[] {
  return [
    ...readRoutes(),
    ...changeRoutes(webhooks),
    rotateRoute(webhooks),
    ...deliveryRoutes(webhooks),
  ];
}

function readRoutes(): Route[] {
  const list = route({
    method: "GET",
    path: "/api/v1/webhooks",
    summary: "Your webhooks, newest first",
    tag,
    access: "member",
    scope: "webhooks:read",
    query: pageQuery.extend({ cursor: idSchema.optional() }),
    replies: { 200: pageOf(wire.webhookSchema) },
    async handler({ principal, reader, query }) {
      const page = { before: query.cursor ?? null, limit: query.limit + 1 };
      const rows = await listOwned(reader, principal.account_id, page);
      return { status: 200, body: wire.pageOfRows(rows, query.limit, wire.webhookOf) };
    },
  });
  const read = route({
    method: "GET",
    path: "/api/v1/webhooks/{id}",
    summary: "One of your webhooks",
    tag,
    access: "member",
    scope: "webhooks:read",
    params,
    replies: { 200: wire.webhookSchema },
    errors: ["webhooks.not_found"],
    async handler({ principal, reader, params: { id } }) {
      return { status: 200, body: wire.webhookOf(await requireOwned(reader, id, principal)) };
    },
  });
  return [list, read];
}

function changeRoutes(webhooks: Webhooks): Route[] {
  const create = route({
    method: "POST",
    path: "/api/v1/webhooks",
    summary: "Subscribe a URL to events; the signing secret is in this answer only",
    tag,
    access: "member",
    scope: "webhooks:create",
    idempotent: true,
    body: wire.createBody,
    replies: { 201: wire.webhookWithSecretSchema },
    errors: ["webhooks.limit", "webhooks.url_refused"],
    async handler(context) {
      await webhooks.checkUrl(context.body.url);
      return await context.write(async (tx) => {
        const row = await webhooks.create(tx, context.body, wire.originOf(context));
        return { status: 201, body: { ...wire.webhookOf(row), secret: row.secret } };
      });
    },
  });
  const update = route({
    method: "PATCH",
    path: "/api/v1/webhooks/{id}",
    summary: "Change a webhook; enabling it again forgets its failures",
    tag,
    access: "member",
    scope: "webhooks:write",
    params,
    body: wire.updateBody,
    replies: { 200: wire.webhookSchema },
    errors: ["webhooks.not_found", "webhooks.url_refused"],
    async handler(context) {
      const { params: given, body, principal, reader } = context;
      await requireOwned(reader, given.id, principal);
      if (body.url !== undefined) await webhooks.checkUrl(body.url);
      return await context.write(async (tx) => {
        const row = await webhooks.update(tx, given.id, body, wire.originOf(context));
        return { status: 200, body: wire.webhookOf(row) };
      });
    },
  });
  const remove = route({
    method: "DELETE",
    path: "/api/v1/webhooks/{id}",
    summary: "Delete a webhook with its deliveries",
    tag,
    access: "member",
    scope: "webhooks:write",
    params,
    replies: { 204: null },
    errors: ["webhooks.not_found"],
    handler: (context) =>
      context.write(async (tx) => {
        await webhooks.remove(tx, context.params.id, wire.originOf(context));
        return { status: 204 };
      }),
  });
  return [create, update, remove];
}

function rotateRoute(webhooks: Webhooks): Route {
  return route({
    method: "POST",
    path: "/api/v1/webhooks/{id}/rotate_secret",
    summary: "Make a new signing secret; the old one signs too for 24 hours",
    tag,
    access: "member",
    scope: "webhooks:write",
    params,
    replies: { 200: wire.webhookWithSecretSchema },
    errors: ["webhooks.not_found"],
    handler: (context) =>
      context.write(async (tx) => {
        const row = await webhooks.rotateSecret(tx, context.params.id, wire.originOf(context));
        return { status: 200, body: { ...wire.webhookOf(row), secret: row.secret } };
      }),
  });
}
