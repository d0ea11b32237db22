import { z } from "zod";
import { idSchema, pageOf, pageQuery, route, type Route } from "../../platform/http/route.ts";
import { timeSchema } from "../../platform/http/route.ts";
import { unknownRule, type RuleEdits } from "./edit.ts";
import type { RuleBook } from "./rule-book.ts";
import { etagOf, originOf, versionOf, wireOf } from "./rule-wire.ts";
import { createBody, ruleReply, updateBody } from "./rules.ts";
import * as store from "./store.ts";

/** The routes of rules. Whoever changes one sees it hold as soon as the answer is there. */
export type RuleRoutes = { edits: RuleEdits; book: RuleBook; tiers: readonly string[] };

export const tag = "limits";
/** Where an administrator is never refused by a rule, so that nobody can lock himself out. */
export const rulesPath = "/api/v1/limits/rules";
const onePath = `${rulesPath}/{id}` as const;
const params = z.object({ id: idSchema });

const versionReply = z.object({
  rule_id: idSchema,
  version: z.number().int(),
  change: z.enum(["created", "updated", "removed"]),
  name: z.string(),
  definition: ruleReply
    .omit({
      ...{ id: true, preset: true, version: true, updated_at: true, updated_by: true },
    })
    .describe("The rule as it was from then on; of a removed one as it was at last."),
  changed_at: timeSchema,
  changed_by: idSchema.nullable().describe("Null: Stoa itself."),
});

export function ruleRoutes(deps: RuleRoutes): Route[] {
  return [
    ...[listRoute(deps), createRoute(deps), readRoute(), updateRoute(deps)],
    ...[removeRoute(deps), historyRoute()],
  ];
}

function listRoute({ tiers }: RuleRoutes): Route {
  return route({
    method: "GET",
    path: rulesPath,
    summary: "All rules, by name, and the tiers that they may tell apart",
    tag,
    access: "admin",
    scope: "limits:read",
    replies: { 200: z.object({ items: z.array(ruleReply), tiers: z.array(z.string()) }) },
    async handler({ reader }) {
      const rows = await store.listRules(reader);
      return { status: 200, body: { items: rows.map(wireOf), tiers: [...tiers] } };
    },
  });
}

function createRoute({ edits, book }: RuleRoutes): Route {
  return route({
    method: "POST",
    path: rulesPath,
    summary: "Make a rule; it holds from this answer on",
    tag,
    access: "admin",
    scope: "limits:create",
    idempotent: true,
    body: createBody,
    replies: { 201: ruleReply },
    errors: ["limits.rule_invalid", "limits.rule_name_taken", "limits.rule_limit"],
    async handler(context) {
      const reply = await context.write(async (tx) => {
        const row = await edits.create(tx, context.body, originOf(context));
        return { status: 201, headers: { etag: etagOf(row) }, body: wireOf(row) };
      });
      await book.reload();
      return reply;
    },
  });
}

function readRoute(): Route {
  return route({
    method: "GET",
    path: onePath,
    summary: "One rule",
    tag,
    access: "admin",
    scope: "limits:read",
    params,
    replies: { 200: ruleReply },
    errors: ["limits.rule_not_found"],
    async handler({ reader, params: { id } }) {
      const row = await store.findRule(reader, id);
      if (!row) throw unknownRule(id);
      return { status: 200, headers: { etag: etagOf(row) }, body: wireOf(row) };
    },
  });
}

function updateRoute({ edits, book }: RuleRoutes): Route {
  return route({
    method: "PATCH",
    path: onePath,
    summary: "Change a rule; new numbers apply to what was used already",
    tag,
    access: "admin",
    scope: "limits:write",
    params,
    body: updateBody,
    replies: { 200: ruleReply },
    errors: [
      ...(["limits.rule_not_found", "limits.rule_invalid", "limits.rule_name_taken"] as const),
      ...(["limits.rule_changed", "limits.rule_needed"] as const),
    ],
    async handler(context) {
      const { version: given, ...wish } = context.body;
      const version = given ?? versionOf(context.request);
      const reply = await context.write(async (tx) => {
        const change = { wish, version };
        const row = await edits.update(tx, context.params.id, change, originOf(context));
        return { status: 200, headers: { etag: etagOf(row) }, body: wireOf(row) };
      });
      await book.reload();
      return reply;
    },
  });
}

function removeRoute({ edits, book }: RuleRoutes): Route {
  return route({
    method: "DELETE",
    path: onePath,
    summary: "Remove a rule; its versions stay",
    tag,
    access: "admin",
    scope: "limits:write",
    params,
    replies: { 204: null },
    errors: ["limits.rule_not_found", "limits.rule_changed", "limits.rule_needed"],
    async handler(context) {
      const version = versionOf(context.request);
      const reply = await context.write(async (tx) => {
        await edits.remove(tx, context.params.id, version, originOf(context));
        return { status: 204 };
      });
      await book.reload();
      return reply;
    },
  });
}

function historyRoute(): Route {
  return route({
    method: "GET",
    path: `${onePath}/versions`,
    summary: "Every state of a rule, newest first, with who changed it; of a removed one too",
    tag,
    access: "admin",
    scope: "limits:read",
    params,
    query: pageQuery.extend({
      cursor: z.coerce
        .number()
        .int()
        .min(1)
        .max(2 ** 31 - 1)
        .optional(),
    }),
    replies: { 200: pageOf(versionReply) },
    errors: ["limits.rule_not_found"],
    async handler({ reader, params: { id }, query }) {
      const page = { before: query.cursor ?? null, limit: query.limit + 1 };
      const rows = await store.listVersions(reader, id, page);
      if (rows.length === 0 && query.cursor === undefined) throw unknownRule(id);
      const items = rows.slice(0, query.limit);
      const next_cursor = rows.length > query.limit ? String(items.at(-1)?.version) : null;
      return { status: 200, body: { items, next_cursor } };
    },
  });
}
