import { z } from "zod";
import {
  idSchema,
  pageOf,
  pageQuery,
  route,
  type Route,
  timeSchema,
} from "../../platform/http/route.ts";
import { shortUrl } from "./link.ts";
import { quarantineOf } from "./standing.ts";
import { reportReasons } from "./pages.ts";
import { lookupRoute } from "./lookup-http.ts";
import { quarantineRoutes } from "./quarantine-http.ts";
import { reportFields } from "./report-form.ts";
import { whichLink } from "./reported-link.ts";
import type { ReportRow } from "./reports.ts";
import type { SafetyDesk } from "./safety-desk.ts";
import { quarantineSchema } from "./wire.ts";

/** Reports by anybody, and what administrators make of them. */
const tag = "safety";
const params = z.object({ id: idSchema });

const reportBody = z
  .strictObject({
    short_url: z
      .string()
      .max(2_048)
      .optional()
      .describe("Or `code`, with `domain` unless it is Stoa's own."),
    code: z.string().min(1).max(80).optional(),
    domain: z.string().max(253).optional(),
    ...reportFields,
  })
  .refine((body) => (body.short_url === undefined) !== (body.code === undefined), {
    path: ["short_url"],
    message: "give either short_url or code",
  })
  .meta({ examples: [{ code: "hello", reason: "phishing" }] });

const reportSchema = z.object({
  id: idSchema,
  link_id: idSchema,
  owner_id: idSchema,
  short_url: z.string(),
  url: z.string(),
  quarantine: quarantineSchema
    .nullable()
    .describe("What is stopped already, and why; null where nothing is."),
  reason: z.enum(reportReasons),
  detail: z.string(),
  contact: z.string(),
  status: z.enum(["open", "upheld", "dismissed"]),
  created_at: timeSchema,
  decided_at: timeSchema.nullable(),
  decided_by: idSchema.nullable(),
});

const reportsQuery = pageQuery.extend({
  cursor: idSchema.optional(),
  status: z.enum(["open", "upheld", "dismissed", "all"]).default("open"),
});

export function safetyRoutes(desk: SafetyDesk): Route[] {
  return [
    reportRoute(desk),
    reportsRoute(desk),
    decideRoute(desk),
    lookupRoute(desk),
    ...quarantineRoutes(desk),
  ];
}

function reportRoute(desk: SafetyDesk): Route {
  return route({
    method: "POST",
    path: "/api/v1/reports",
    summary: "Report a link that harms",
    tag,
    access: "public",
    body: reportBody,
    replies: { 202: null },
    errors: ["links.not_found", "request.rate_limited"],
    async handler({ body, address }) {
      const { code, domainId } = whichLink(desk, body);
      await desk.report(code, domainId, body, address);
      return { status: 202 };
    },
  });
}

function reportsRoute(desk: SafetyDesk): Route {
  return route({
    method: "GET",
    path: "/api/v1/admin/reports",
    summary: "List what people reported, newest first",
    tag,
    access: "admin",
    scope: "links:read",
    query: reportsQuery,
    replies: { 200: pageOf(reportSchema) },
    async handler({ query: { status, limit, cursor = null }, reader }) {
      const page = await desk.reports.list(reader, { status, limit, cursor });
      const items = page.rows.map((row) => wireReport(desk, row));
      return { status: 200, body: { items, next_cursor: page.next_cursor } };
    },
  });
}

function wireReport(desk: SafetyDesk, given: ReportRow) {
  const { code, host, quarantined, domain_quarantine, owner_quarantine, ...row } = given;
  const quarantine = quarantineOf({ quarantined, domain_quarantine, owner_quarantine });
  return { ...row, quarantine, short_url: shortUrl(desk.naming, host, code) };
}

function decideRoute(desk: SafetyDesk): Route {
  return route({
    method: "POST",
    path: "/api/v1/admin/reports/{id}/decide",
    summary: "Uphold a report, which stops the link, or dismiss it",
    tag,
    access: "admin",
    scope: "links:write",
    params,
    body: z.strictObject({ decision: z.enum(["uphold", "dismiss"]) }),
    replies: { 204: null },
    errors: ["links.report_not_found", "links.not_found", "request.conflict"],
    handler: ({ params: { id }, body, principal, write }) =>
      write(async (tx) => {
        await desk.reports.decide(tx, principal, id, body.decision);
        return { status: 204 };
      }),
  });
}
