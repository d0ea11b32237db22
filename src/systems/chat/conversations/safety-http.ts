import { z } from "zod";
import {
  idSchema,
  lineSchema,
  route,
  type Route,
  textSchema,
} from "../../../platform/http/route.ts";
import { seqSchema } from "../shapes.ts";
import type { Deps } from "./deps.ts";
import { addFilter, readFilters, removeFilter } from "./filter-sets.ts";
import { report, reportReasons } from "./reports.ts";
import { requireMay } from "./roles.ts";
import { lockMembership, requireMembership } from "./store.ts";
import * as wire from "./wire.ts";

/** Routes by which members keep a conversation safe. */
const { tag, base, conversationParams: params } = wire;

export const filterBody = z.strictObject({
  text: lineSchema(100).min(1),
  action: z
    .enum(["refuse", "mask"])
    .describe("Refuse the message, or store it with the word covered by asterisks."),
  anywhere: z
    .boolean()
    .default(false)
    .describe("Also within words, and in scripts that put no space between them."),
});
export const filterSchema = z.object({ id: idSchema, ...filterBody.shape });
export const filterList = z.object({ items: z.array(filterSchema) });

export function safetyRoutes(deps: Deps): Route[] {
  return [reportRoute(deps), listRoute(), addRoute(deps), removeRoute()];
}

function reportRoute(deps: Deps): Route {
  return route({
    method: "POST",
    path: `${base}/conversations/{id}/messages/{seq}/report`,
    summary: "Report a message to the administrators",
    tag,
    access: "member",
    scope: "chat:create",
    params: z.object({ id: idSchema, seq: z.coerce.number().pipe(seqSchema) }),
    body: z.strictObject({
      reason: z.enum(reportReasons),
      comment: textSchema(1_000).default(""),
    }),
    replies: { 204: null },
    errors: ["chat.not_found", "request.rate_limited"],
    async handler(context) {
      const {
        params: { id, seq },
        principal,
        body,
      } = context;
      await wire.charge(deps.limits, "chat.reports", principal);
      return await context.write(async (tx) => {
        await report(tx, deps, { id, seq, by: principal.account_id, ...body });
        return { status: 204 };
      });
    },
  });
}

function listRoute(): Route {
  return route({
    method: "GET",
    path: `${base}/conversations/{id}/filters`,
    summary: "The words that a conversation refuses or masks, for who runs it",
    tag,
    access: "member",
    scope: "chat:read",
    params,
    replies: { 200: filterList },
    errors: ["chat.not_found", "chat.role_needed"],
    async handler({ principal, reader, params: { id } }) {
      const { role } = await requireMembership(reader, id, principal.account_id);
      requireMay(role, "filter");
      return { status: 200, body: { items: await readFilters(reader, id) } };
    },
  });
}

function addRoute(deps: Deps): Route {
  return route({
    method: "POST",
    path: `${base}/conversations/{id}/filters`,
    summary: "Refuse or mask a word in a conversation, from the next message on",
    tag,
    access: "member",
    scope: "chat:create",
    params,
    body: filterBody,
    replies: { 201: filterSchema },
    errors: ["chat.not_found", "chat.role_needed", "chat.limit"],
    handler: (context) =>
      context.write(async (tx) => {
        const {
          params: { id },
          principal,
          body,
        } = context;
        const { role } = await lockMembership(tx, id, principal.account_id);
        requireMay(role, "filter");
        const filter = { id: deps.nextId(), ...body };
        await addFilter(tx, id, filter);
        return { status: 201, body: filter };
      }),
  });
}

function removeRoute(): Route {
  return route({
    method: "DELETE",
    path: `${base}/conversations/{id}/filters/{filter_id}`,
    summary: "Allow a word in a conversation again",
    tag,
    access: "member",
    scope: "chat:write",
    params: z.object({ id: idSchema, filter_id: idSchema }),
    replies: { 204: null },
    errors: ["chat.not_found", "chat.role_needed"],
    handler: (context) =>
      context.write(async (tx) => {
        const {
          params: { id, filter_id: filterId },
          principal,
        } = context;
        const { role } = await lockMembership(tx, id, principal.account_id);
        requireMay(role, "filter");
        await removeFilter(tx, id, filterId);
        return { status: 204 };
      }),
  });
}
