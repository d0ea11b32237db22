import { z } from "zod";
import type { Db } from "../../platform/db/db.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import { idSchema, route, type Reply, type Route } from "../../platform/http/route.ts";
import { bulkRoute } from "./bulk-http.ts";
import { requireOwned, type Edit } from "./edit.ts";
import { toWire, type Naming } from "./link.ts";
import { listLinks } from "./list.ts";
import type { Batches } from "./create-batches.ts";
import type { Draft, Shorten } from "./shorten.ts";
import type { ListedRow } from "./store.ts";
import {
  createLinkBody,
  type Link,
  linkPage,
  linkSchema,
  listLinksQuery,
  updateLinkBody,
} from "./wire.ts";

/** The routes of links themselves; bulk, clicks, domains and transfers have files of their own. */
export type LinkRouteDeps = {
  db: Db;
  clock: Clock;
  shorten: Shorten;
  batches: Batches<Draft, ListedRow>;
  edit: Edit;
  naming: Naming;
};

const params = z.object({ id: idSchema });
const tag = "links";

export function linkRoutes(deps: LinkRouteDeps): Route[] {
  return [
    createRoute(deps),
    listRoute(deps),
    bulkRoute(deps),
    readRoute(deps),
    updateRoute(deps),
    removeRoute(deps),
  ];
}

function createRoute(deps: LinkRouteDeps): Route {
  return route({
    method: "POST",
    path: "/api/v1/links",
    summary: "Make a short link",
    tag,
    access: "member",
    scope: "links:create",
    idempotent: true,
    body: createLinkBody,
    replies: { 200: linkSchema, 201: linkSchema },
    errors: [
      "links.url_refused",
      "links.invalid",
      "links.alias_taken",
      "links.alias_reserved",
      "links.alias_limit",
      "links.domain_unverified",
    ],
    async handler({ body, principal, write, request }) {
      const draft = await deps.shorten.draft(principal, body);
      const alone = draft.alias || draft.find || request.headers.has("idempotency-key");
      if (!alone) return created(deps, await deps.batches.add(draft));
      return await write(async (tx) => {
        const { row, found } = await deps.shorten.create(tx, draft);
        return found ? { status: 200, body: wire(deps, row) } : created(deps, row);
      });
    },
  });
}

function listRoute(deps: LinkRouteDeps): Route {
  return route({
    method: "GET",
    path: "/api/v1/links",
    summary: "List links, newest first",
    tag,
    access: "member",
    scope: "links:read",
    query: listLinksQuery,
    replies: { 200: linkPage },
    async handler({ query, principal, reader }) {
      const page = await listLinks(reader, { ...query, ownerId: principal.account_id });
      const body = {
        items: page.rows.map((row) => wire(deps, row)),
        next_cursor: page.next_cursor,
      };
      return { status: 200, body };
    },
  });
}

function readRoute(deps: LinkRouteDeps): Route {
  return route({
    method: "GET",
    path: "/api/v1/links/{id}",
    summary: "Read a link",
    tag,
    access: "member",
    scope: "links:read",
    params,
    replies: { 200: linkSchema },
    errors: ["links.not_found"],
    async handler({ params: { id }, principal, reader }) {
      return { status: 200, body: wire(deps, await requireOwned(reader, principal, id)) };
    },
  });
}

function updateRoute(deps: LinkRouteDeps): Route {
  return route({
    method: "PATCH",
    path: "/api/v1/links/{id}",
    summary: "Change a link; the next visitor gets the new one",
    tag,
    access: "member",
    scope: "links:write",
    params,
    body: updateLinkBody,
    replies: { 200: linkSchema },
    errors: ["links.not_found", "links.url_refused", "links.invalid"],
    handler: ({ params: { id }, body, principal, write }) =>
      write(async (tx) => ({
        status: 200,
        body: wire(deps, await deps.edit.update(tx, principal, id, body)),
      })),
  });
}

function removeRoute({ edit }: LinkRouteDeps): Route {
  return route({
    method: "DELETE",
    path: "/api/v1/links/{id}",
    summary: "Remove a link; visitors get 410, its history stays",
    tag,
    access: "member",
    scope: "links:write",
    params,
    replies: { 204: null },
    errors: ["links.not_found"],
    handler: ({ params: { id }, principal, write }) =>
      write(async (tx) => {
        await edit.remove(tx, principal, id);
        return { status: 204 };
      }),
  });
}

function created(deps: LinkRouteDeps, row: ListedRow): Reply {
  const headers: Record<string, string> = { location: `/api/v1/links/${row.id}` };
  // RFC 8594: from when on the resource is likely to be gone.
  if (row.expires_at) headers["sunset"] = row.expires_at.toUTCString();
  return { status: 201, body: wire(deps, row), headers };
}

function wire({ naming, clock }: LinkRouteDeps, row: ListedRow): Link {
  return toWire(row, naming, clock.now());
}
