import { z } from "zod";
import type { Principal } from "../../platform/auth/principal.ts";
import type { Writer } from "../../platform/db/db.ts";
import type { ErrorCode } from "../../platform/errors/errors.ts";
import {
  type Context,
  idSchema,
  pageOf,
  pageQuery,
  type Reply,
  route,
  type Route,
} from "../../platform/http/route.ts";
import { listQuarantined } from "./quarantine-list.ts";
import type { SafetyDesk } from "./safety-desk.ts";

/** What administrators stop by hand, and let go. */
const tag = "safety";
const params = z.object({ id: idSchema });

const kind = z.enum(["link", "owner", "domain"]);
const stoppedSchema = z.object({
  kind,
  id: idSchema,
  owner_id: idSchema,
  name: z.string().describe("Short URL, host or account id."),
  url: z.string().nullable(),
  reason: z.string(),
});
const stoppedQuery = pageQuery.extend({
  cursor: idSchema.optional(),
  kind: kind.default("link"),
});

const stopBody = z.strictObject({ reason: z.string().trim().min(1).max(200) });

export function quarantineRoutes(desk: SafetyDesk): Route[] {
  return [quarantinedRoute(desk), ...stopRoutes(desk)];
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
