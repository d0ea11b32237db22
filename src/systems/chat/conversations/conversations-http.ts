import { z } from "zod";
import { idSchema, route, type Route, timeSchema } from "../../../platform/http/route.ts";
import { conversationOf } from "../rows.ts";
import { conversationSchema, listedSchema } from "../shapes.ts";
import type { Deps } from "./deps.ts";
import { openDirect, openGroup, peopleAtOnceMax } from "./open.ts";
import { changeOwn, changeSettings, deleteConversation } from "./settings.ts";
import { unknownConversation } from "./store.ts";
import * as wire from "./wire.ts";

/** Routes of conversations themselves: made, read, set up, deleted. */
const { tag, base, conversationParams: params } = wire;

const slowModeSecondsMax = 86_400;
const disappearSecondsMax = 365 * 86_400;

export function conversationRoutes(deps: Deps): Route[] {
  return [createRoute(deps), readRoute(deps), changeRoute(deps), deleteRoute(deps), ownRoute(deps)];
}

const newConversation = z
  .strictObject({
    kind: z.enum(["direct", "group", "channel"]),
    account_id: idSchema.optional().describe("Of a direct conversation: the other person."),
    title: wire.titleSchema.optional().describe("Of a group or channel."),
    description: wire.descriptionSchema.optional(),
    account_ids: z
      .array(idSchema)
      .max(peopleAtOnceMax)
      .optional()
      .describe("Who is in it from the beginning, besides the caller."),
  })
  .superRefine(({ kind, ...given }, context) => {
    const needed = kind === "direct" ? "account_id" : "title";
    for (const [field, value] of Object.entries({ [needed]: undefined, ...given })) {
      const fits = (field === "account_id") === (kind === "direct");
      if (fits && field === needed && value === undefined) {
        context.addIssue({ code: "custom", path: [field], message: `a ${kind} needs it` });
      } else if (!fits && value !== undefined) {
        context.addIssue({ code: "custom", path: [field], message: `a ${kind} has none` });
      }
    }
  })
  .meta({ examples: [{ kind: "group", title: "Harvest crew" }] });

function createRoute(deps: Deps): Route {
  return route({
    method: "POST",
    path: `${base}/conversations`,
    summary: "Open the direct conversation with somebody (200 when it is there), or make a group",
    tag,
    access: "member",
    scope: "chat:create",
    idempotent: true,
    body: newConversation,
    replies: { 200: conversationSchema, 201: conversationSchema },
    errors: [
      ...(["chat.person_unknown", "chat.person_refuses", "chat.banned"] as const),
      "request.rate_limited",
    ],
    async handler(context) {
      const { body, principal } = context;
      const by = principal.account_id;
      const { kind, account_id: other = "", title = "", description = "", account_ids = [] } = body;
      await wire.charge(deps.limits, "chat.opens", principal);
      return await context.write(async (tx) => {
        const { conversation, isNew } =
          kind === "direct"
            ? await openDirect(tx, deps, { by, with: other })
            : await openGroup(tx, deps, by, { kind, title, description, account_ids });
        return { status: isNew ? 201 : 200, body: conversationOf(conversation) };
      });
    },
  });
}

function readRoute({ listing }: Deps): Route {
  return route({
    method: "GET",
    path: `${base}/conversations/{id}`,
    summary: "A conversation, and what it is to the caller",
    tag,
    access: "member",
    scope: "chat:read",
    params,
    replies: { 200: listedSchema },
    errors: ["chat.not_found"],
    async handler({ principal, params: { id } }) {
      const [listed] = await listing.some(principal.account_id, [id]);
      if (!listed) throw unknownConversation();
      return { status: 200, body: listed };
    },
  });
}

function changeRoute(deps: Deps): Route {
  return route({
    method: "PATCH",
    path: `${base}/conversations/{id}`,
    summary: "Change how a conversation is set up; of a direct one only how long messages stay",
    tag,
    access: "member",
    scope: "chat:write",
    params,
    body: z.strictObject({
      title: wire.titleSchema.optional(),
      description: wire.descriptionSchema.optional(),
      send_by: z
        .enum(["members", "admins"])
        .optional()
        .describe("`admins`: only owners and admins send."),
      slow_mode_seconds: z
        .number()
        .int()
        .min(0)
        .max(slowModeSecondsMax)
        .optional()
        .describe("Between two messages of one member; 0 is none."),
      disappear_seconds: z
        .number()
        .int()
        .min(1)
        .max(disappearSecondsMax)
        .nullable()
        .optional()
        .describe("How long messages that are sent from now on stay; null is for ever."),
      publishes_events: z.boolean().optional(),
    }),
    replies: { 200: conversationSchema },
    errors: ["chat.not_found", "chat.role_needed", "chat.wrong_kind"],
    handler: (context) =>
      context.write(async (tx) => {
        const {
          params: { id },
          principal,
          body: change,
        } = context;
        const row = await changeSettings(tx, deps, { id, by: principal.account_id, change });
        return { status: 200, body: conversationOf(row) };
      }),
  });
}

function deleteRoute(deps: Deps): Route {
  return route({
    method: "DELETE",
    path: `${base}/conversations/{id}`,
    summary: "Delete a group or channel for everybody; its owners may",
    tag,
    access: "member",
    scope: "chat:write",
    params,
    replies: { 204: null },
    errors: ["chat.not_found", "chat.role_needed", "chat.wrong_kind"],
    handler: (context) =>
      context.write(async (tx) => {
        const by = context.principal.account_id;
        await deleteConversation(tx, deps, { id: context.params.id, by });
        return { status: 204 };
      }),
  });
}

function ownRoute(deps: Deps): Route {
  return route({
    method: "PATCH",
    path: `${base}/conversations/{id}/own`,
    summary: "Mute or archive a conversation, for oneself and on all devices",
    tag,
    access: "member",
    scope: "chat:write",
    params,
    body: z.strictObject({
      muted_until: timeSchema.nullable().optional().describe("Null: not muted."),
      archived: z.boolean().optional(),
    }),
    replies: { 204: null },
    errors: ["chat.not_found"],
    handler: (context) =>
      context.write(async (tx) => {
        const {
          params: { id },
          principal,
          body,
        } = context;
        const { archived, muted_until: until } = body;
        await changeOwn(tx, deps, {
          ...{ id, accountId: principal.account_id, archived },
          muted_until: typeof until === "string" ? new Date(until) : until,
        });
        return { status: 204 };
      }),
  });
}
