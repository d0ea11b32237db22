import type { ChatMessage } from "../../../sdk/chat/frames.ts";
import type { MessageView } from "../../../sdk/chat/view.ts";

/**
 * A thread as it is now: what was loaded of it, and over that what the conversation knows, which is
 * newer and has what waits to be sent.
 */
export function inThread(
  seq: number,
  loaded: readonly ChatMessage[],
  live: readonly MessageView[],
  me: string,
): MessageView[] {
  const views = new Map<string, MessageView>();
  for (const message of loaded) views.set(keyOf(message), viewOf(message, me));
  for (const view of live) {
    if (view.seq !== seq && view.thread_seq !== seq) continue;
    const known = views.get(keyOf(view));
    if (!known || view.rev >= known.rev) views.set(keyOf(view), view);
  }
  return [...views.values()].sort(
    (a, b) => (a.seq ?? Number.MAX_SAFE_INTEGER) - (b.seq ?? Number.MAX_SAFE_INTEGER),
  );
}

/** The same before and after it was sent. */
function keyOf({ sender_id, client_msg_id }: Pick<ChatMessage, "sender_id" | "client_msg_id">) {
  return `${sender_id} ${client_msg_id}`;
}

function viewOf(message: ChatMessage, me: string): MessageView {
  return {
    ...message,
    key: keyOf(message),
    mine: message.sender_id === me,
    status: "sent",
    receipts: null,
    error: null,
  };
}
