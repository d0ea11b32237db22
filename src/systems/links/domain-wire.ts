import { z } from "zod";
import { timeSchema } from "../../platform/http/route.ts";
import { quarantineSchema, urlText } from "./wire.ts";

/** What custom domains look like on the wire. */
export const domainSchema = z.object({
  id: z.string(),
  host: z.string(),
  verification: z
    .object({
      txt_name: z.string(),
      txt_value: z.string(),
      well_known_url: z.string(),
    })
    .describe("Put this in a TXT record of `_stoa.<host>`, or serve it at the well-known path."),
  verified_at: timeSchema.nullable().describe("Null until its proof was found."),
  quarantine: quarantineSchema
    .nullable()
    .describe("Set while the domain or its owner is stopped: none of its links redirects."),
  alphabet: z
    .enum(["base62", "people"])
    .describe("`people` codes are case-insensitive, free of look-alikes and tell a typo."),
  root_url: z.string().nullable().describe("Where the bare host leads."),
  not_found_url: z.string().nullable().describe("Where unknown codes lead."),
  created_at: timeSchema,
});
export const createDomainBody = z.strictObject({
  host: z
    .string()
    .min(3)
    .max(253)
    .describe("Such as `go.example.com`. Yours once its proof was found."),
  alphabet: z.enum(["base62", "people"]).default("base62"),
  root_url: urlText.nullable().optional(),
  not_found_url: urlText.nullable().optional(),
});
export const updateDomainBody = z.strictObject({
  alphabet: z.enum(["base62", "people"]).optional(),
  root_url: urlText.nullable().optional(),
  not_found_url: urlText.nullable().optional(),
});
