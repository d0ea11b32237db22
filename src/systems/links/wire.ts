import { z } from "zod";
import { idSchema, pageOf, pageQuery, timeSchema } from "../../platform/http/route.ts";
import { ruleSchema, splitSchema } from "./rules.ts";

/** What links look like on the wire. Every limit here is also in the OpenAPI document. */
export const urlLengthMax = 2_048;
export const tagsPerLinkMax = 20;
export const rulesPerLinkMax = 50;
export const bulkLinksMax = 1_000;

export const urlText = z.string().min(1).max(urlLengthMax);
export const tagText = z.string().trim().min(1).max(40);
const robots = z.enum(["index", "noindex"]);
const redirectStatus = z.literal([301, 302, 307, 308]);

const editable = {
  url: urlText.describe("Where it leads: http, https or one of the app schemes in the config."),
  expires_at: timeSchema.nullable().describe("When it ends; null is never."),
  starts_at: timeSchema.nullable().describe("Until then its code is as unknown."),
  max_clicks: z
    .number()
    .int()
    .min(1)
    .max(2_000_000_000)
    .nullable()
    .describe("How many visitors are sent on before it is used up, exact to the click."),
  expired_url: urlText.nullable().describe("Where it leads once it ended, instead of a 410."),
  redirect: redirectStatus.describe("The status of the redirect. 302 where nothing is said."),
  title: z.string().max(300).nullable().describe("For you, and for previews of the link."),
  description: z.string().max(1_000).nullable().describe("For previews of the link."),
  image: urlText.nullable().describe("For previews of the link, in place of the target's own."),
  tags: z.array(tagText).max(tagsPerLinkMax),
  password: z.string().min(1).max(200).nullable().describe("Asked of every visitor."),
  forward_query: z.boolean().describe("Add the visitor's query string to that of the target."),
  forward_path: z.boolean().describe("Add what follows the code to the path of the target."),
  rules: z
    .array(ruleSchema)
    .max(rulesPerLinkMax)
    .describe("Other targets for some visitors; the first that matches counts."),
  split: splitSchema
    .nullable()
    .describe("Targets by weight, for visitors whom no rule matches; each keeps theirs."),
  robots: robots.describe("Whether search engines may list the short link."),
  click_retention_days: z
    .number()
    .int()
    .min(1)
    .max(36_500)
    .nullable()
    .describe("Days that this link's raw clicks are kept; null is the configured term."),
};

export const createLinkBody = z.strictObject({
  ...z.object(editable).partial().shape,
  url: editable.url,
  alias: z
    .string()
    .min(3)
    .max(64)
    .optional()
    .describe("A code of your own: letters, digits, - and _. Made up where it is absent."),
  domain: z
    .string()
    .min(1)
    .max(253)
    .optional()
    .describe("Host of a verified domain; Stoa's own where it is absent."),
  ttl_days: z
    .number()
    .int()
    .min(0)
    .max(36_500)
    .optional()
    .describe("Days to live, instead of `expires_at`; 0 is for ever."),
  find_or_create: z
    .boolean()
    .optional()
    .describe("Answer the caller's live link to the same URL and domain, where there is one."),
});
export type CreateLink = z.infer<typeof createLinkBody>;

export const updateLinkBody = z.strictObject(editable).partial();
export type UpdateLink = z.infer<typeof updateLinkBody>;

/** `active` redirects; every other state says why it does not. */
export const linkState = z.enum([
  "active",
  "scheduled",
  "expired",
  "used_up",
  "deleted",
  "quarantined",
]);

/** What was stopped - the link itself, its domain or its owner - and why. */
export const quarantineSchema = z.object({
  of: z.enum(["link", "domain", "owner"]),
  reason: z.string(),
});

export const linkSchema = z.object({
  id: idSchema,
  code: z.string(),
  domain: z.string(),
  short_url: z.string(),
  url: z.string(),
  state: linkState,
  quarantine: quarantineSchema
    .nullable()
    .describe("Set while visitors are not sent on because something was stopped."),
  title: z.string().nullable(),
  description: z.string().nullable(),
  image: z.string().nullable(),
  tags: z.array(z.string()),
  redirect: redirectStatus,
  starts_at: timeSchema.nullable(),
  expires_at: timeSchema.nullable(),
  expired_url: z.string().nullable(),
  max_clicks: z.number().int().nullable(),
  clicks_used: z.number().int().describe("Of `max_clicks`."),
  has_password: z.boolean(),
  forward_query: z.boolean(),
  forward_path: z.boolean(),
  rules: z.array(ruleSchema),
  split: splitSchema.nullable(),
  robots,
  click_retention_days: z.number().int().nullable(),
  flags: z
    .array(z.string())
    .describe("Why a link to this host deserves a second look: `mixed_script`, `look_alike`."),
  dead_since: timeSchema
    .nullable()
    .describe("Set since when the daily check found the target gone."),
  clicks: z.number().int().describe("All but those of the latest seconds."),
  created_at: timeSchema,
  updated_at: timeSchema,
});
export type Link = z.infer<typeof linkSchema>;

export const listLinksQuery = pageQuery.extend({
  search: z.string().max(200).optional().describe("Words in code, URL, title or tags."),
  tag: z.string().max(40).optional(),
  domain: z.string().max(253).optional(),
  state: z.enum(["live", "ended", "all"]).default("live"),
  sort: z.enum(["-created_at", "created_at", "-clicks", "expires_at"]).default("-created_at"),
});
export const linkPage = pageOf(linkSchema);

export const bulkBody = z.strictObject({
  links: z
    .array(z.unknown())
    .min(1)
    .max(bulkLinksMax)
    .describe("Each as the body of `POST /api/v1/links`, and judged for itself."),
});
export const bulkReply = z.object({
  created: z.number().int(),
  failed: z.number().int(),
  results: z
    .array(
      z.union([
        z.object({ status: z.literal(201), link: linkSchema }),
        z.object({
          status: z.number().int(),
          code: z.string(),
          detail: z.string(),
          errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
        }),
      ]),
    )
    .describe("In the order of the request."),
});

export const importReply = z.object({
  format: z.enum(["stoa", "bitly", "kutt", "yourls", "shlink"]),
  rows: z.number().int(),
  created: z.number().int(),
  skipped: z.number().int().describe("Rows whose link was there already."),
  errors: z.array(z.object({ row: z.number().int(), field: z.string(), message: z.string() })),
});
