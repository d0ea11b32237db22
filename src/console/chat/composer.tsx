import { useEffect, useRef, useState, type DragEvent, type RefObject } from "react";
import type { ConversationClient } from "../../../sdk/chat/client.ts";
import type { ConversationSnapshot, ConversationSummary } from "../../../sdk/chat/view.ts";
import { useAccount } from "../session.tsx";
import { IconButton } from "../ui/button.tsx";
import type { SentMessage } from "./actions.ts";
import { AttachmentTray } from "./attachment-tray.tsx";
import { AddMenu, About } from "./composer-parts.tsx";
import type { NameOf } from "./labels.ts";
import { MentionList, useMentions } from "./mentions.tsx";
import { PollDialog } from "./poll-dialog.tsx";
import { RecordingBar, RecordingRefused } from "./recording-bar.tsx";
import { ScheduleDialog } from "./schedule-dialog.tsx";
import { useDraft } from "./use-draft.ts";
import { useRecorder } from "./use-recorder.ts";
import { useSending, type Sending } from "./use-sending.ts";
import { useUploads } from "./use-uploads.ts";
import { WritingField } from "./writing-field.tsx";

/** Where one writes, speaks, attaches and asks; what is made here is sent now or later. */
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
  const [asks, setAsks] = useState<"poll" | "later" | null>(null);
  const draft = useDraft(props);
  const uploads = useUploads();
  const recorder = useRecorder(({ file, duration_ms }) => uploads.add([file], { duration_ms }));
  const { members } = snapshot;
  const named = useNamed(props);
  const written = { text: draft.text, onText: draft.write };
  const mentions = useMentions({ ...written, field, members, me, named });
  const sending = useSending(props, { draft, uploads, mentions });
  const speaks = recorder.phase !== "idle";
  useFocus(field, { replyTo, editing, speaks });
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
        <RecordingRefused recorder={recorder} />
        <AttachmentTray uploads={uploads} />
        <MentionList mentions={mentions} />
        {speaks ? (
          <RecordingBar recorder={recorder} />
        ) : (
          <div className="flex items-end gap-1">
            {!editing && <AddMenu onFiles={uploads.add} onAsk={setAsks} />}
            <WritingField
              ref={field}
              {...{ props, draft, mentions }}
              onSend={sending.send}
              onFiles={take}
            />
            {!editing && sending.text === "" && uploads.items.length === 0 && (
              <IconButton
                icon="mic"
                label="Record a voice message"
                className="min-h-9 shrink-0"
                onClick={recorder.start}
              />
            )}
            <SendButton editing={editing !== null} ready={sending.ready} />
          </div>
        )}
      </form>
      {/* Forms of their own, which must not stand in this one. */}
      {asks === "poll" && <PollDialog onClose={() => setAsks(null)} onMade={sending.sendPoll} />}
      {asks === "later" && <LaterDialog sending={sending} onClose={() => setAsks(null)} />}
    </>
  );
}

function SendButton({ editing, ready }: { editing: boolean; ready: boolean }) {
  return (
    <IconButton
      icon={editing ? "check" : "send"}
      label={editing ? "Save" : "Send"}
      kind="primary"
      type="submit"
      className="min-h-9 w-9 shrink-0 pointer-coarse:w-11"
      disabled={!ready}
    />
  );
}

function LaterDialog({ sending, onClose }: { sending: Sending; onClose: () => void }) {
  // Sent again after an answer that was lost, it is the same message.
  const [clientMsgId] = useState(() => crypto.randomUUID());
  return (
    <ScheduleDialog
      title="Send later"
      action="Schedule"
      text={sending.text}
      along={sending.along}
      onSubmit={(later) => sending.sendLater(later, clientMsgId)}
      onClose={onClose}
    />
  );
}

/** One writes at once: after choosing what to answer or change, and after having spoken. */
function useFocus(
  field: RefObject<HTMLTextAreaElement | null>,
  about: Pick<ComposerProps, "replyTo" | "editing"> & { speaks: boolean },
): void {
  const { replyTo, editing, speaks } = about;
  const spoke = useRef(false);
  useEffect(() => {
    const isBack = spoke.current && !speaks;
    spoke.current = speaks;
    if (replyTo || editing || isBack) field.current?.focus();
  }, [field, replyTo, editing, speaks]);
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
