import { z } from "zod";
import { idSchema, timeSchema } from "../../platform/http/route.ts";

/**
 * What a message, a conversation and a member look like, in REST replies and in frames alike.
 * Numbers called `seq` and `rev` stay far below 2^53 and are plain JSON numbers; ids are strings.
 */
export const textCharactersMax = 8_000;
export const titleCharactersMax = 120;
export const attachmentsMax = 10;
export const mentionsMax = 50;
export const reactionKindsMax = 20;
/** Members of a group; above it a conversation is a channel, whose members pull. */
export const groupMembersMax = 1_024;

export const seqSchema = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
export const deviceIdSchema = z
  .string()
  .regex(/^[\w-]{8,64}$/, "8 to 64 letters, digits, - or _")
  .meta({ examples: ["phone-of-ada"] });
export const clientMsgIdSchema = z
  .string()
  .regex(/^[\w-]{8,64}$/, "8 to 64 letters, digits, - or _")
  .meta({ examples: ["message-1"] })
  .describe("Chosen by the client, such as a UUID; sent again it is the same message.");

export const attachmentSchema = z.object({
  upload_id: idSchema.describe("Of an upload that the sender made and nobody else used."),
  kind: z.enum(["image", "file", "voice", "video"]),
  name: z.string().max(255).optional(),
  type: z.string().max(100).optional().describe("Filled in by the server from the content itself."),
  bytes: z.number().int().optional(),
  width: z.number().int().optional(),
  height: z.number().int().optional(),
  duration_ms: z.number().int().optional(),
});

export const bodySchema = z.object({
  text: z.string().max(textCharactersMax).default(""),
  mentions: z
    .array(idSchema)
    .max(mentionsMax)
    .optional()
    .describe(
      "Accounts that are named in the text and told so even when they muted the conversation.",
    ),
  attachments: z.array(attachmentSchema).max(attachmentsMax).optional(),
  poll: z
    .object({
      question: z.string().min(1).max(300),
      options: z.array(z.string().min(1).max(100)).min(2).max(12),
      several: z.boolean().default(false).describe("Whether one may choose more than one."),
      closes_at: timeSchema.optional(),
    })
    .optional(),
  forwarded_from: z
    .object({ sender_id: idSchema, sent_at: timeSchema })
    .optional()
    .describe("Where a forwarded message came from. Filled in by the server."),
  note: z
    .object({
      what: z.string().max(40),
      account_ids: z.array(idSchema).optional(),
      text: z.string().optional(),
    })
    .optional()
    .describe(
      "A line that Stoa writes: somebody joined, the title changed. Never taken from a client.",
    ),
});
export type Body = z.infer<typeof bodySchema>;

export const extraSchema = z.object({
  reactions: z
    .array(z.object({ emoji: z.string(), count: z.number().int(), by: z.array(idSchema) }))
    .optional()
    .describe('The first accounts of each emoji are named, for "you reacted" and for who did.'),
  votes: z.array(z.object({ count: z.number().int(), by: z.array(idSchema) })).optional(),
  poll_closed: z.boolean().optional(),
  preview: z
    .object({
      url: z.string(),
      title: z.string().optional(),
      description: z.string().optional(),
      site: z.string().optional(),
    })
    .optional(),
});
export type Extra = z.infer<typeof extraSchema>;

export const messageSchema = z.object({
  conversation_id: idSchema,
  seq: seqSchema,
  rev: seqSchema.describe("Of its latest change."),
  id: idSchema,
  sender_id: idSchema,
  client_msg_id: z.string(),
  by_program: z.boolean().describe("Sent with an API key."),
  body: bodySchema.nullable().describe("Null once it is deleted or has disappeared."),
  reply_to_seq: seqSchema.nullable(),
  thread_seq: seqSchema.nullable().describe("The message whose thread it is in."),
  reply_count: z.number().int().describe("Messages in its thread."),
  extra: extraSchema,
  created_at: timeSchema,
  edited_at: timeSchema.nullable(),
  deleted_at: timeSchema.nullable(),
  pinned_at: timeSchema.nullable(),
  expires_at: timeSchema.nullable(),
});
export type Message = z.infer<typeof messageSchema>;

/** What all members see alike. */
export const conversationSchema = z.object({
  id: idSchema,
  kind: z.enum(["direct", "group", "channel"]),
  title: z
    .string()
    .describe("Empty for a direct conversation, which is called after the other person."),
  description: z.string(),
  created_by: idSchema,
  pair: z.array(idSchema).nullable().describe("The two of a direct conversation; null otherwise."),
  top_seq: seqSchema,
  rev: seqSchema,
  members_rev: seqSchema,
  receipts_rev: seqSchema,
  member_count: z.number().int(),
  send_by: z.enum(["members", "admins"]),
  slow_mode_seconds: z.number().int(),
  disappear_seconds: z.number().int().nullable(),
  publishes_events: z.boolean(),
  last_message_at: timeSchema.nullable(),
  created_at: timeSchema,
});
export type Conversation = z.infer<typeof conversationSchema>;

export const roleSchema = z.enum(["owner", "admin", "member"]);
export type Role = z.infer<typeof roleSchema>;

export const memberSchema = z.object({
  account_id: idSchema,
  name: z.string(),
  role: roleSchema,
  joined_at: timeSchema,
  left_at: timeSchema.nullable().describe("Set for one who is no member any more."),
  rev: seqSchema,
});
export type Member = z.infer<typeof memberSchema>;

/** What a conversation is to one person: only that person's own devices are told. */
export const ownSchema = z.object({
  role: roleSchema,
  from_seq: seqSchema,
  delivered_seq: seqSchema,
  read_seq: seqSchema,
  unread: z
    .number()
    .int()
    .describe(
      "Messages above `read_seq` that are theirs to see: top_seq - max(read_seq, from_seq).",
    ),
  muted_until: timeSchema.nullable(),
  archived: z.boolean(),
  draft: z.object({ text: z.string(), updated_at: timeSchema }).nullable(),
});
export type Own = z.infer<typeof ownSchema>;

/** A line of the list of conversations. */
export const listedSchema = z.object({
  conversation: conversationSchema,
  own: ownSchema,
  peer: z
    .object({ account_id: idSchema, name: z.string() })
    .nullable()
    .describe("The other person of a direct conversation."),
  last_message: messageSchema.nullable(),
});
export type Listed = z.infer<typeof listedSchema>;

/**
 * How far messages got. `delivered` and `read` are how many members other than its sender have
 * that seq or more; seqs not listed have the numbers of the next one listed above them. For a
 * direct conversation and small groups `members` says it of each.
 */
export const receiptsSchema = z.object({
  conversation_id: idSchema,
  receipts_rev: seqSchema,
  levels: z.array(z.object({ seq: seqSchema, delivered: z.number(), read: z.number() })),
  members: z
    .array(z.object({ account_id: idSchema, delivered_seq: seqSchema, read_seq: seqSchema }))
    .optional(),
});
export type Receipts = z.infer<typeof receiptsSchema>;
