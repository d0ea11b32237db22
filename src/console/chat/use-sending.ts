import type { NewMessage } from "../../../sdk/chat/view.ts";
import { attempt } from "./attempt.ts";
import type { ComposerProps } from "./composer.tsx";
import type { Mentions } from "./mentions.tsx";
import { mentionsLeft } from "./message-text.ts";
import type { Draft } from "./use-draft.ts";
import type { Uploads } from "./use-uploads.ts";

/** Puts together what was written and attached, and sends it. */
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

  function sendNew(message: NewMessage): void {
    room.send({ ...message, ...inThread });
    onSent();
  }

  function send(): void {
    if (!ready) return;
    const named = mentionsLeft(text, mentions.chosen);
    if (editing) {
      if (text !== editing.body?.text) void attempt(room.edit(editing.seq, text, named));
    } else {
      sendNew({
        text,
        ...(named ? { mentions: named } : {}),
        ...(hasFiles ? { attachments: uploads.done } : {}),
        ...(replyTo ? { reply_to_seq: replyTo.seq } : {}),
      });
      room.setTyping(false);
      draft.write("");
      uploads.clear();
      mentions.clear();
    }
    onDone();
  }
  return { ready, send, sendPoll: (poll: NewMessage["poll"]) => sendNew({ poll }) };
}
