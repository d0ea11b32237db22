import { z } from "zod";
import { idSchema, route, type Route } from "../../platform/http/route.ts";
import { guards, ofTier, type Compiled } from "./compile.ts";
import type { Decider, Question } from "./decide.ts";
import { nameOf, subjectOfCall } from "./guard.ts";
import { tag } from "./http.ts";
import { answerOf, answerSchema, type NamedAnswer } from "./questions.ts";
import { reaches, routeOf, type RouteName } from "./route-pattern.ts";
import type { RuleBook } from "./rule-book.ts";
import { anonymousTier } from "./rules.ts";
import { select } from "./selection.ts";
import type { Subject } from "./subject.ts";

/** For a given request: which rules concern it, in what order, with what state, and why. */
export type ExplainRoutes = {
  book: RuleBook;
  decider: Decider;
  now(): number;
  routes(): readonly Route[];
};

const query = z.object({
  method: z.enum(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]).default("GET"),
  path: z
    .string()
    .min(1)
    .max(2_000)
    .regex(/^\//, "begins with /")
    .describe("As it is asked for, such as `/api/v1/links/123`, without host and query."),
  address: z.union([z.ipv4(), z.ipv6()]).default("192.0.2.1"),
  account_id: idSchema.optional(),
  api_key_id: idSchema.optional(),
  tier: z.string().max(40).optional(),
});
type Asked = z.infer<typeof query>;

const explained = z.object({
  rule: z.string(),
  mode: z.enum(["enforce", "shadow"]),
  applies: z.boolean().describe("Whether it is asked about this request."),
  why: z.string(),
  key: z.string().nullable(),
  accuracy: z
    .enum(["strict", "leased", "local"])
    .nullable()
    .describe("How it is counted; a list is not."),
  sub_keys: z.number().int().nullable(),
  state: answerSchema.nullable().describe("What it would say now; null where it is not asked."),
});

const explanation = z.object({
  route: z
    .string()
    .nullable()
    .describe("As the table of routes has it; null where nothing answers the path."),
  tier: z.string(),
  allowed: z.boolean(),
  rules: z.array(explained).describe("All that are enabled, in the order that they are asked in."),
});

export function explainRoute(deps: ExplainRoutes): Route {
  return route({
    method: "GET",
    path: "/api/v1/limits/explain",
    summary: "Which rules concern a request, in what order, with what state, and why",
    tag,
    access: "admin",
    scope: "limits:read",
    query,
    replies: { 200: explanation },
    handler: async ({ query: asked }) => ({ status: 200, body: await explain(deps, asked) }),
  });
}

async function explain(deps: ExplainRoutes, asked: Asked): Promise<z.infer<typeof explanation>> {
  const found = routeOf(deps.routes(), asked.method, asked.path);
  const tier = asked.tier ?? anonymousTier;
  const who = { found, tier, subject: subjectFor(asked, tier, found) };
  const rules = [];
  for (const compiled of deps.book.rules) rules.push(await explainOne(deps, compiled, who, asked));
  const exempt = rules.some((one) => one.why === exemptWhy && one.mode === "enforce");
  const refused = rules.some((one) => one.mode === "enforce" && one.state?.allowed === false);
  const denied = rules.some((one) => one.mode === "enforce" && one.why === denyWhy);
  const allowed = !denied && (exempt || !refused);
  return { route: found && nameOf(found), tier, allowed, rules };
}

const denyWhy = "the caller is on its deny list";
const allowWhy = "the caller is on its allow list, so it does not count";
const exemptWhy = "the caller is on its allow list, so no other rule is asked";

type Who = { found: RouteName | null; tier: string; subject: Subject };

async function explainOne(deps: ExplainRoutes, compiled: Compiled, who: Who, asked: Asked) {
  const { name, rule, shadow } = compiled;
  const { accuracy, sub_keys } = rule;
  const counted = compiled.reading === null ? { accuracy: null, sub_keys: null } : {};
  const about = { rule: name, mode: rule.mode, accuracy, sub_keys, ...counted };
  const off = (why: string) => ({ ...about, applies: false, why, key: null, state: null });
  const unreached = whyNotReached(compiled, who);
  if (unreached !== null) return off(unreached);
  const selection = select([{ ...compiled, shadow: false }], who.subject);
  if (selection.denied) {
    const { key } = selection.denied;
    return { ...about, applies: true, why: denyWhy, key, state: null };
  }
  if (selection.exempt) return { ...off(exemptWhy), applies: true };
  const [one] = selection.asked;
  if (!one) return off(whyNoKey(compiled, who.subject));
  const question: Question = { route: "explain", writing: asked.method !== "GET", cost: null };
  const outcome = await deps.decider.peek(selection, question);
  const state: NamedAnswer = answerOf(outcome, deps.now());
  const why = shadow ? "it matches, and only counts" : "it matches";
  return { ...about, applies: true, why, key: one.key, state };
}

function whyNotReached(compiled: Compiled, { found, tier }: Who): string | null {
  const { rule } = compiled;
  if (rule.service) return "it is only asked for by name";
  if (!found) return "no route answers this path";
  if (guards(compiled, found, tier)) return null;
  if (!ofTier(rule, tier)) return `it is for ${rule.tiers.join(", ")} and not for ${tier}`;
  const reached = rule.routes.length === 0 || rule.routes.some((p) => reaches(p, found.path));
  return reached ? `it is for ${rule.methods.join(", ")}` : `it is for ${rule.routes.join(", ")}`;
}

function whyNoKey({ rule, allow, keyOf }: Compiled, subject: Subject): string {
  if (allow?.(keyOf(subject), subject)) return allowWhy;
  if (rule.algorithm === "list") return "the caller is on none of its lists";
  return `the caller has no ${rule.key.join(", ")}, and no fallback helps`;
}

function subjectFor(asked: Asked, tier: string, found: RouteName | null): Subject {
  const kind = asked.api_key_id === undefined ? "session" : "key";
  const caller =
    asked.account_id === undefined && asked.api_key_id === undefined
      ? null
      : ({
          kind,
          account_id: asked.account_id ?? "",
          credential_id: asked.api_key_id ?? "",
        } as const);
  const at = { tier, route: found ? nameOf(found) : "" };
  const subject = subjectOfCall(caller, asked.address, at);
  return { ...subject, parts: { ...subject.parts, user: asked.account_id } };
}
