import { z } from "zod";
import { idSchema, route, type Route, timeSchema } from "../../../platform/http/route.ts";
import { sendBodySchema } from "../protocol.ts";
import { bodySchema, seqSchema } from "../shapes.ts";
import { messageErrors } from "./access.ts";
import type { FeatureDeps } from "./deps.ts";
import { editBody } from "./message-http.ts";
import { reschedule } from "./reschedule.ts";
import { callOff, listScheduled, schedule, type Scheduled } from "./scheduled.ts";

/** Routes of messages to be sent later. */
const tag = "chat";
const base = "/api/v1/chat/scheduled";
const aheadMsMax = 366 * 86_400_000;

const scheduledSchema = z.object({
  id: idSchema,
  conversation_id: idSchema,
  client_msg_id: z.string(),
  body: bodySchema,
  reply_to_seq: seqSchema.nullable(),
  thread_seq: seqSchema.nullable(),
  send_at: timeSchema,
  created_at: timeSchema,
  failure: z
    .string()
    .nullable()
    .describe("Why it was not sent: a code and what it says. Null while it waits."),
});

function scheduledOf(row: Scheduled): z.infer<typeof scheduledSchema> {
  const { id, conversation_id, client_msg_id, body, failure } = row;
  const seq = (value: string | null) => (value === null ? null : Number(value));
  return {
    ...{ id, conversation_id, client_msg_id, body, failure },
    ...{ reply_to_seq: seq(row.reply_to_seq), thread_seq: seq(row.thread_seq) },
    ...{ send_at: row.send_at.toISOString(), created_at: row.created_at.toISOString() },
  };
}

export function scheduledRoutes(deps: FeatureDeps): Route[] {
  return [scheduleRoute(deps), listRoute(deps), changeRoute(deps), callOffRoute(deps)];
}

function scheduleRoute(deps: FeatureDeps): Route {
  const { now } = deps.clock;
  const send_at = timeSchema.refine(
    (text) => Date.parse(text) > now() && Date.parse(text) < now() + aheadMsMax,
    "a time within a year",
  );
  return route({
    method: "POST",
    path: base,
    summary: "Have a message sent later, if one may by then",
    ...{ tag, access: "member", scope: "chat:create" },
    body: z.strictObject({ ...sendBodySchema.shape, conversation_id: idSchema, send_at }),
    replies: { 201: scheduledSchema },
    errors: [
      ...messageErrors,
      ...(["chat.banned", "chat.limit", "uploads.not_found", "uploads.incomplete"] as const),
    ],
    handler: ({ body, principal, write }) =>
      write(async (tx) => {
        return { status: 201, body: scheduledOf(await schedule(tx, deps, principal, body)) };
      }),
  });
}

function listRoute({ db }: FeatureDeps): Route {
  return route({
    method: "GET",
    path: base,
    summary: "Messages that wait to be sent, and those that could not be",
    ...{ tag, access: "member", scope: "chat:read" },
    replies: { 200: z.object({ items: z.array(scheduledSchema) }) },
    async handler({ principal }) {
      const rows = await listScheduled(db, principal.account_id);
      return { status: 200, body: { items: rows.map(scheduledOf) } };
    },
  });
}

/** What is left out stays. A time that has come already means now, by the server's clock. */
function changeRoute(deps: FeatureDeps): Route {
  const send_at = timeSchema.refine(
    (text) => Date.parse(text) < deps.clock.now() + aheadMsMax,
    "a time within a year",
  );
  return route({
    method: "PATCH",
    path: `${base}/{id}`,
    summary: "Change what is sent later, or when; also of one that could not be sent",
    ...{ tag, access: "member", scope: "chat:write" },
    params: z.object({ id: idSchema }),
    body: z.strictObject({ ...editBody.partial().shape, send_at: send_at.optional() }),
    replies: { 200: scheduledSchema },
    errors: [...messageErrors, "chat.banned", "request.conflict"],
    handler: ({ params: { id }, body, principal: { account_id: by }, write }) =>
      write(async (tx) => {
        return { status: 200, body: scheduledOf(await reschedule(tx, deps, { id, by }, body)) };
      }),
  });
}

function callOffRoute(deps: FeatureDeps): Route {
  return route({
    method: "DELETE",
    path: `${base}/{id}`,
    summary: "Call a message off that was to be sent later",
    ...{ tag, access: "member", scope: "chat:write" },
    params: z.object({ id: idSchema }),
    replies: { 204: null },
    errors: ["chat.not_found", "request.conflict"],
    handler: ({ params: { id }, principal: { account_id: by }, write }) =>
      write(async (tx) => {
        await callOff(tx, deps, { id, by });
        return { status: 204 };
      }),
  });
}
