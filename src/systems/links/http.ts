import { z } from "zod";
import type { Db } from "../../platform/db/db.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import { AppError } from "../../platform/errors/errors.ts";
import { idSchema, route, type Reply, type Route } from "../../platform/http/route.ts";
import { createWriteGroup } from "../../platform/http/write-group.ts";
import { bulkRoute } from "./bulk-http.ts";
import { requireOwned, type Edit } from "./edit.ts";
import { toWire, type Naming } from "./link.ts";
import { listLinks } from "./list.ts";
import { listed, type Draft, type Shorten } from "./shorten.ts";
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
  const creates = createWriteGroup<Draft>(deps.db, async (tx, asked) => {
    const outcomes = await deps.shorten.createEach(
      tx,
      asked.map((one) => one.input),
    );
    return asked.map(({ input, reply }, i) => {
      const outcome = outcomes[i] as ListedRow | AppError;
      if (outcome instanceof AppError) return outcome;
      return outcome.code === input.row.code ? reply : created(deps, outcome);
    });
  });
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
    async handler({ body, principal, write, writeTogether }) {
      const draft = await deps.shorten.draft(principal, body);
      if (!draft.find) {
        const reply = created(deps, listed(draft));
        return await writeTogether(creates, { input: draft, reply });
      }
      return await write(async (tx) => {
        const { row, found } = await deps.shorten.findOrCreate(tx, draft);
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
    async handler({ params: { id }, body, principal, write }) {
      const passwordHash = await deps.edit.hashPassword(principal, id, body);
      return await write(async (tx) => {
        const row = await deps.edit.update(tx, principal, id, { ...body, passwordHash });
        return { status: 200, body: wire(deps, row) };
      });
    },
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
