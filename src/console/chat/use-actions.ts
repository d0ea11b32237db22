import { useMemo } from "react";
import type { ConversationClient } from "../../../sdk/chat/client.ts";
import type { MessageView } from "../../../sdk/chat/view.ts";
import { isSent, type Ask, type MessageActions, type SentMessage } from "./actions.ts";
import { attempt } from "./attempt.ts";

/** What the page itself does for a message; the rest the conversation does. */
export type PageActions = {
  reply: (message: SentMessage) => void;
  edit: (message: SentMessage) => void;
  thread: (seq: number) => void;
  ask: (what: Ask, message: SentMessage) => void;
  jump: (seq: number) => void;
};

export function useActions(
  room: ConversationClient,
  me: string,
  page: PageActions,
): MessageActions {
  return useMemo(() => {
    /** What waits to be sent can only be tried again or given up. */
    const sent = (act: (message: SentMessage) => void) => (message: MessageView) => {
      if (isSent(message)) act(message);
    };
    return {
      reply: sent(page.reply),
      edit: sent(page.edit),
      thread: sent(({ seq, thread_seq: root }) => page.thread(root ?? seq)),
      pin: sent(({ seq, pinned_at }) => {
        void attempt(pinned_at ? room.unpin(seq) : room.pin(seq));
      }),
      react(message, emoji) {
        if (!isSent(message)) return;
        const { seq, extra } = message;
        const own = extra.reactions?.find((one) => one.emoji === emoji)?.by.includes(me);
        void attempt(own ? room.unreact(seq, emoji) : room.react(seq, emoji));
      },
      vote(message, options) {
        if (isSent(message)) void attempt(room.vote(message.seq, options));
      },
      ask(what, message) {
        if (isSent(message)) page.ask(what, message);
      },
      retry: (message) => room.retry(message.client_msg_id),
      discard: (message) => room.discard(message.client_msg_id),
      jump: page.jump,
    };
  }, [room, me, page]);
}
