import { z } from "zod";
import { AppError } from "../errors/errors.ts";
import type { Outbox } from "../events/events.ts";
import { idSchema, pageOf, pageQuery, route, type Route, timeSchema } from "../http/route.ts";
import type { JobRunner } from "./jobs.ts";

/** What administrators see of background work: dead jobs and past events, to run once more. */
const tag = "admin";
const params = z.object({ id: idSchema });
const page = pageQuery.extend({ cursor: idSchema.optional() });
const nameSchema = z.string().min(1).max(200);

const deadSchema = z.object({
  id: idSchema,
  kind: z.string(),
  payload: z.unknown(),
  attempts: z.number().int(),
  error: z.string(),
  died_at: timeSchema,
});

const eventSchema = z.object({
  id: idSchema,
  type: z.string(),
  owner_id: z.string().nullable(),
  data: z.unknown(),
  occurred_at: timeSchema,
});

export function deadLetterRoutes(jobs: JobRunner, events: Outbox): Route[] {
  return [...jobRoutes(jobs), ...eventRoutes(events)];
}

function jobRoutes(jobs: JobRunner): Route[] {
  const list = route({
    method: "GET",
    path: "/api/v1/admin/dead_letters",
    summary: "Jobs that failed for good, newest first",
    tag,
    access: "admin",
    scope: "admin:read",
    query: page.extend({ kind: nameSchema.optional() }),
    replies: { 200: pageOf(deadSchema) },
    async handler({ reader, query }) {
      const rows = await jobs.dead(reader, { ...query, limit: query.limit + 1 });
      return { status: 200, body: pageOfRows(rows, query.limit) };
    },
  });
  const replay = route({
    method: "POST",
    path: "/api/v1/admin/dead_letters/{id}/replay",
    summary: "Put a dead job back into the queue",
    tag,
    access: "admin",
    scope: "admin:write",
    params,
    replies: { 202: null },
    errors: ["jobs.not_found", "request.conflict"],
    handler: ({ params: { id }, write }) =>
      write(async (tx) => {
        if (await jobs.replay(tx, id)) return { status: 202 };
        throw new AppError("jobs.not_found", "There is no dead job with this id.");
      }),
  });
  return [list, replay];
}

function eventRoutes(events: Outbox): Route[] {
  const list = route({
    method: "GET",
    path: "/api/v1/admin/events",
    summary: "Events of the last days, newest first",
    tag,
    access: "admin",
    scope: "admin:read",
    query: page.extend({ type: nameSchema.optional(), owner_id: nameSchema.optional() }),
    replies: { 200: pageOf(eventSchema) },
    async handler({ reader, query }) {
      const rows = await events.list(reader, { ...query, limit: query.limit + 1 });
      return { status: 200, body: pageOfRows(rows, query.limit) };
    },
  });
  const replay = route({
    method: "POST",
    path: "/api/v1/admin/events/{id}/replay",
    summary: "Hand an event out again, to one subscription or to all of its type",
    tag,
    access: "admin",
    scope: "admin:write",
    params,
    body: z.strictObject({ subscription: nameSchema.optional() }),
    replies: { 202: z.object({ deliveries: z.number().int() }) },
    errors: ["events.not_found"],
    handler: ({ params: { id }, body, write }) =>
      write(async (tx) => {
        const deliveries = await events.replay(tx, id, body.subscription);
        return { status: 202, body: { deliveries } };
      }),
  });
  return [list, replay];
}

/** One page out of `limit + 1` rows: the extra one tells whether there is a next page. */
function pageOfRows<T extends { id: string }>(rows: T[], limit: number) {
  const items = rows.slice(0, limit);
  return { items, next_cursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
}
