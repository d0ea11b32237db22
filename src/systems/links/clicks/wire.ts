import { z } from "zod";
import { timeSchema } from "../../../platform/http/route.ts";
import { kinds } from "./traits.ts";

/** Clicks. `group_by` time gives the curve; the others give the top values. */
export const statsGroup = z.enum([
  "time",
  "country",
  "city",
  "referrer",
  "device",
  "browser",
  "os",
  "utm_source",
  "utm_medium",
  "utm_campaign",
  "kind",
]);
export const statsQuery = z.object({
  from: timeSchema.optional().describe("Thirty days ago where it is absent."),
  to: timeSchema.optional().describe("Now where it is absent."),
  interval: z.enum(["hour", "day", "week", "month"]).default("day"),
  group_by: statsGroup.default("time").describe("`time` gives the curve, the others the top."),
  traffic: z
    .enum(["human", "all"])
    .default("human")
    .describe("Whose clicks count: people only, or everything that asked."),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});
export const statsReply = z.object({
  from: timeSchema,
  to: timeSchema,
  interval: z.enum(["hour", "day", "week", "month"]),
  group_by: statsGroup,
  as_of: timeSchema.describe("Clicks up to this instant are in the numbers."),
  totals: z.object({
    clicks: z.number().int(),
    humans: z.number().int(),
    bots: z.number().int(),
    unfurlers: z.number().int(),
    prefetches: z.number().int(),
    unique_visitors: z.number().int().describe("HyperLogLog estimate; a person counts once a day."),
    new_visitors: z.number().int(),
  }),
  rows: z
    .array(
      z.object({
        key: z.string(),
        clicks: z.number().int(),
        unique_visitors: z.number().int().nullable(),
      }),
    )
    .describe('`key` is an instant for `time`, else the value; "" is unknown.'),
});

export const clickSchema = z.object({
  at: timeSchema,
  kind: z.enum(kinds),
  reason: z
    .string()
    .describe('What gave it away: `slack`, `program:curl`, `browser`. "" where it is not kept.'),
  new_visitor: z.boolean().describe("Of this link, today."),
  do_not_track: z
    .boolean()
    .describe("Asked for by `DNT` or `Sec-GPC`: only time and kind are kept."),
  country: z.string().describe('ISO 3166-1, two letters; "" is unknown, here and below.'),
  city: z.string(),
  device: z.string(),
  browser: z.string(),
  os: z.string(),
  app: z.string(),
  referrer: z.string(),
  utm_source: z.string(),
  utm_medium: z.string(),
  utm_campaign: z.string(),
  utm_term: z.string(),
  utm_content: z.string(),
});

export const orphanSchema = z.object({
  at: timeSchema,
  code: z.string(),
  kind: z.string(),
  reason: z.string(),
  country: z.string(),
  referrer: z.string(),
});
