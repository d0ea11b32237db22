import { z } from "zod";
import type { EventType } from "../../platform/events/events.ts";
import { idSchema } from "../../platform/http/route.ts";

/** What webhooks tell the rest of Stoa. Nobody calls them: they react to events. */
const disabled = z.object({
  webhook_id: idSchema,
  url: z.string(),
  reason: z
    .enum(["gone", "failing"])
    .describe("`gone`: the receiver answered 410. `failing`: no success for days."),
});

export const webhookDisabled: EventType<z.infer<typeof disabled>> = {
  type: "webhooks.disabled",
  schema: disabled,
  summary: "A webhook was disabled because its receiver is gone or kept failing.",
};

/** Sent to one webhook when its owner asks for it; it passes through no outbox. */
export const webhookTestType = "webhooks.test";
