import { z } from "zod";
import type { Clock } from "../../platform/clock/clock.ts";
import { route, type Route } from "../../platform/http/route.ts";
import { chargesOf, type Decider } from "./decide.ts";
import type { Outcome } from "./outcome.ts";
import { refusalOf, unlessAway } from "./refusal.ts";
import { tag } from "./http.ts";
import * as asked from "./questions.ts";
import type { RuleBook } from "./rule-book.ts";

/**
 * Limits as a service: other programs ask whether a key may do something now. Keys of rules are
 * the installation's and not an account's, so these are for administrators' keys, which need no
 * more than the one scope: `limits:create` to charge, `limits:write` to reset and to block.
 */
export type CheckRoutes = { book: RuleBook; decider: Decider; clock: Clock };

/** One call may ask so much; it is decided without a pause. */
const checksMax = 1_000;
const penaltyMsMax = 30 * 86_400_000;
const asService = { route: "check", writing: true } as const;
const { answerSchema, answerOf, resolve } = asked;

export function checkRoutes(deps: CheckRoutes): Route[] {
  return [
    ...[checkRoute(deps), batchRoute(deps), peekRoute(deps), reportRoute(deps)],
    ...[refundRoute(deps), resetRoute(deps), penalizeRoute(deps)],
  ];
}

const refusals = ["limits.rule_not_found", "limits.question_invalid"] as const;

/** An answer is a 200 also when it says no: whoever asks decides what that means. */
function answered(outcome: Outcome, clock: Clock): asked.NamedAnswer {
  if (outcome.unavailable) throw refusalOf(outcome);
  return answerOf(outcome, clock.now());
}

/** Of shadow rules too, so that they go on counting what they would if they were enforced. */
function chargesAbout(book: RuleBook, key: z.infer<typeof asked.keySchema>, cost?: number) {
  const { asked: enforced, shadows } = resolve(book, key, "");
  return chargesOf([...enforced, ...shadows], { ...asService, cost: cost ?? null });
}

function checkRoute({ book, decider, clock }: CheckRoutes): Route {
  return route({
    method: "POST",
    path: "/api/v1/limits/check",
    summary: "May this key do this now? Charges it if so",
    tag,
    access: "admin",
    scope: "limits:create",
    body: asked.questionSchema,
    replies: { 200: answerSchema },
    errors: [...refusals],
    async handler({ body }) {
      const question = { ...asService, cost: body.cost ?? null };
      const outcome = await decider.take(resolve(book, body, ""), question);
      return { status: 200, body: answered(outcome, clock) };
    },
  });
}

function batchRoute({ book, decider, clock }: CheckRoutes): Route {
  return route({
    method: "POST",
    path: "/api/v1/limits/checks",
    summary: "Many checks in one call, each decided for itself and in this order",
    tag,
    access: "admin",
    scope: "limits:create",
    body: z.strictObject({ checks: z.array(asked.questionSchema).min(1).max(checksMax) }),
    bodyFits,
    replies: { 200: z.object({ results: z.array(answerSchema) }) },
    errors: [...refusals],
    async handler({ body: { checks } }) {
      const selections = checks.map((check, i) => resolve(book, check, `checks[${i}].`));
      const outcomes = selections.map((selection, i) =>
        decider.take(selection, { ...asService, cost: checks[i]?.cost ?? null }),
      );
      const settled = outcomes.some((one) => one instanceof Promise)
        ? await Promise.all(outcomes)
        : (outcomes as Outcome[]);
      const results = settled.map((outcome) => answered(outcome, clock));
      return { status: 200, body: { results } };
    },
  });
}

function bodyFits(body: unknown): boolean {
  if (typeof body !== "object" || body === null) return false;
  const { checks, ...rest } = body as { checks?: unknown };
  if (!Array.isArray(checks) || checks.length < 1 || checks.length > checksMax) return false;
  return Object.keys(rest).length === 0 && checks.every(asked.isPlainQuestion);
}

function peekRoute({ book, decider, clock }: CheckRoutes): Route {
  return route({
    method: "POST",
    path: "/api/v1/limits/peek",
    summary: "What a check would say; charges nothing",
    tag,
    access: "admin",
    scope: "limits:read",
    body: asked.questionSchema,
    replies: { 200: answerSchema },
    errors: [...refusals],
    async handler({ body }) {
      const question = { ...asService, cost: body.cost ?? null };
      const outcome = await decider.peek(resolve(book, body, ""), question);
      return { status: 200, body: answered(outcome, clock) };
    },
  });
}

function reportRoute({ book, decider, clock }: CheckRoutes): Route {
  return route({
    method: "POST",
    path: "/api/v1/limits/report",
    summary: "Charge a cost that is known only afterwards, whether it fits or not",
    tag,
    access: "admin",
    scope: "limits:create",
    body: asked.reportSchema,
    replies: { 200: answerSchema },
    errors: [...refusals],
    async handler({ body: { cost, ...key } }) {
      const outcome = await decider.report(resolve(book, key, ""), { ...asService, cost });
      return { status: 200, body: answered(outcome, clock) };
    },
  });
}

function refundRoute({ book, decider }: CheckRoutes): Route {
  return route({
    method: "POST",
    path: "/api/v1/limits/refund",
    summary: "Give back what was charged and not used, or the place of a concurrency limit",
    tag,
    access: "admin",
    scope: "limits:create",
    body: asked.questionSchema,
    replies: { 204: null },
    errors: [...refusals],
    async handler({ body: { cost, ...key } }) {
      const charges = chargesAbout(book, key, cost);
      if (charges.length > 0) await unlessAway(decider.limiter.refund(charges));
      return { status: 204 };
    },
  });
}

function resetRoute({ book, decider }: CheckRoutes): Route {
  return route({
    method: "POST",
    path: "/api/v1/limits/reset",
    summary: "Forget all that a key has used, and what blocks it",
    tag,
    access: "admin",
    scope: "limits:write",
    body: asked.keySchema,
    replies: { 204: null },
    errors: [...refusals],
    async handler({ body }) {
      for (const { limit, key } of chargesAbout(book, body)) {
        await unlessAway(decider.limiter.reset(limit, key));
      }
      return { status: 204 };
    },
  });
}

function penalizeRoute({ book, decider }: CheckRoutes): Route {
  return route({
    method: "POST",
    path: "/api/v1/limits/penalize",
    summary: "Refuse a key for a while, whatever it has left",
    tag,
    access: "admin",
    scope: "limits:write",
    body: asked.keySchema
      .extend({ ms: z.number().int().min(1).max(penaltyMsMax) })
      .meta({ examples: [{ rule: "posts.create", key: "user:42", ms: 60_000 }] }),
    replies: { 204: null },
    errors: [...refusals],
    async handler({ body: { ms, ...key } }) {
      for (const charge of chargesAbout(book, key)) {
        await unlessAway(decider.limiter.penalize(charge.limit, charge.key, ms));
      }
      return { status: 204 };
    },
  });
}
