import { z } from "zod";
import type { Db } from "../../platform/db/db.ts";
import { AppError, errorStatus } from "../../platform/errors/errors.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import { idSchema, route, type Reply, type Route } from "../../platform/http/route.ts";
import { invalid } from "../../platform/http/problem.ts";
import { requireOwned, type Edit } from "./edit.ts";
import { toWire, type Naming } from "./link.ts";
import { listLinks } from "./list.ts";
import type { Batches } from "./create-batches.ts";
import type { Draft, Shorten } from "./shorten.ts";
import type { ListedRow } from "./store.ts";
import {
  bulkBody,
  bulkReply,
  createLinkBody,
  linkPage,
  linkSchema,
  listLinksQuery,
  updateLinkBody,
} from "./wire.ts";

/** The routes of links themselves; clicks, domains and transfers have files of their own. */
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
/** 1,000 links with long URLs and rules. */
const bulkBytesMax = 10 * 1024 * 1024;

export function linkRoutes(deps: LinkRouteDeps): Route[] {
  const { shorten, edit, naming, clock } = deps;
  const wire = (row: ListedRow) => toWire(row, naming, clock.now());

  return [
    route({
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
        const draft = await shorten.draft(principal, body);
        const alone = draft.alias || draft.find || request.headers.has("idempotency-key");
        if (!alone) return created(await deps.batches.add(draft));
        return await write(async (tx) => {
          const { row, found } = await shorten.create(tx, draft);
          return found ? { status: 200, body: wire(row) } : created(row);
        });
      },
    }),
    route({
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
        const body = { items: page.rows.map(wire), next_cursor: page.next_cursor };
        return { status: 200, body };
      },
    }),
    route({
      method: "POST",
      path: "/api/v1/links/bulk",
      summary: "Make up to 1,000 links, each with its own result",
      tag,
      access: "member",
      scope: "links:create",
      idempotent: true,
      bodyBytesMax: bulkBytesMax,
      body: bulkBody,
      replies: { 200: bulkReply },
      errors: ["links.alias_limit"],
      handler: (context) => bulk(context.body.links, context),
    }),
    route({
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
        return { status: 200, body: wire(await requireOwned(reader, principal, id)) };
      },
    }),
    route({
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
          body: wire(await edit.update(tx, principal, id, body)),
        })),
    }),
    route({
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
    }),
  ];

  function created(row: ListedRow): Reply {
    const headers: Record<string, string> = { location: `/api/v1/links/${row.id}` };
    // RFC 8594: from when on the resource is likely to be gone.
    if (row.expires_at) headers["sunset"] = row.expires_at.toUTCString();
    return { status: 201, body: wire(row), headers };
  }

  async function bulk(
    wishes: unknown[],
    { principal, write }: Parameters<Parameters<typeof route>[0]["handler"]>[0],
  ): Promise<Reply> {
    const prepared = await Promise.all(
      wishes.map(async (wish, i): Promise<Draft | AppError> => {
        const parsed = createLinkBody.safeParse(wish);
        if (!parsed.success) return invalid(`links[${i}]`, parsed.error);
        try {
          return await shorten.draft(principal, parsed.data);
        } catch (error) {
          if (error instanceof AppError) return error;
          throw error;
        }
      }),
    );
    return await write(async (tx) => {
      const drafts = prepared.filter((p): p is Draft => !(p instanceof AppError));
      const outcomes = await shorten.createMany(tx, drafts);
      let next = 0;
      const results = prepared
        .map((p) => (p instanceof AppError ? p : (outcomes[next++] as ListedRow | AppError)))
        .map((outcome) =>
          outcome instanceof AppError ? refused(outcome) : { status: 201, link: wire(outcome) },
        );
      const ok = results.filter((result) => result.status === 201).length;
      return { status: 200, body: { created: ok, failed: results.length - ok, results } };
    });
  }
}

function refused(error: AppError) {
  const { code, message: detail, fields } = error;
  return {
    status: errorStatus[code],
    code,
    detail,
    ...(fields.length > 0 ? { errors: fields } : {}),
  };
}
