import type { KeyboardEvent, Ref } from "react";
import type { ComposerProps } from "./composer.tsx";
import type { Mentions } from "./mentions.tsx";
import type { Draft } from "./use-draft.ts";

const textCharactersMax = 8_000;

/**
 * Where one writes. Enter sends, Shift and Enter break the line, the arrow up in an empty field
 * changes what one said last, and Escape gives up an answer or a change.
 */
export function WritingField(given: {
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

function labelled(label: string) {
  return { "aria-label": label, placeholder: label };
}
