import { z } from "zod";
import { idSchema, pageOf, pageQuery, timeSchema } from "../../platform/http/route.ts";
import { ruleSchema, splitSchema } from "./rules.ts";

/** What links look like on the wire. Every limit here is also in the OpenAPI document. */
export const urlLengthMax = 2_048;
export const tagsPerLinkMax = 20;
export const rulesPerLinkMax = 50;
export const bulkLinksMax = 1_000;

const urlText = z.string().min(1).max(urlLengthMax);
export const tagText = z.string().trim().min(1).max(40);
const robots = z.enum(["index", "noindex"]);
const redirectStatus = z.literal([301, 302, 307, 308]);

const editable = {
  url: urlText,
  expires_at: timeSchema.nullable(),
  starts_at: timeSchema.nullable(),
  max_clicks: z.number().int().min(1).max(2_000_000_000).nullable(),
  expired_url: urlText.nullable(),
  redirect: redirectStatus,
  title: z.string().max(300).nullable(),
  description: z.string().max(1_000).nullable(),
  image: urlText.nullable(),
  tags: z.array(tagText).max(tagsPerLinkMax),
  password: z.string().min(1).max(200).nullable(),
  forward_query: z.boolean(),
  forward_path: z.boolean(),
  rules: z.array(ruleSchema).max(rulesPerLinkMax),
  split: splitSchema.nullable(),
  robots,
  /** Days that this link's raw clicks are kept; null is the configured term. */
  click_retention_days: z.number().int().min(1).max(36_500).nullable(),
};

export const createLinkBody = z.strictObject({
  ...z.object(editable).partial().shape,
  url: urlText,
  alias: z.string().min(3).max(64).optional(),
  /** Host of a verified domain; Stoa's own where it is absent. */
  domain: z.string().min(1).max(253).optional(),
  /** Days to live, instead of `expires_at`; 0 is for ever. */
  ttl_days: z.number().int().min(0).max(36_500).optional(),
  /** Answer the caller's live link to the same URL and domain, where there is one. */
  find_or_create: z.boolean().optional(),
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
  /** Set while visitors are not sent on because something was stopped. */
  quarantine: quarantineSchema.nullable(),
  title: z.string().nullable(),
  description: z.string().nullable(),
  image: z.string().nullable(),
  tags: z.array(z.string()),
  redirect: redirectStatus,
  starts_at: timeSchema.nullable(),
  expires_at: timeSchema.nullable(),
  expired_url: z.string().nullable(),
  max_clicks: z.number().int().nullable(),
  clicks_used: z.number().int(),
  has_password: z.boolean(),
  forward_query: z.boolean(),
  forward_path: z.boolean(),
  rules: z.array(ruleSchema),
  split: splitSchema.nullable(),
  robots,
  click_retention_days: z.number().int().nullable(),
  /** Why a link to this host deserves a second look: `mixed_script`, `look_alike`. */
  flags: z.array(z.string()),
  /** Set since when the daily check found the target gone. */
  dead_since: timeSchema.nullable(),
  clicks: z.number().int(),
  created_at: timeSchema,
  updated_at: timeSchema,
});
export type Link = z.infer<typeof linkSchema>;

export const listLinksQuery = pageQuery.extend({
  /** Words in code, URL, title or tags. */
  search: z.string().max(200).optional(),
  tag: z.string().max(40).optional(),
  domain: z.string().max(253).optional(),
  state: z.enum(["live", "ended", "all"]).default("live"),
  sort: z.enum(["-created_at", "created_at", "-clicks", "expires_at"]).default("-created_at"),
});
export const linkPage = pageOf(linkSchema);

export const bulkBody = z.strictObject({
  links: z.array(z.unknown()).min(1).max(bulkLinksMax),
});
export const bulkReply = z.object({
  created: z.number().int(),
  failed: z.number().int(),
  /** In the order of the request. */
  results: z.array(
    z.union([
      z.object({ status: z.literal(201), link: linkSchema }),
      z.object({
        status: z.number().int(),
        code: z.string(),
        detail: z.string(),
        errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
      }),
    ]),
  ),
});

export const importReply = z.object({
  format: z.enum(["stoa", "bitly", "kutt", "yourls", "shlink"]),
  rows: z.number().int(),
  created: z.number().int(),
  skipped: z.number().int(),
  errors: z.array(z.object({ row: z.number().int(), field: z.string(), message: z.string() })),
});

export const domainSchema = z.object({
  id: z.string(),
  host: z.string(),
  /** Put this in a TXT record of `_stoa.<host>`, or serve it at the well-known path. */
  verification: z.object({
    txt_name: z.string(),
    txt_value: z.string(),
    well_known_url: z.string(),
  }),
  verified_at: timeSchema.nullable(),
  /** Set while the domain or its owner is stopped: none of its links redirects. */
  quarantine: quarantineSchema.nullable(),
  /** `people` codes are case-insensitive, free of look-alikes and tell a typo. */
  alphabet: z.enum(["base62", "people"]),
  root_url: z.string().nullable(),
  not_found_url: z.string().nullable(),
  created_at: timeSchema,
});
export const createDomainBody = z.strictObject({
  host: z.string().min(3).max(253),
  alphabet: z.enum(["base62", "people"]).default("base62"),
  root_url: urlText.nullable().optional(),
  not_found_url: urlText.nullable().optional(),
});
export const updateDomainBody = z.strictObject({
  alphabet: z.enum(["base62", "people"]).optional(),
  root_url: urlText.nullable().optional(),
  not_found_url: urlText.nullable().optional(),
});

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
  from: timeSchema.optional(),
  to: timeSchema.optional(),
  interval: z.enum(["hour", "day", "week", "month"]).default("day"),
  group_by: statsGroup.default("time"),
  /** Whose clicks count: people only, or everything that asked. */
  traffic: z.enum(["human", "all"]).default("human"),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});
export const statsReply = z.object({
  from: timeSchema,
  to: timeSchema,
  interval: z.enum(["hour", "day", "week", "month"]),
  group_by: statsGroup,
  /** Clicks up to this instant are in the numbers. */
  as_of: timeSchema,
  totals: z.object({
    clicks: z.number().int(),
    humans: z.number().int(),
    bots: z.number().int(),
    unfurlers: z.number().int(),
    prefetches: z.number().int(),
    /** HyperLogLog estimate; a person counts once a day. */
    unique_visitors: z.number().int(),
    new_visitors: z.number().int(),
  }),
  /** `key` is an instant for `time`, else the value; "" is unknown. */
  rows: z.array(
    z.object({
      key: z.string(),
      clicks: z.number().int(),
      unique_visitors: z.number().int().nullable(),
    }),
  ),
});
