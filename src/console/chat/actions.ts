import type { MessageView } from "../../../sdk/chat/view.ts";

/** What one may do with a message; the same object as long as the conversation is open. */
export type MessageActions = {
  reply: (message: MessageView) => void;
  edit: (message: MessageView) => void;
  thread: (message: MessageView) => void;
  /** Puts a reaction of one's own, or takes it back. */
  react: (message: MessageView, emoji: string) => void;
  vote: (message: MessageView, options: number[]) => void;
  pin: (message: MessageView) => void;
  ask: (what: Ask, message: MessageView) => void;
  retry: (message: MessageView) => void;
  discard: (message: MessageView) => void;
  jump: (seq: number) => void;
};

/** What is asked for in a dialog first. */
export type Ask = "forward" | "report" | "receipts" | "close_poll" | "delete";

export const reactionChoices = ["👍", "❤️", "😂", "😮", "😢", "🙏"] as const;

export const reactionNames: Record<string, string> = {
  "👍": "thumbs up",
  "❤️": "heart",
  "😂": "laughing",
  "😮": "surprised",
  "😢": "sad",
  "🙏": "thanks",
};

/** A message as the server has it, not one that waits to be sent. */
export type SentMessage = MessageView & { seq: number };

export function isSent(message: MessageView): message is SentMessage {
  return message.seq !== null;
}
