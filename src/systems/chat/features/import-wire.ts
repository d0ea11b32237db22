import { z } from "zod";
import { idSchema, timeSchema } from "../../../platform/http/route.ts";
import { descriptionSchema, lineSchema, textSchema } from "../conversations/wire.ts";
import {
  clientMsgIdSchema,
  groupMembersMax,
  roleSchema,
  textCharactersMax,
  titleCharactersMax,
} from "../shapes.ts";

/** What an import takes: conversations as they were elsewhere, of people who have accounts here. */
export const importBytesMax = 32 * 1024 * 1024;
const conversationsMax = 100;
export const importedMessagesMax = 10_000;

const messageSchema = z.strictObject({
  /** What makes it the same message in the next import. */
  client_msg_id: clientMsgIdSchema,
  sender_id: idSchema,
  sent_at: timeSchema,
  text: textSchema(textCharactersMax).min(1),
  /** `client_msg_id` of one that it answers. */
  reply_to: clientMsgIdSchema.optional(),
});
export type ImportedMessage = z.infer<typeof messageSchema>;

const importedSchema = z
  .strictObject({
    /** What it is called where it comes from; one ref is one conversation, however often. */
    ref: lineSchema(200).min(1),
    kind: z.enum(["direct", "group", "channel"]),
    title: lineSchema(titleCharactersMax).default(""),
    description: descriptionSchema.default(""),
    created_at: timeSchema,
    members: z
      .array(z.strictObject({ account_id: idSchema, role: roleSchema.default("member") }))
      .min(1)
      .max(groupMembersMax),
    messages: z.array(messageSchema).max(importedMessagesMax).default([]),
  })
  .superRefine(({ kind, title, members, messages }, context) => {
    const issue = (path: string, message: string) =>
      context.addIssue({ code: "custom", path: [path], message });
    const ids = new Set(members.map((member) => member.account_id));
    if (ids.size < members.length) issue("members", "each once");
    if (kind === "direct" && ids.size !== 2) issue("members", "the two of them");
    if (kind !== "direct" && title === "") issue("title", "a group or channel has a title");
    if (kind !== "direct" && !members.some(({ role }) => role === "owner")) {
      issue("members", "at least one owner");
    }
    const stranger = messages.find(({ sender_id }) => !ids.has(sender_id));
    if (stranger) issue("messages", `${stranger.sender_id} is no member`);
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
      /** Those that were there already are known. */
      added: z.number().int(),
      known: z.number().int(),
    }),
  ),
});
