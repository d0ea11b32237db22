import { useRef } from "react";
import { IconButton } from "../ui/button.tsx";
import { Menu } from "../ui/menu.tsx";
import type { ComposerProps } from "./composer.tsx";
import { summaryOf } from "./labels.ts";

/** What is being answered or changed. */
export function About({ replyTo, editing, nameOf, onDone }: ComposerProps) {
  const about = editing ?? replyTo;
  if (!about) return null;
  return (
    <div className="mb-2 flex items-center gap-2 rounded-md border-l-2 border-accent bg-sunken py-1 pr-1 pl-2.5">
      <p className="min-w-0 grow text-xs">
        <span className="block font-medium text-accent">
          {editing ? "Changing your message" : `Answering ${nameOf(about.sender_id)}`}
        </span>
        <span className="block truncate text-muted">{summaryOf(about, nameOf)}</span>
      </p>
      <IconButton
        icon="close"
        label={editing ? "Keep it as it was" : "No answer"}
        onClick={onDone}
      />
    </div>
  );
}

/** What a message may have besides words. */
export function AddMenu(props: {
  onFiles: (files: File[]) => void;
  onAsk: (what: "poll" | "later") => void;
}) {
  const files = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={files}
        type="file"
        multiple
        hidden
        aria-label="Files to attach"
        onChange={(event) => {
          props.onFiles([...(event.target.files ?? [])]);
          event.target.value = "";
        }}
      />
      <Menu
        label="Add to the message"
        icon="attach"
        className="min-h-9 shrink-0 items-center"
        items={[
          { label: "Files", icon: "file", onChoose: () => files.current?.click() },
          { label: "Poll", icon: "poll", onChoose: () => props.onAsk("poll") },
          { label: "Send later", icon: "clock", onChoose: () => props.onAsk("later") },
        ]}
      />
    </>
  );
}
