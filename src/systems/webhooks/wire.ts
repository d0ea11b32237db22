import { z } from "zod";
import type { Principal } from "../../platform/auth/principal.ts";
import { idSchema, lineSchema, timeSchema } from "../../platform/http/route.ts";
import type { DeliveryRow } from "./delivery-store.ts";
import { receiverUrl } from "./receiver-url.ts";
import type { WebhookRow } from "./store.ts";
import type { Origin } from "./webhooks.ts";

/** What webhooks look like from outside. Secrets leave only by the routes that make them. */
export const tag = "webhooks";
export const params = z.object({ id: idSchema });

const descriptionLengthMax = 500;
const eventTypesMax = 50;
const eventTypeLengthMax = 100;

const eventTypeSchema = z
  .string()
  .max(eventTypeLengthMax)
  .regex(
    /^(\*|[a-z][a-z_]*(\.[a-z][a-z_]*)*(\.\*)?)$/,
    'an event type such as "links.created", a prefix such as "links.*", or "*"',
  )
  .meta({ examples: ["links.created"] });

const shape = {
  url: receiverUrl,
  description: lineSchema(descriptionLengthMax),
  event_types: z
    .array(eventTypeSchema)
    .min(1)
    .max(eventTypesMax)
    .transform((types) => [...new Set(types)])
    .describe("What is sent: `links.created`, `links.*`, or `*` for everything."),
  enabled: z.boolean(),
};

export const createBody = z.strictObject({
  ...shape,
  description: shape.description.default(""),
  enabled: shape.enabled.default(true),
});

export const updateBody = z.strictObject({
  url: shape.url.optional(),
  description: shape.description.optional(),
  event_types: shape.event_types.optional(),
  enabled: shape.enabled.optional(),
});

export const webhookSchema = z.object({
  id: idSchema,
  url: z.string(),
  description: z.string(),
  event_types: z.array(z.string()),
  enabled: z.boolean(),
  disabled_reason: z
    .enum(["gone", "failing"])
    .nullable()
    .describe(
      "`gone`: it answered 410. `failing`: no success for three days. Null: not by itself.",
    ),
  failing_since: timeSchema
    .nullable()
    .describe("Since when every attempt has failed; null after a success."),
  created_at: timeSchema,
  updated_at: timeSchema,
});

export const webhookWithSecretSchema = webhookSchema.extend({
  secret: z.string().describe("Signs what is sent; shown here and never again."),
});

export function webhookOf(row: WebhookRow) {
  const { id, url, description, event_types, enabled } = row;
  const { disabled_reason, failing_since, created_at, updated_at } = row;
  const what = { id, url, description, event_types: Array.from(event_types), enabled };
  return { ...what, disabled_reason, failing_since, created_at, updated_at };
}

export const deliveryStatusSchema = z.enum(["pending", "delivered", "dead"]);

export const deliverySchema = z.object({
  id: idSchema,
  event_id: idSchema,
  event_type: z.string(),
  status: deliveryStatusSchema,
  attempts: z.number().int(),
  next_attempt_at: timeSchema.nullable(),
  last_attempt_at: timeSchema.nullable(),
  duration_ms: z.number().int().nullable(),
  response_status: z.number().int().nullable(),
  response_body: z.string().nullable().describe("The first 2 KB."),
  error: z.string().nullable(),
  created_at: timeSchema,
});

export function deliveryOf(row: DeliveryRow) {
  const { webhook_id: _webhook, body: _body, ...shown } = row;
  return shown;
}

/** One page out of `limit + 1` rows: the extra one tells whether there is a next page. */
export function pageOfRows<R extends { id: string }, T>(
  rows: R[],
  limit: number,
  show: (row: R) => T,
) {
  const items = rows.slice(0, limit);
  const next_cursor = rows.length > limit ? (items.at(-1)?.id ?? null) : null;
  return { items: items.map(show), next_cursor };
}

/** Who asked, for the audit log. */
export function originOf(context: {
  principal: Principal;
  address: string;
  requestId: string;
}): Origin {
  const { principal: actor, address, requestId: request_id } = context;
  return { actor, address, request_id };
}
