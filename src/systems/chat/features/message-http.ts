import { z } from "zod";
import type { Reader } from "../../../platform/db/db.ts";
import { idSchema, route, type Route } from "../../../platform/http/route.ts";
import { memberView } from "../messages/history.ts";
import { messageParams as params } from "../messages/wire.ts";
import { mentionsMax, messageSchema, textCharactersMax } from "../shapes.ts";
import { messageErrors, voiceErrors } from "./access.ts";
import type { FeatureDeps } from "./deps.ts";
import { edit, remove } from "./edit.ts";
import { pin, pinned } from "./pins.ts";
import { emojiSchema, react } from "./reactions.ts";

/** Routes of what is done to a message, which answer with the message as it then is. */
const tag = "chat";
const base = "/api/v1/chat/conversations/{id}";
const one = `${base}/messages/{seq}`;
const access = "member";
const replies = { 200: messageSchema };
const undone = { 204: null };

export function messageFeatureRoutes(deps: FeatureDeps): Route[] {
  return [
    ...[editRoute(deps), removeRoute(deps), reactRoute(deps, true), reactRoute(deps, false)],
    ...[pinRoute(deps, true), pinRoute(deps, false), pinsRoute(deps.db)],
  ];
}

/** Also of a message that is sent later. */
export const editBody = z.strictObject({
  text: z.string().max(textCharactersMax),
  mentions: z.array(idSchema).max(mentionsMax).optional().describe("All that the new text names."),
});

function editRoute(deps: FeatureDeps): Route {
  return route({
    method: "PATCH",
    path: one,
    summary: "Change the text of one's own message, for a while after it was sent",
    ...{ tag, access, scope: "chat:write", params, replies },
    body: editBody,
    errors: [
      ...voiceErrors,
      ...(["chat.role_needed", "chat.wrong_kind", "chat.too_late", "chat.word_refused"] as const),
    ],
    handler: ({ params: { id, seq }, body, principal: { account_id: by }, write }) =>
      write(async (tx) => ({ status: 200, body: await edit(tx, deps, { id, seq, by }, body) })),
  });
}

function removeRoute(deps: FeatureDeps): Route {
  return route({
    method: "DELETE",
    path: one,
    summary: "Delete a message for everybody: one's own for a while, as an admin any",
    ...{ tag, access, scope: "chat:write", params },
    replies: { 204: null },
    errors: [...messageErrors, "chat.role_needed", "chat.wrong_kind", "chat.too_late"],
    handler: ({ params: { id, seq }, principal: { account_id: by }, write }) =>
      write(async (tx) => {
        await remove(tx, deps, { id, seq, by });
        return { status: 204 };
      }),
  });
}

function reactRoute(deps: FeatureDeps, on: boolean): Route {
  return route({
    method: on ? "PUT" : "DELETE",
    path: `${one}/reactions/{emoji}`,
    summary: on ? "React to a message with an emoji" : "Take a reaction back",
    ...{ tag, access, scope: "chat:write", replies: on ? replies : undone },
    params: params.extend({ emoji: emojiSchema }),
    errors: on ? [...voiceErrors, "chat.limit"] : [...messageErrors],
    handler: ({ params: { id, seq, emoji }, principal: { account_id: by }, write }) =>
      write(async (tx) => {
        const body = await react(tx, deps, { id, seq, by }, { emoji, on });
        return on ? { status: 200, body } : { status: 204 };
      }),
  });
}

function pinRoute(deps: FeatureDeps, on: boolean): Route {
  return route({
    method: on ? "PUT" : "DELETE",
    path: `${one}/pin`,
    summary: on ? "Pin a message for everybody" : "Unpin a message",
    ...{ tag, access, scope: "chat:write", params, replies: on ? replies : undone },
    errors: [
      ...messageErrors,
      ...(["chat.banned", "chat.role_needed"] as const),
      ...(on ? (["chat.limit"] as const) : []),
    ],
    handler: ({ params: { id, seq }, principal: { account_id: by }, write }) =>
      write(async (tx) => {
        const body = await pin(tx, deps, { id, seq, by }, { on });
        return on ? { status: 200, body } : { status: 204 };
      }),
  });
}

function pinsRoute(db: Reader): Route {
  return route({
    method: "GET",
    path: `${base}/pins`,
    summary: "The pinned messages, latest pinned first",
    ...{ tag, access, scope: "chat:read" },
    params: z.object({ id: idSchema }),
    replies: { 200: z.object({ items: z.array(messageSchema) }) },
    errors: [...messageErrors],
    async handler({ params: { id }, principal }) {
      const view = await memberView(db, id, principal.account_id);
      return { status: 200, body: { items: await pinned(db, id, view) } };
    },
  });
}
