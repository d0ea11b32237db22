import { z } from "zod";
import type { Db } from "../../../platform/db/db.ts";
import { idSchema, RawJson, route, type Route } from "../../../platform/http/route.ts";
import type { Changes, Listing } from "../ports.ts";
import { sendBodySchema, type ServerFrame } from "../protocol.ts";
import { messageSchema } from "../shapes.ts";
import { history, memberView, oneMessage, thread, viewOf } from "./history.ts";
import { changesSince } from "./changes.ts";
import type { Sender } from "./send.ts";
import * as wire from "./wire.ts";

/** Routes of messages: sent and read. What is read here is never a replica's: a live frame is. */
const tag = "chat";
const base = "/api/v1/chat/conversations/{id}";
const params = z.object({ id: idSchema });

export type MessageRouteDeps = { db: Db; sending: Sender; listing: Pick<Listing, "changes"> };

export function messageRoutes(deps: MessageRouteDeps): Route[] {
  return [sendRoute(deps), historyRoute(deps), oneRoute(deps), changesRoute(deps)];
}

function sendRoute({ sending }: MessageRouteDeps): Route {
  return route({
    method: "POST",
    path: `${base}/messages`,
    summary: "Send a message; again with the same client_msg_id it is the same message",
    tag,
    access: "member",
    scope: "chat:create",
    params,
    body: sendBodySchema,
    replies: { 201: wire.ackSchema },
    errors: [
      "chat.not_found",
      "chat.removed",
      "chat.banned",
      "chat.role_needed",
      "chat.person_refuses",
      "chat.word_refused",
      "chat.slow_mode",
      "uploads.not_found",
      "uploads.incomplete",
      "request.rate_limited",
    ],
    async handler({ params: { id }, body, principal }) {
      return { status: 201, body: await sending.send(principal, { ...body, conversation_id: id }) };
    },
  });
}

function historyRoute({ db }: MessageRouteDeps): Route {
  return route({
    method: "GET",
    path: `${base}/messages`,
    summary: "Messages around any message, by their order; also up to where somebody left",
    tag,
    access: "member",
    scope: "chat:read",
    params,
    query: wire.historyQuery,
    replies: { 200: wire.historySchema },
    errors: ["chat.not_found"],
    async handler({ params: { id }, query, principal }) {
      const view = await viewOf(db, id, principal.account_id);
      const { thread: root, after = 0, limit } = query;
      const body =
        root === undefined
          ? await history(db, id, view, query)
          : await thread(db, id, view, { root, after, limit });
      return { status: 200, body };
    },
  });
}

function oneRoute({ db }: MessageRouteDeps): Route {
  return route({
    method: "GET",
    path: `${base}/messages/{seq}`,
    summary: "A message",
    tag,
    access: "member",
    scope: "chat:read",
    params: wire.messageParams,
    replies: { 200: messageSchema },
    errors: ["chat.not_found"],
    async handler({ params: { id, seq }, principal }) {
      const view = await viewOf(db, id, principal.account_id);
      return { status: 200, body: await oneMessage(db, id, view, seq) };
    },
  });
}

const changesBody = ({ rev, more }: Changes, frames: readonly ServerFrame[]) =>
  JSON.stringify({ frames, rev, more });

function changesRoute({ db, listing }: MessageRouteDeps): Route {
  return route({
    method: "GET",
    path: `${base}/changes`,
    summary: "What changed after a rev, in pages, as the frames that told it",
    tag,
    access: "member",
    scope: "chat:read",
    params,
    query: wire.changesQuery,
    replies: { 200: wire.changesSchema },
    errors: ["chat.not_found", "chat.removed"],
    async handler({ params: { id }, query: { since, limit }, principal }) {
      const { from_seq } = await memberView(db, id, principal.account_id);
      const shared = await listing.changes(id, since, limit);
      // Where some of it is not theirs, there may be any number of pages before what is.
      const changes = shared.isFor(from_seq)
        ? shared
        : await changesSince(db, id, { since, limit, fromSeq: from_seq });
      return { status: 200, body: new RawJson(changes.textFor(from_seq, changesBody)) };
    },
  });
}
