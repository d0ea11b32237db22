import { z } from "zod";
import { route, type Route } from "../../platform/http/route.ts";
import { tag } from "./http.ts";
import type { Limit } from "./limiter.ts";
import { costMax, definitionOf } from "./rules.ts";
import { simulate } from "./simulate.ts";
import { requireSound } from "./sound.ts";

/** Trying numbers against traffic before they hold for anybody. */
const arrivalsMax = 5_000;
const spanMsMax = 31 * 86_400_000;
const amount = z.number().int();

const body = z.strictObject({
  limit: amount,
  window_ms: amount,
  burst: amount.nullable().default(null),
  wait_ms_max: amount.default(0),
  queue_max: amount.default(0),
  penalty_ms: amount.default(0),
  arrivals: z
    .array(
      z.strictObject({
        at_ms: z.number().int().min(0).max(spanMsMax),
        cost: z.number().int().min(1).max(costMax).default(1),
      }),
    )
    .min(1)
    .max(arrivalsMax),
});

const outcome = z.object({
  at_ms: z.number(),
  cost: z.number(),
  allowed: z.boolean(),
  delay_ms: z.number(),
  remaining: z.number(),
  retry_after_ms: z.number().nullable().describe("Null when it would never pass."),
});
const outcomes = z.array(outcome);

export function simulateRoute(): Route {
  return route({
    method: "POST",
    path: "/api/v1/limits/simulate",
    summary: "What each algorithm would let through of some traffic; nothing is kept of it",
    tag,
    access: "admin",
    scope: "limits:read",
    body,
    replies: {
      200: z.object({
        fixed_window: outcomes,
        sliding_log: outcomes,
        sliding_window: outcomes,
        token_bucket: outcomes,
        leaky_bucket: outcomes,
      }),
    },
    errors: ["limits.rule_invalid"],
    handler({ body: { arrivals, ...numbers } }) {
      const inOrder = arrivals.toSorted((a, b) => a.at_ms - b.at_ms);
      return { status: 200, body: simulate(limitOf(numbers), inOrder) };
    },
  });
}

/** The numbers must be such as a rule may have. */
function limitOf({ wait_ms_max, queue_max, ...numbers }: Omit<z.infer<typeof body>, "arrivals">) {
  const known = { tiers: [], hasRoute: () => true };
  const named = { name: "simulated", service: true, ...numbers };
  requireSound(definitionOf({ ...named, algorithm: "token_bucket" }), known);
  const queue = { wait_ms_max, queue_max };
  if (wait_ms_max > 0 || queue_max > 0) {
    requireSound(
      definitionOf({ ...named, ...queue, algorithm: "leaky_bucket", burst: null }),
      known,
    );
  }
  return {
    ...{ id: "simulated", algorithm: "token_bucket", accuracy: "strict", subKeys: 1 },
    onFailure: "open",
    limit: numbers.limit,
    windowMs: numbers.window_ms,
    burst: numbers.burst ?? numbers.limit,
    penaltyMs: numbers.penalty_ms,
    waitMsMax: wait_ms_max,
    queueMax: queue_max,
  } as const satisfies Limit;
}
