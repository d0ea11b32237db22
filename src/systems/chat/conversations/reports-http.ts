import { z } from "zod";
import {
  idSchema,
  pageOf,
  pageQuery,
  route,
  type Route,
  timeSchema,
} from "../../../platform/http/route.ts";
import { bodySchema, seqSchema } from "../shapes.ts";
import { ban } from "./bans.ts";
import type { Deps } from "./deps.ts";
import {
  decide,
  deleteReported,
  listReports,
  type Report,
  reportReasons,
  reportStatuses,
} from "./reports.ts";
import * as wire from "./wire.ts";

/** The queue of reports, for administrators. */
const { tag, adminBase: base } = wire;

export function reportRoutes(deps: Deps): Route[] {
  return [listReportsRoute(), decideRoute(deps)];
}

const reportSchema = z.object({
  id: idSchema,
  conversation_id: idSchema,
  seq: seqSchema,
  sender_id: idSchema,
  sender_name: z.string(),
  reporter_id: idSchema,
  reason: z.enum(reportReasons),
  comment: z.string(),
  body: bodySchema.nullable().describe("What the message said when it was reported."),
  status: z.enum(reportStatuses),
  created_at: timeSchema,
  decided_at: timeSchema.nullable(),
  decided_by: idSchema.nullable(),
});

function reportOf(row: Report): z.infer<typeof reportSchema> {
  return {
    ...row,
    seq: Number(row.seq),
    created_at: row.created_at.toISOString(),
    decided_at: row.decided_at?.toISOString() ?? null,
  };
}

function listReportsRoute(): Route {
  return route({
    method: "GET",
    path: `${base}/reports`,
    summary: "Reported messages, newest first",
    tag,
    access: "admin",
    scope: "chat:read",
    query: pageQuery.extend({
      cursor: idSchema.optional(),
      status: z.enum(reportStatuses).default("open"),
    }),
    replies: { 200: pageOf(reportSchema) },
    async handler({ reader, query: { cursor = null, status, limit } }) {
      const rows = await listReports(reader, { status, before: cursor, limit: limit + 1 });
      const items = rows.slice(0, limit).map(reportOf);
      const next_cursor = rows.length > limit ? (items.at(-1)?.id ?? null) : null;
      return { status: 200, body: { items, next_cursor } };
    },
  });
}

function decideRoute(deps: Deps): Route {
  return route({
    method: "POST",
    path: `${base}/reports/{id}/decide`,
    summary: "Decide a report, and with it all open ones of that message; maybe ban its sender",
    tag,
    access: "admin",
    scope: "chat:write",
    params: z.object({ id: idSchema }),
    body: z.strictObject({
      status: z.enum(["upheld", "dismissed"]),
      delete_message: z.boolean().default(false).describe("Deletes the message, for everybody."),
      ban_until: wire
        .laterSchema(deps.clock.now)
        .optional()
        .describe("Bans the sender until then."),
    }),
    replies: { 200: reportSchema },
    errors: ["chat.not_found", "request.conflict"],
    handler: (context) =>
      context.write(async (tx) => {
        const {
          params: { id },
          body,
          principal,
        } = context;
        const now = new Date(deps.clock.now());
        const by = principal.account_id;
        const decided = await decide(tx, { id, status: body.status, by, now });
        const { sender_id, reason } = decided;
        if (body.delete_message) await deleteReported(tx, deps, decided, now);
        if (body.ban_until !== undefined) {
          const until = new Date(body.ban_until);
          await ban(tx, sender_id, { until, reason: `reported as ${reason}`, by, now });
        }
        await deps.accounts.audit(tx, {
          ...wire.originOf(context),
          ...{ account_id: sender_id, action: "chat.report_decided", target: id, detail: body },
        });
        return { status: 200, body: reportOf(decided) };
      }),
  });
}
