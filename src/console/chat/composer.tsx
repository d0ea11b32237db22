import { useEffect, useRef, useState, type DragEvent, type KeyboardEvent, type Ref } from "react";
import type { ConversationClient } from "../../../sdk/chat/client.ts";
import type { ConversationSnapshot, ConversationSummary } from "../../../sdk/chat/view.ts";
import { useAccount } from "../session.tsx";
import { IconButton } from "../ui/button.tsx";
import type { SentMessage } from "./actions.ts";
import { AttachmentTray } from "./attachment-tray.tsx";
import { AddMenu, About } from "./composer-parts.tsx";
import type { NameOf } from "./labels.ts";
import { MentionList, useMentions, type Mentions } from "./mentions.tsx";
import { PollDialog } from "./poll-dialog.tsx";
import { useDraft, type Draft } from "./use-draft.ts";
import { useSending } from "./use-sending.ts";
import { useUploads } from "./use-uploads.ts";

/**
 * Where one writes. Enter sends, Shift and Enter break the line, the arrow up in an empty field
 * changes what one said last, and Escape gives up an answer or a change.
 */
const textCharactersMax = 8_000;

export type ComposerProps = {
  room: ConversationClient;
  snapshot: ConversationSnapshot;
  summary: ConversationSummary;
  nameOf: NameOf;
  me: string;
  replyTo: SentMessage | null;
  editing: SentMessage | null;
  /** The thread that one writes in. */
  thread?: number;
  onDone: () => void;
  onEditLast: () => void;
  onSent: () => void;
};

export function Composer(props: ComposerProps) {
  const { conversation, own } = props.summary;
  if (conversation.send_by === "admins" && own.role === "member" && !props.editing) {
    return (
      <p className="border-t border-line px-4 py-4 text-center text-muted">
        Only those who run this conversation write here.
      </p>
    );
  }
  return <Writing {...props} />;
}

function Writing(props: ComposerProps) {
  const { snapshot, me, replyTo, editing, thread } = props;
  const field = useRef<HTMLTextAreaElement>(null);
  const [asks, setAsks] = useState(false);
  const draft = useDraft(props);
  const uploads = useUploads();
  const { members } = snapshot;
  const named = useNamed(props);
  const mentions = useMentions({
    text: draft.text,
    field,
    members,
    me,
    onText: draft.write,
    named,
  });
  const sending = useSending(props, { draft, uploads, mentions });
  useEffect(() => {
    if (replyTo || editing) field.current?.focus();
  }, [replyTo, editing]);
  const take = (files: FileList) => {
    if (!editing) uploads.add([...files]);
  };
  return (
    <>
      <form
        aria-label={thread === undefined ? "Write a message" : "Write in the thread"}
        className="relative border-t border-line px-2 py-2 md:px-4"
        onSubmit={(event) => {
          event.preventDefault();
          sending.send();
        }}
        onDragOver={allowDrop}
        onDrop={(event) => {
          event.preventDefault();
          take(event.dataTransfer.files);
        }}
      >
        <About {...props} />
        <AttachmentTray uploads={uploads} />
        <MentionList mentions={mentions} />
        <div className="flex items-end gap-1">
          {!editing && <AddMenu onFiles={uploads.add} onPoll={() => setAsks(true)} />}
          <WritingField
            ref={field}
            {...{ props, draft, mentions }}
            onSend={sending.send}
            onFiles={take}
          />
          <IconButton
            icon={editing ? "check" : "send"}
            label={editing ? "Save" : "Send"}
            kind="primary"
            type="submit"
            className="min-h-9 w-9"
            disabled={!sending.ready}
          />
        </div>
      </form>
      {/* A form of its own, which must not stand in this one. */}
      {asks && <PollDialog onClose={() => setAsks(false)} onMade={sending.sendPoll} />}
    </>
  );
}

function WritingField(given: {
  ref: Ref<HTMLTextAreaElement>;
  props: ComposerProps;
  draft: Draft;
  mentions: Mentions;
  onSend: () => void;
  onFiles: (files: FileList) => void;
}) {
  const { ref, props, draft, mentions, onSend, onFiles } = given;
  const { room, editing } = props;
  return (
    <textarea
      ref={ref}
      rows={1}
      value={draft.text}
      {...labelled(editing ? "Change your message" : "Message")}
      maxLength={textCharactersMax}
      className="input field-sizing-content max-h-40 grow resize-none"
      {...mentions.aria}
      onChange={(event) => {
        draft.write(event.target.value);
        if (!editing) room.setTyping(event.target.value !== "");
      }}
      onSelect={mentions.onSelect}
      onBlur={() => {
        room.setTyping(false);
        draft.leave();
      }}
      onPaste={(event) => {
        if (event.clipboardData.files.length > 0) event.preventDefault();
        onFiles(event.clipboardData.files);
      }}
      onKeyDown={(event) => onFieldKey(event, props, { mentions, text: draft.text, send: onSend })}
    />
  );
}

function onFieldKey(
  event: KeyboardEvent<HTMLTextAreaElement>,
  { replyTo, editing, onDone, onEditLast }: ComposerProps,
  written: { mentions: Mentions; text: string; send: () => void },
): void {
  if (event.nativeEvent.isComposing || written.mentions.onKeyDown(event)) return;
  if (event.key === "Enter" && !event.shiftKey) written.send();
  else if (event.key === "Escape" && (replyTo || editing)) onDone();
  else if (event.key === "ArrowUp" && written.text === "" && !editing) onEditLast();
  else return;
  event.preventDefault();
}

/** Whom a message names that is being changed. */
function useNamed({ editing, nameOf, me }: ComposerProps): ReadonlyMap<string, string> {
  const account = useAccount();
  const ids = editing?.body?.mentions ?? [];
  return new Map(ids.map((id) => [id, id === me ? account.name : nameOf(id)]));
}

function allowDrop(event: DragEvent): void {
  event.preventDefault();
}

function labelled(label: string) {
  return { "aria-label": label, placeholder: label };
}
