import { z } from "zod";
import type { EventType } from "../../platform/events/events.ts";
import { idSchema, timeSchema } from "../../platform/http/route.ts";

/** What other systems may use of chat: its events. */
export const messageSent: EventType<{
  conversation_id: string;
  seq: number;
  sender_id: string;
}> = {
  type: "chat.message_sent",
  summary: "A message was sent. Webhooks of the members of its conversation are told.",
  schema: z.object({ conversation_id: idSchema, seq: z.number(), sender_id: idSchema }),
};

/** For whoever sends pushes: no device of the account has had these messages for a while. */
export const messageUndelivered: EventType<{
  conversation_id: string;
  account_id: string;
  seq: number;
  sender_id: string;
  unread: number;
  sent_at: string;
}> = {
  type: "chat.message_undelivered",
  summary: "No device of a member had a message within the set time: the moment for a push.",
  schema: z.object({
    conversation_id: idSchema,
    account_id: idSchema,
    seq: z.number(),
    sender_id: idSchema,
    unread: z.number(),
    sent_at: timeSchema,
  }),
};

export const messageRead: EventType<{
  conversation_id: string;
  account_id: string;
  read_seq: number;
}> = {
  type: "chat.message_read",
  summary: "A member read what a push was asked for: the moment to clear it elsewhere.",
  schema: z.object({ conversation_id: idSchema, account_id: idSchema, read_seq: z.number() }),
};
