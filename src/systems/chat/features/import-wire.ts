import { z } from "zod";
import { idSchema, lineSchema, textSchema, timeSchema } from "../../../platform/http/route.ts";
import { descriptionSchema } from "../conversations/wire.ts";
import {
  attachmentSchema,
  attachmentsMax,
  clientMsgIdSchema,
  groupMembersMax,
  reactionKindsMax,
  roleSchema,
  textCharactersMax,
  titleCharactersMax,
} from "../shapes.ts";
import { emojiSchema } from "./reactions.ts";

/** What an import takes: conversations as they were elsewhere, of people who have accounts here. */
export const importBytesMax = 32 * 1024 * 1024;
const conversationsMax = 100;
export const importedMessagesMax = 10_000;
const dayMs = 86_400_000;

/** What it is called where it comes from; one ref is one conversation, however often. */
const refSchema = lineSchema(200).min(1);

const messageFields = {
  client_msg_id: clientMsgIdSchema.describe("What makes it the same message in the next import."),
  sender_id: idSchema,
  sent_at: timeSchema,
  text: textSchema(textCharactersMax).default(""),
  reply_to: clientMsgIdSchema.optional().describe("`client_msg_id` of one that it answers."),
  thread: clientMsgIdSchema
    .optional()
    .describe("`client_msg_id` of any one in the thread that it belongs to."),
  edited_at: timeSchema.optional(),
  deleted_at: timeSchema.optional().describe("Only that there was something is left of it."),
  reactions: z
    .array(
      z.strictObject({
        emoji: emojiSchema,
        account_ids: z.array(idSchema).min(1).max(groupMembersMax),
      }),
    )
    .max(reactionKindsMax)
    .default([]),
  attachments: z
    .array(
      z.strictObject({
        upload_id: idSchema,
        kind: attachmentSchema.shape.kind,
        name: lineSchema(255).optional(),
        duration_ms: z.number().int().min(0).max(dayMs).optional(),
      }),
    )
    .max(attachmentsMax)
    .default([])
    .describe("Uploads that whoever imports has made, and nobody used."),
};

function requireWhole(message: ImportedMessage, context: z.RefinementCtx): void {
  const issue = (path: string, text: string) =>
    context.addIssue({ code: "custom", path: [path], message: text });
  const { text, deleted_at, attachments, reactions, sent_at, edited_at } = message;
  const isEmpty = text === "" && attachments.length === 0;
  if (deleted_at === undefined && isEmpty) issue("text", "write something, or add an attachment");
  if (deleted_at !== undefined && !(isEmpty && reactions.length === 0)) {
    issue("deleted_at", "a deleted message has neither text nor attachments nor reactions");
  }
  for (const [field, at] of Object.entries({ edited_at, deleted_at })) {
    if (at !== undefined && Date.parse(at) < Date.parse(sent_at)) issue(field, "before sent_at");
  }
  const kinds = new Set(reactions.map(({ emoji }) => emoji));
  if (kinds.size < reactions.length) issue("reactions", "each emoji once");
}

const messageSchema = z.strictObject(messageFields);
export type ImportedMessage = z.infer<typeof messageSchema>;

const conversationFields = {
  ref: refSchema,
  kind: z.enum(["direct", "group", "channel"]),
  title: lineSchema(titleCharactersMax).default(""),
  description: descriptionSchema.default(""),
  created_at: timeSchema,
  members: z
    .array(z.strictObject({ account_id: idSchema, role: roleSchema.default("member") }))
    .min(1)
    .max(groupMembersMax),
};
const conversationSchema = z.strictObject(conversationFields);
export type ImportedConversation = z.infer<typeof conversationSchema>;

function requireMembers(given: ImportedConversation, context: z.RefinementCtx): void {
  const { kind, title, members } = given;
  const issue = (path: string, message: string) =>
    context.addIssue({ code: "custom", path: [path], message });
  const ids = new Set(members.map((member) => member.account_id));
  if (ids.size < members.length) issue("members", "each once");
  if (kind === "direct" && ids.size !== 2) issue("members", "the two of them");
  if (kind !== "direct" && title === "") issue("title", "a group or channel has a title");
  if (kind !== "direct" && !members.some(({ role }) => role === "owner")) {
    issue("members", "at least one owner");
  }
}

const importedSchema = conversationSchema
  .extend({
    messages: z.array(messageSchema.superRefine(requireWhole)).max(importedMessagesMax).default([]),
  })
  .superRefine((given, context) => {
    requireMembers(given, context);
    const ids = new Set(given.members.map((member) => member.account_id));
    const named = given.messages.flatMap(({ sender_id, reactions }) => [
      sender_id,
      ...reactions.flatMap((reaction) => reaction.account_ids),
    ]);
    const stranger = named.find((id) => !ids.has(id));
    if (stranger === undefined) return;
    context.addIssue({ code: "custom", path: ["messages"], message: `${stranger} is no member` });
  })
  .meta({
    examples: [
      {
        ...{ ref: "room-1", kind: "group", title: "Harvest crew" },
        created_at: "2020-01-01T00:00:00Z",
        members: [{ account_id: "1", role: "owner" }],
      },
    ],
  });
export type Imported = z.infer<typeof importedSchema>;

export const importBody = z
  .strictObject({ conversations: z.array(importedSchema).min(1).max(conversationsMax) })
  .refine(
    ({ conversations }) =>
      conversations.reduce((sum, one) => sum + one.messages.length, 0) <= importedMessagesMax,
    { path: ["conversations"], message: `at most ${importedMessagesMax} messages at once` },
  );

export const importReply = z.object({
  conversations: z.array(
    z.object({
      ref: z.string(),
      id: idSchema,
      added: z.number().int().describe("Those that were there already are counted in `known`."),
      known: z.number().int(),
    }),
  ),
});

/** One line of an import by lines. */
export const importLine = z.discriminatedUnion("type", [
  z
    .strictObject({ type: z.literal("conversation"), ...conversationFields })
    .superRefine(requireMembers),
  z
    .strictObject({ type: z.literal("message"), conversation: refSchema, ...messageFields })
    .superRefine(requireWhole),
]);

export const importLinesReply = z.object({
  lines: z.number().int(),
  added: z.number().int(),
  known: z.number().int(),
  failed: z.number().int().describe("Lines that nothing came of."),
  problems: z
    .array(
      z.object({
        line: z.number().int(),
        code: z.string(),
        message: z.string(),
        added: z.boolean(),
      }),
    )
    .describe("The first of them, and of those that were added without something that they named."),
});
