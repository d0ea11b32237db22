import { z } from "zod";
import type { Db } from "../../../platform/db/db.ts";
import { idSchema, pageQuery, route, type Route } from "../../../platform/http/route.ts";
import type { Marking } from "../ports.ts";
import { receiptsSchema, type Receipts } from "../shapes.ts";
import { memberView, oneMessage } from "./history.ts";
import { receiptsOfOne, whoHas } from "./receipts.ts";
import * as wire from "./wire.ts";

/** Routes of receipts: how far messages got. */
const tag = "chat";
const base = "/api/v1/chat/conversations/{id}";
const params = z.object({ id: idSchema });
const detailsQuery = pageQuery.extend({ cursor: idSchema.optional() });

export type ReceiptRouteDeps = { db: Db; marking: Marking };

export function receiptRoutes(deps: ReceiptRouteDeps): Route[] {
  return [markRoute(deps), receiptsRoute(deps), detailsRoute(deps)];
}

function markRoute({ marking }: ReceiptRouteDeps): Route {
  return route({
    method: "POST",
    path: `${base}/receipts`,
    summary: "Say how far a device got, and how far its person read; it never goes back",
    tag,
    access: "member",
    scope: "chat:write",
    params,
    body: wire.markBody,
    replies: { 204: null },
    errors: ["chat.not_found"],
    async handler({ params: { id }, body, principal }) {
      const { device_id = `credential-${principal.credential_id}`, ...far } = body;
      const by = { account_id: principal.account_id, device_id };
      await marking.mark(by, { ...far, conversation_id: id });
      return { status: 204 };
    },
  });
}

function receiptsRoute({ db }: ReceiptRouteDeps): Route {
  // Whoever sees by a beat that theirs are old asks at the same moment as all others.
  const running = new Map<string, Promise<Receipts>>();
  const once = (id: string) => {
    const asked = running.get(id) ?? receiptsOfOne(db, id).finally(() => running.delete(id));
    running.set(id, asked);
    return asked;
  };
  return route({
    method: "GET",
    path: `${base}/receipts`,
    summary: "How far the messages of a direct conversation or group got",
    tag,
    access: "member",
    scope: "chat:read",
    params,
    replies: { 200: receiptsSchema },
    errors: ["chat.not_found", "chat.removed"],
    async handler({ params: { id }, principal }) {
      await memberView(db, id, principal.account_id);
      return { status: 200, body: await once(id) };
    },
  });
}

function detailsRoute({ db }: ReceiptRouteDeps): Route {
  return route({
    method: "GET",
    path: `${base}/messages/{seq}/receipts`,
    summary: "Whom a message reached and who read it",
    tag,
    access: "member",
    scope: "chat:read",
    params: wire.messageParams,
    query: detailsQuery,
    replies: { 200: wire.hadPage },
    errors: ["chat.not_found", "chat.removed"],
    async handler({ params: { id, seq }, query: { cursor: after = "0", limit }, principal }) {
      const view = await memberView(db, id, principal.account_id);
      const { sender_id } = await oneMessage(db, id, view, seq);
      const found = await whoHas(db, { conversation_id: id, seq, sender_id }, { after, limit });
      const items = found.slice(0, limit);
      const next_cursor = found.length > limit ? (items.at(-1)?.account_id ?? null) : null;
      return { status: 200, body: { items, next_cursor } };
    },
  });
}
