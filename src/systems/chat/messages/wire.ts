import { z } from "zod";
import { idSchema, pageOf, timeSchema } from "../../../platform/http/route.ts";
import { serverFrameSchema } from "../protocol.ts";
import { deviceIdSchema, messageSchema, seqSchema } from "../shapes.ts";
import { receiptBodySchema } from "../protocol.ts";

/** What the routes of messages take and answer. */
const historyLimitMax = 200;
const changesLimitMax = 500;

/** A seq of a path or query. */
const seqText = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

export const messageParams = z.object({ id: idSchema, seq: seqText });

/** At most one of the three places; without one it is the newest. */
export const historyQuery = z
  .object({
    before: seqText.optional(),
    after: seqText.optional(),
    around: seqText.optional(),
    thread: seqText
      .optional()
      .describe("Only the replies of the thread of this message, oldest first, after `after`."),
    limit: z.coerce.number().int().min(1).max(historyLimitMax).default(50),
  })
  .superRefine(({ before, after, around, thread }, context) => {
    const given = Object.entries({ before, after, around }).filter(([, at]) => at !== undefined);
    for (const [field] of given.slice(1)) {
      context.addIssue({ code: "custom", path: [field], message: "one of before, after, around" });
    }
    for (const [field] of given.filter(([name]) => thread !== undefined && name !== "after")) {
      context.addIssue({ code: "custom", path: [field], message: "a thread is read by after" });
    }
  });

/** In the order of seq, and whether there are more at either end. */
export const historySchema = z.object({
  items: z.array(messageSchema),
  more_before: z.boolean(),
  more_after: z.boolean(),
});

export const changesQuery = z.object({
  since: seqText,
  limit: z.coerce.number().int().min(1).max(changesLimitMax).default(200),
});

/** `rev` is the next `since`. */
export const changesSchema = z.object({
  frames: z.array(serverFrameSchema),
  rev: seqSchema,
  more: z.boolean(),
});

export const ackSchema = z.object({
  type: z.literal("ack"),
  conversation_id: idSchema,
  client_msg_id: z.string(),
  server_msg_id: idSchema,
  seq: seqSchema,
  rev: seqSchema,
  created_at: timeSchema,
});

/** Without a device it is of whatever the credentials are. */
export const markBody = receiptBodySchema
  .extend({ device_id: deviceIdSchema.optional() })
  .refine(({ delivered_seq, read_seq }) => delivered_seq !== undefined || read_seq !== undefined, {
    path: ["read_seq"],
    message: "say how far: delivered_seq, read_seq or both",
  })
  .meta({ examples: [{ read_seq: 1 }] });

export const hadPage = pageOf(
  z.object({ account_id: idSchema, delivered: z.boolean(), read: z.boolean() }),
);
