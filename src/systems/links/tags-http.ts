import { z } from "zod";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Db } from "../../platform/db/db.ts";
import type { JobHandler, Jobs, Schedule } from "../../platform/jobs/jobs.ts";
import { pageOf, pageQuery, route, type Route } from "../../platform/http/route.ts";
import type { Accounts } from "../accounts/contract.ts";
import { foldTags, listTags, retagLinks, type Retag } from "./tags.ts";
import { tagText } from "./wire.ts";

/** Tags from outside: which there are, and changing one over all links, which a job does. */
export type TagRouteDeps = { jobs: Pick<Jobs, "enqueue">; accounts: Pick<Accounts, "audit"> };

const retagKind = "links.retag";
const foldKind = "links.fold_tags";
/** For a million links. */
const retagTimeoutMs = 2 * 3_600_000;
const tag = "links";

export const tagSchedule: Schedule = { kind: foldKind, cron: "* * * * *" };

export function tagJobs(deps: { db: Db; clock: Clock }): JobHandler[] {
  return [
    { kind: foldKind, concurrency: 1, run: (_, signal) => foldTags(deps.db, signal) },
    {
      kind: retagKind,
      concurrency: 2,
      timeoutMs: retagTimeoutMs,
      run: (job, signal) => retagLinks(deps, job.payload as Retag, signal),
    },
  ];
}

export function tagRoutes(deps: TagRouteDeps): Route[] {
  return [listRoute(), retagRoute(deps)];
}

function listRoute(): Route {
  return route({
    method: "GET",
    path: "/api/v1/links/tags",
    summary: "List your tags and how many links carry them",
    tag,
    access: "member",
    scope: "links:read",
    query: pageQuery.extend({
      prefix: z.string().max(40).default("").describe("What the tags begin with."),
    }),
    replies: { 200: pageOf(z.object({ tag: z.string(), links: z.number().int() })) },
    async handler({ query: { cursor = null, ...query }, principal, reader }) {
      const ownerId = principal.account_id;
      return { status: 200, body: await listTags(reader, { ...query, cursor, ownerId }) };
    },
  });
}

function retagRoute({ jobs, accounts }: TagRouteDeps): Route {
  return route({
    method: "PATCH",
    path: "/api/v1/links/tags",
    summary: "Rename a tag on all your links, or take it off them; done soon after the answer",
    tag,
    access: "member",
    scope: "links:write",
    body: z.strictObject({
      tag: tagText,
      to: tagText
        .nullable()
        .describe("The new name; one that exists already takes the links of both. Null: none."),
    }),
    replies: { 202: null },
    handler: ({ body, principal: actor, write }) =>
      write(async (tx) => {
        if (body.tag === body.to) return { status: 202 };
        const { account_id } = actor;
        const payload: Retag = { owner_id: account_id, ...body };
        await jobs.enqueue(tx, { kind: retagKind, payload });
        const action = body.to === null ? "links.tag_removed" : "links.tag_renamed";
        await accounts.audit(tx, { account_id, actor, action, target: body.tag, detail: body });
        return { status: 202 };
      }),
  });
}
