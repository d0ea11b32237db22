import type { z } from "zod";
import { clientFrameSchema, serverFrameSchema } from "../src/systems/chat/protocol.ts";
import {
  attachmentSchema,
  bodySchema,
  conversationSchema,
  listedSchema,
  memberSchema,
  messageSchema,
  ownSchema,
  receiptsSchema,
} from "../src/systems/chat/shapes.ts";

/** What the SDK calls the shapes of the chat, in frames and in the replies of routes alike. */
export const said: Record<string, z.ZodType> = {
  ChatAttachment: attachmentSchema,
  ChatBody: bodySchema,
  ChatMessage: messageSchema,
  ChatConversation: conversationSchema,
  ChatMember: memberSchema,
  ChatOwn: ownSchema,
  ChatListed: listedSchema,
  ChatReceipts: receiptsSchema,
  ServerFrame: serverFrameSchema,
};
export const taken: Record<string, z.ZodType> = { ClientFrame: clientFrameSchema };
