import { z } from "zod";
import { idSchema, route, type Route } from "../../../platform/http/route.ts";
import { oneMessage, viewOf } from "../messages/history.ts";
import { ackSchema, messageParams as params } from "../messages/wire.ts";
import { clientMsgIdSchema, messageSchema, type Body } from "../shapes.ts";
import { messageErrors, unknownMessage, voiceErrors } from "./access.ts";
import type { FeatureDeps } from "./deps.ts";
import { closePoll, vote } from "./polls.ts";

/** Routes of polls and of forwarding. */
const tag = "chat";
const one = "/api/v1/chat/conversations/{id}/messages/{seq}";
const access = "member";
const optionsMax = 12;

export function pollRoutes(deps: FeatureDeps): Route[] {
  return [voteRoute(deps), closeRoute(deps), forwardRoute(deps)];
}

const voteBody = z.strictObject({
  options: z
    .array(
      z
        .number()
        .int()
        .min(0)
        .max(optionsMax - 1),
    )
    .max(optionsMax)
    .describe("Counted from 0; none takes the vote back."),
});

function voteRoute(deps: FeatureDeps): Route {
  return route({
    method: "PUT",
    path: `${one}/votes`,
    summary: "Vote in a poll, in place of what one voted before",
    ...{ tag, access, scope: "chat:write", params, replies: { 200: messageSchema } },
    body: voteBody,
    errors: [...voiceErrors, "chat.wrong_kind", "chat.poll_closed"],
    handler: ({ params: { id, seq }, body, principal: { account_id: by }, write }) =>
      write(async (tx) => {
        return { status: 200, body: await vote(tx, deps, { id, seq, by }, body.options) };
      }),
  });
}

function closeRoute(deps: FeatureDeps): Route {
  return route({
    method: "POST",
    path: `${one}/poll/close`,
    summary: "Close a poll",
    ...{ tag, access, scope: "chat:write", params, replies: { 200: messageSchema } },
    errors: [...messageErrors, "chat.role_needed", "chat.wrong_kind"],
    handler: ({ params: { id, seq }, principal: { account_id: by }, write }) =>
      write(async (tx) => ({ status: 200, body: await closePoll(tx, deps, { id, seq, by }) })),
  });
}

function forwardRoute({ db, sending }: FeatureDeps): Route {
  return route({
    method: "POST",
    path: `${one}/forward`,
    summary: "Send a message on to another conversation; its files are shared, not copied",
    ...{ tag, access, scope: "chat:create", params, replies: { 201: ackSchema } },
    body: z.strictObject({ conversation_id: idSchema, client_msg_id: clientMsgIdSchema }),
    errors: [
      ...voiceErrors,
      ...(["chat.role_needed", "chat.word_refused", "chat.slow_mode"] as const),
      ...(["uploads.not_found", "request.rate_limited"] as const),
    ],
    async handler({ params: { id, seq }, body: to, principal }) {
      const view = await viewOf(db, id, principal.account_id);
      const { body, sender_id, created_at } = await oneMessage(db, id, view, seq);
      if (!body || body.note) throw unknownMessage();
      // Who was named there may be nobody here.
      const { mentions: _, ...said } = body;
      const forwarded_from = body.forwarded_from ?? { sender_id, sent_at: created_at };
      const forwarded: Body = { ...said, forwarded_from };
      const ack = await sending.send(principal, { ...to, body: forwarded, files_held: true });
      return { status: 201, body: ack };
    },
  });
}
