import type { NewMessage } from "../../../sdk/chat/view.ts";
import { dateTime, plural } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { toast } from "../ui/toast.tsx";
import { attempt } from "./attempt.ts";
import type { ComposerProps } from "./composer.tsx";
import type { Mentions } from "./mentions.tsx";
import { mentionsLeft } from "./message-text.ts";
import type { Later } from "./schedule-dialog.tsx";
import type { Draft } from "./use-draft.ts";
import { useScheduledAgain } from "./use-scheduled.ts";
import type { Uploads } from "./use-uploads.ts";

/** Puts together what was written and attached, and sends it. */
export type Sending = ReturnType<typeof useSending>;

export function useSending(
  props: ComposerProps,
  written: { draft: Draft; uploads: Uploads; mentions: Mentions },
) {
  const { room, replyTo, editing, thread, onDone, onSent } = props;
  const { draft, uploads, mentions } = written;
  const text = draft.text.trim();
  const hasFiles = uploads.done.length > 0;
  const ready = !uploads.busy && (text !== "" || (!editing && hasFiles));
  const inThread = thread === undefined ? {} : { thread_seq: thread };
  const scheduledAgain = useScheduledAgain();

  function sendNew(message: NewMessage): void {
    room.send({ ...message, ...inThread });
    onSent();
  }

  const answers = replyTo ? { reply_to_seq: replyTo.seq } : {};

  /** Words, whom they name, and what goes with them. */
  function bodyOf(words: string) {
    const named = mentionsLeft(words, mentions.chosen);
    return {
      text: words,
      ...(named ? { mentions: named } : {}),
      ...(hasFiles ? { attachments: uploads.done } : {}),
    };
  }

  function clear(): void {
    room.setTyping(false);
    draft.write("");
    uploads.clear();
    mentions.clear();
    onDone();
  }

  function send(): void {
    if (!ready) return;
    if (!editing) {
      sendNew({ ...bodyOf(text), ...answers });
      return clear();
    }
    const named = mentionsLeft(text, mentions.chosen);
    if (text !== editing.body?.text) void attempt(room.edit(editing.seq, text, named));
    onDone();
  }

  /** `client_msg_id` stays the same through all tries of one message. */
  async function sendLater({ text: words, send_at }: Later, client_msg_id: string): Promise<void> {
    const message = { conversation_id: room.id, client_msg_id, body: bodyOf(words), send_at };
    await stoa.chat.scheduled.create({ ...message, ...answers, ...inThread });
    clear();
    await scheduledAgain();
    toast(`It will be sent ${dateTime(send_at)}`);
  }
  const along = hasFiles ? plural(uploads.done.length, "file") : null;
  const sendPoll = (poll: NewMessage["poll"]) => sendNew({ poll });
  return { ready, text, along, send, sendLater, sendPoll };
}
