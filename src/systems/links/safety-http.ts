import { z } from "zod";
import type { Writer } from "../../platform/db/db.ts";
import type { Principal } from "../../platform/auth/principal.ts";
import { AppError, type ErrorCode } from "../../platform/errors/errors.ts";
import {
  type Context,
  idSchema,
  pageOf,
  pageQuery,
  type Reply,
  route,
  type Route,
  timeSchema,
} from "../../platform/http/route.ts";
import { normalHost } from "./host-name.ts";
import { shortUrl } from "./link.ts";
import { reportReasons } from "./pages.ts";
import { listQuarantined } from "./quarantine-list.ts";
import { reportFields } from "./report-form.ts";
import type { ReportRow } from "./reports.ts";
import type { SafetyDesk } from "./safety-desk.ts";

/** Reports by anybody, and what administrators make of them. */
const tag = "safety";
const params = z.object({ id: idSchema });

const reportBody = z
  .strictObject({
    /** Or `code`, with `domain` unless it is Stoa's own. */
    short_url: z.string().max(2_048).optional(),
    code: z.string().min(1).max(80).optional(),
    domain: z.string().max(253).optional(),
    ...reportFields,
  })
  .refine((body) => (body.short_url === undefined) !== (body.code === undefined), {
    path: ["short_url"],
    message: "give either short_url or code",
  });

const reportSchema = z.object({
  id: idSchema,
  link_id: idSchema,
  owner_id: idSchema,
  short_url: z.string(),
  url: z.string(),
  /** Why the link is stopped already; null where it is not. */
  quarantined: z.string().nullable(),
  reason: z.enum(reportReasons),
  detail: z.string(),
  contact: z.string(),
  status: z.enum(["open", "upheld", "dismissed"]),
  created_at: timeSchema,
  decided_at: timeSchema.nullable(),
  decided_by: idSchema.nullable(),
});

const idCursor = { cursor: idSchema.optional() };
const reportsQuery = pageQuery.extend({
  ...idCursor,
  status: z.enum(["open", "upheld", "dismissed", "all"]).default("open"),
});

const kind = z.enum(["link", "owner", "domain"]);
const stoppedSchema = z.object({
  kind,
  id: idSchema,
  owner_id: idSchema,
  /** Short URL, host or account id. */
  name: z.string(),
  url: z.string().nullable(),
  reason: z.string(),
});
const stoppedQuery = pageQuery.extend({ ...idCursor, kind: kind.default("link") });

const stopBody = z.strictObject({ reason: z.string().trim().min(1).max(200) });

export function safetyRoutes(desk: SafetyDesk): Route[] {
  return [
    reportRoute(desk),
    reportsRoute(desk),
    decideRoute(desk),
    quarantinedRoute(desk),
    ...stopRoutes(desk),
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

function whichLink(
  desk: SafetyDesk,
  { short_url, code, domain }: { short_url?: string; code?: string; domain?: string },
): { code: string; domainId: string } {
  const { domains, naming } = desk;
  const url = short_url === undefined ? null : URL.parse(short_url);
  const named = url ? decoded(url.pathname.split("/")[1] ?? "") : code;
  const host = url ? url.hostname : domain;
  const own = host === undefined || host === new URL(naming.publicUrl).hostname;
  const domainId = own ? "0" : domains.serving(normalHost(host) ?? "?")?.id;
  const bare = named?.split("+")[0];
  if (domainId === undefined || !bare) {
    throw new AppError("links.not_found", "There is no such link here.");
  }
  return { code: bare, domainId };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text).replaceAll("\0", "");
  } catch {
    return text;
  }
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

function wireReport(desk: SafetyDesk, { code, host, ...row }: ReportRow) {
  return { ...row, short_url: shortUrl(desk.naming, host, code) };
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

function quarantinedRoute(desk: SafetyDesk): Route {
  return route({
    method: "GET",
    path: "/api/v1/admin/quarantine",
    summary: "List the links, owners or domains that are stopped",
    tag,
    access: "admin",
    scope: "links:read",
    query: stoppedQuery,
    replies: { 200: pageOf(stoppedSchema) },
    async handler({ query: { cursor = null, ...query }, reader }) {
      const page = await listQuarantined(reader, desk.naming, { ...query, cursor });
      return { status: 200, body: page };
    },
  });
}

type Stoppable = {
  what: "links" | "owners" | "domains";
  missing: ErrorCode;
  stop(tx: Writer, by: Principal, id: string, reason: string): Promise<void>;
  release(tx: Writer, by: Principal, id: string): Promise<void>;
  /** Ends before the answer, so that the very next visitor meets the change. */
  committed(): Promise<void>;
};

function stopRoutes({ quarantine, domains }: SafetyDesk): Route[] {
  const links: Stoppable = {
    what: "links",
    missing: "links.not_found",
    stop: (tx, by, id, reason) => quarantine.link(tx, by, id, reason),
    release: (tx, by, id) => quarantine.releaseLink(tx, by, id),
    committed: async () => {},
  };
  const owners: Stoppable = {
    what: "owners",
    missing: "accounts.not_found",
    stop: (tx, by, id, reason) => quarantine.owner(tx, by, id, reason),
    release: (tx, by, id) => quarantine.releaseOwner(tx, by, id),
    committed: domains.reload,
  };
  const hosts: Stoppable = {
    what: "domains",
    missing: "links.domain_not_found",
    stop: (tx, by, id, reason) => quarantine.domain(tx, by, id, reason),
    release: (tx, by, id) => quarantine.releaseDomain(tx, by, id),
    committed: domains.reload,
  };
  return [links, owners, hosts].flatMap((each) => [stopRoute(each), releaseRoute(each)]);
}

function stopRoute(stoppable: Stoppable): Route {
  return route({
    method: "POST",
    path: `/api/v1/admin/${stoppable.what}/{id}/quarantine`,
    summary: `Stop one of the ${stoppable.what}: visitors see a warning`,
    tag,
    access: "admin",
    scope: "links:write",
    params,
    body: stopBody,
    replies: { 204: null },
    errors: [stoppable.missing],
    handler: ({ params: { id }, body, principal, write }) =>
      settle(write, stoppable, (tx) => stoppable.stop(tx, principal, id, `admin: ${body.reason}`)),
  });
}

function releaseRoute(stoppable: Stoppable): Route {
  return route({
    method: "POST",
    path: `/api/v1/admin/${stoppable.what}/{id}/release`,
    summary: `Let one of the ${stoppable.what} that was stopped redirect again`,
    tag,
    access: "admin",
    scope: "links:write",
    params,
    replies: { 204: null },
    errors: [stoppable.missing],
    handler: ({ params: { id }, principal, write }) =>
      settle(write, stoppable, (tx) => stoppable.release(tx, principal, id)),
  });
}

async function settle(
  write: Context["write"],
  stoppable: Stoppable,
  work: (tx: Writer) => Promise<void>,
): Promise<Reply> {
  const reply = await write(async (tx) => {
    await work(tx);
    return { status: 204 };
  });
  await stoppable.committed();
  return reply;
}
