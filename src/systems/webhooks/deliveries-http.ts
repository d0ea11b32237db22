import { z } from "zod";
import { idSchema, pageOf, pageQuery, route, type Route } from "../../platform/http/route.ts";
import { listDeliveries } from "./delivery-store.ts";
import { requireOwned, type Webhooks } from "./webhooks.ts";
import * as wire from "./wire.ts";

/** The routes of what was sent: look, try out, send again. */
const { tag, params } = wire;

export function deliveryRoutes(webhooks: Webhooks): Route[] {
  return [listRoute(), testRoute(webhooks), replayRoute(webhooks)];
}

function listRoute(): Route {
  return route({
    method: "GET",
    path: "/api/v1/webhooks/{id}/deliveries",
    summary: "What was sent to a webhook and what came back, newest first",
    tag,
    access: "member",
    scope: "webhooks:read",
    params,
    query: pageQuery.extend({
      cursor: idSchema.optional(),
      status: wire.deliveryStatusSchema.optional(),
    }),
    replies: { 200: pageOf(wire.deliverySchema) },
    errors: ["webhooks.not_found"],
    async handler({ principal, reader, params: { id }, query }) {
      await requireOwned(reader, id, principal);
      const { cursor: before = null, status = null, limit } = query;
      const rows = await listDeliveries(reader, id, { before, status, limit: limit + 1 });
      return { status: 200, body: wire.pageOfRows(rows, limit, wire.deliveryOf) };
    },
  });
}

function testRoute(webhooks: Webhooks): Route {
  return route({
    method: "POST",
    path: "/api/v1/webhooks/{id}/test",
    summary: "Send a webhooks.test event to this webhook",
    tag,
    access: "member",
    scope: "webhooks:write",
    params,
    replies: { 202: wire.deliverySchema },
    errors: ["webhooks.not_found", "request.conflict"],
    handler: (context) =>
      context.write(async (tx) => {
        const row = await webhooks.test(tx, context.params.id, wire.originOf(context));
        return { status: 202, body: wire.deliveryOf(row) };
      }),
  });
}

function replayRoute(webhooks: Webhooks): Route {
  return route({
    method: "POST",
    path: "/api/v1/webhooks/{id}/deliveries/{delivery_id}/replay",
    summary: "Send a delivery again, with the same id, from its first attempt on",
    tag,
    access: "member",
    scope: "webhooks:write",
    params: z.object({ id: idSchema, delivery_id: idSchema }),
    replies: { 202: wire.deliverySchema },
    errors: ["webhooks.not_found", "request.conflict"],
    handler: (context) =>
      context.write(async (tx) => {
        const { id, delivery_id: deliveryId } = context.params;
        const row = await webhooks.replay(tx, { id, deliveryId }, wire.originOf(context));
        return { status: 202, body: wire.deliveryOf(row) };
      }),
  });
}
