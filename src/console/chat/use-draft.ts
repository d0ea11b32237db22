import { useState } from "react";
import type { ComposerProps } from "./composer.tsx";

/** What was begun here or on another device. While one writes, what is written here counts. */
export type Draft = { text: string; write: (text: string) => void; leave: () => void };

export function useDraft({ room, summary, editing, thread }: ComposerProps): Draft {
  const isKept = !editing && thread === undefined;
  const kept = isKept ? (summary.own.draft?.text ?? "") : "";
  const [typed, setTyped] = useState<string | null>(editing?.body?.text ?? null);
  return {
    text: typed ?? kept,
    write(text) {
      setTyped(text);
      if (isKept) room.setDraft(text === "" ? null : text);
    },
    leave() {
      if (typed === kept) setTyped(null);
    },
  };
}
