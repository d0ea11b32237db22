import { z } from "zod";
import type { Clock } from "../../platform/clock/clock.ts";
import { AppError } from "../../platform/errors/errors.ts";
import { route, timeSchema, type Route } from "../../platform/http/route.ts";
import { tag } from "./http.ts";
import { refusalSeries, suddenRises, topKeys } from "./refusal-store.ts";
import type { Refusals } from "./refusals.ts";

/** Who is being limited, by what, where, and since when. */
const hourMs = 3_600_000;
const keysShown = 50;
const rowsMax = 10_000;
const stepsMax = 500;
/** A rise is told from so many refusals in five minutes, and so many times what was usual. */
const rise = { refusedMin: 20, timesMin: 3 };
const steps = { minute: 60, hour: 3_600, day: 86_400 } as const;

const query = z.object({
  since: timeSchema.optional(),
  until: timeSchema.optional(),
  rule: z.string().max(64).optional(),
  step: z.enum(["minute", "hour", "day"]).default("minute"),
});

const reply = z.object({
  keys: z
    .array(z.object({ rule: z.string(), key: z.string(), refused: z.number() }))
    .describe(
      "Most refused first. Counts may be a little high, never low; shadow rules' are not in them.",
    ),
  series: z
    .array(
      z.object({
        at: timeSchema,
        rule: z.string(),
        route: z.string(),
        shadow: z.boolean(),
        refused: z.number(),
      }),
    )
    .describe("By step, rule and route; oldest first."),
  rises: z
    .array(
      z.object({ rule: z.string(), route: z.string(), refused: z.number(), expected: z.number() }),
    )
    .describe(
      "Where the last five minutes refused far more than the hour before would let expect.",
    ),
});

export function refusalsRoute({ refusals, clock }: { refusals: Refusals; clock: Clock }): Route {
  return route({
    method: "GET",
    path: "/api/v1/limits/refusals",
    summary: "The most refused keys, refusals by rule and route over time, and sudden rises",
    tag,
    access: "admin",
    scope: "limits:read",
    query,
    replies: { 200: reply },
    async handler({ query: asked, reader }) {
      const now = clock.now();
      const until = asked.until === undefined ? now + 1 : Date.parse(asked.until);
      const since = asked.since === undefined ? until - hourMs : Date.parse(asked.since);
      const stepSeconds = steps[asked.step];
      requireSpan(since, until, stepSeconds);
      // What this process counted until now is shown; of others it may be seconds late.
      await refusals.flush();
      const span = { since: new Date(since), until: new Date(until), rule: asked.rule ?? null };
      const [keys, series, rises] = await Promise.all([
        topKeys(reader, span, keysShown),
        refusalSeries(reader, span, { stepSeconds, limit: rowsMax }),
        suddenRises(reader, new Date(now), rise),
      ]);
      return { status: 200, body: { keys, series, rises } };
    },
  });
}

function requireSpan(since: number, until: number, stepSeconds: number): void {
  const problem =
    since >= until
      ? "since must be before until"
      : until - since > stepsMax * stepSeconds * 1_000
        ? `since: at most ${stepsMax} steps; take a longer step`
        : null;
  if (problem === null) return;
  const fields = [{ field: "since", message: problem }];
  throw new AppError("request.invalid", problem, { fields });
}
