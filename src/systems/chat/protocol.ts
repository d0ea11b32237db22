import { z } from "zod";
import { idSchema, timeSchema } from "../../platform/http/route.ts";
import {
  bodySchema,
  clientMsgIdSchema,
  conversationSchema,
  deviceIdSchema,
  listedSchema,
  memberSchema,
  messageSchema,
  receiptsSchema,
  seqSchema,
} from "./shapes.ts";

/**
 * The frames, version 1: JSON objects with a `type`. Every WebSocket text message, and the data of
 * every event of the event stream, is one or more of them, one a line ("\n" between them, none
 * within one): what is written while much goes on shares a message. The same holds for what clients
 * send. A client that does not know a type or a field passes over it.
 *
 * Each change of a conversation has the next `rev`, without holes. Whoever holds rev n and hears of
 * n + 2 asks for what follows n: `GET /api/v1/chat/conversations/{id}/changes?since=n`.
 */
export const protocolVersion = 1;

const hello = z.object({
  type: z.literal("hello"),
  v: z.literal(protocolVersion),
  token: z
    .string()
    .max(4_096)
    .optional()
    .describe(
      "An access token or API key, or a ticket of `POST /api/v1/chat/tickets`. One of both.",
    ),
  ticket: z.string().max(200).optional(),
  device_id: deviceIdSchema,
  device_name: z.string().max(100).optional(),
});

const send = z.object({
  type: z.literal("send"),
  conversation_id: idSchema,
  client_msg_id: clientMsgIdSchema,
  body: bodySchema
    .omit({ note: true, forwarded_from: true })
    .meta({ examples: [{ text: "Hello" }] }),
  reply_to_seq: seqSchema
    .optional()
    .describe("The message that it answers, which is shown with it."),
  thread_seq: seqSchema.optional().describe("The message whose thread it goes to."),
});

/** The same by REST, where the path names the conversation. */
export const sendBodySchema = send.omit({ type: true, conversation_id: true }).strict();

/** Both or one of the two; what is behind what is known already changes nothing. */
const receipt = z.object({
  type: z.literal("receipt"),
  conversation_id: idSchema,
  delivered_seq: seqSchema.optional(),
  read_seq: seqSchema.optional(),
});

export const receiptBodySchema = receipt.omit({ type: true, conversation_id: true }).strict();

const typing = z.object({ type: z.literal("typing"), conversation_id: idSchema, on: z.boolean() });

/**
 * `watch` replaces the list of those whose presence this socket is told. `invisible` holds for the
 * person, on all devices and for good, until one of them says `active`; `away` does not end it.
 */
const presence = z.object({
  type: z.literal("presence"),
  watch: z.array(idSchema).max(500).optional(),
  status: z.enum(["active", "away", "invisible"]).optional(),
});

/** Channels are told live only while they are looked at. */
const watch = z.object({ type: z.literal("watch"), conversation_id: idSchema, on: z.boolean() });

/** Every `heartbeat_ms` of `welcome`; answered by a `beat`. Who is silent for 30 s is gone. */
const ping = z.object({ type: z.literal("ping") });

export const clientFrameSchema = z.discriminatedUnion("type", [
  hello,
  send,
  receipt,
  typing,
  presence,
  watch,
  ping,
]);
export type ClientFrame = z.infer<typeof clientFrameSchema>;
export type SendFrame = z.infer<typeof send>;

const serverFrames = [
  /**
   * The first answer to `hello`. `listed` frames follow with every conversation, then `ready`;
   * changes committed after the list was read come after it, so nothing falls in between.
   */
  z.object({
    type: z.literal("welcome"),
    v: z.literal(protocolVersion),
    account_id: idSchema,
    session_id: z.string(),
    heartbeat_ms: z.number().int().describe("When to send `ping` at the latest."),
    self_rev: seqSchema,
    server_time: timeSchema,
  }),
  z.object({ type: z.literal("listed"), items: z.array(listedSchema) }),
  z.object({ type: z.literal("ready") }),
  /** The message is durable. The same for a resend, however much later. */
  z.object({
    type: z.literal("ack"),
    conversation_id: idSchema,
    client_msg_id: z.string(),
    server_msg_id: idSchema,
    seq: seqSchema,
    rev: seqSchema,
    created_at: timeSchema,
  }),
  /** A new message, or the new state of one that changed. */
  z.object({ type: z.literal("message"), rev: seqSchema, message: messageSchema }),
  /** The conversation changed, or who is in it: `members` are those who came, went or changed. */
  z.object({
    type: z.literal("conversation"),
    rev: seqSchema,
    conversation: conversationSchema,
    members: z.array(memberSchema).optional(),
  }),
  /**
   * All that changed in one conversation after `since`, up to `rev`: whoever holds `since` or more
   * holds `rev` once each of `frames` is applied, though revs between may be missing. Sent where
   * this process had to ask for what it was not told.
   */
  z.object({
    type: z.literal("changes"),
    conversation_id: idSchema,
    since: seqSchema,
    rev: seqSchema,
    frames: z.array(z.unknown()),
  }),
  /**
   * Something of one's own changed: a conversation joined or left, read elsewhere, a draft. Holds
   * all that changed after `since`; whoever holds less than that lists the conversations again.
   */
  z.object({
    type: z.literal("self"),
    since: seqSchema,
    self_rev: seqSchema,
    items: z
      .array(listedSchema)
      .describe("The new state of these; one that was left is in `gone`."),
    gone: z.array(idSchema),
  }),
  z.object({ type: z.literal("receipt"), ...receiptsSchema.shape }),
  /** Holds for 6 s unless it is said again. */
  z.object({
    type: z.literal("typing"),
    conversation_id: idSchema,
    account_id: idSchema,
    on: z.boolean(),
  }),
  z.object({
    type: z.literal("presence"),
    items: z.array(
      z.object({
        account_id: idSchema,
        status: z.enum(["active", "away", "offline"]),
        last_seen_at: timeSchema.nullable(),
      }),
    ),
  }),
  /** Where each watched conversation stands that moved lately: [id, top_seq, rev, receipts_rev]. */
  z.object({
    type: z.literal("beat"),
    self_rev: seqSchema,
    tops: z.array(z.tuple([idSchema, seqSchema, seqSchema, seqSchema])),
  }),
  /** Frames were dropped for want of room: compare these with what you have, and ask. */
  z.object({
    type: z.literal("resync"),
    self_rev: seqSchema,
    tops: z.array(z.tuple([idSchema, seqSchema, seqSchema, seqSchema])),
  }),
  /** This process ends: come back after `delay_ms`, elsewhere. */
  z.object({ type: z.literal("drain"), delay_ms: z.number().int() }),
  /** `ref` is the `client_msg_id` or conversation it is about. */
  z.object({
    type: z.literal("error"),
    code: z.string(),
    message: z.string(),
    field: z.string().optional(),
    ref: z.string().optional(),
    retry_after_ms: z.number().int().optional(),
  }),
] as const;

export const serverFrameSchema = z.discriminatedUnion("type", serverFrames);
export type ServerFrame = z.infer<typeof serverFrameSchema>;

/** Why a socket is closed. The first digits 44 say: do not come back with the same; others: do. */
export const closeCodes = {
  bad_frames: 4400,
  not_signed_in: 4401,
  hello_late: 4408,
  too_slow: 4508,
  too_many_frames: 4429,
  signed_out: 4410,
  silent: 4504,
  unavailable: 1013,
  draining: 1012,
} as const;
