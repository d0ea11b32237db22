import { useId, useMemo, useState, type KeyboardEvent, type RefObject } from "react";
import { flushSync } from "react-dom";
import type { ChatMember } from "../../../sdk/chat/frames.ts";
import { Avatar } from "./avatar.tsx";
import { mentionBefore } from "./message-text.ts";

/** People who may be named, offered while one writes after an @. */
const offeredMax = 6;

export type Mentions = ReturnType<typeof useMentions>;

export function useMentions(options: {
  text: string;
  field: RefObject<HTMLTextAreaElement | null>;
  members: readonly ChatMember[] | null;
  me: string;
  onText: (text: string) => void;
  /** Names of those who are named in the text already. */
  named: ReadonlyMap<string, string>;
}) {
  const { text, field, members, me, onText } = options;
  const listId = useId();
  const [caret, setCaret] = useState(0);
  const [index, setIndex] = useState(0);
  const [closedAt, setClosedAt] = useState<number | null>(null);
  const [chosen, setChosen] = useState<ReadonlyMap<string, string>>(options.named);
  const before = mentionBefore(text, caret);
  const isOpen = before !== null && closedAt !== before.from;
  const query = before?.query.toLowerCase() ?? "";
  const offered = useMemo(() => {
    const others = (members ?? []).filter((one) => one.left_at === null && one.account_id !== me);
    const fitting = others.filter(({ name }) => isBeginning(name.toLowerCase(), query));
    return isOpen ? fitting.slice(0, offeredMax) : [];
  }, [members, me, query, isOpen]);
  const at = Math.min(index, offered.length - 1);

  const choose = ({ account_id: id, name }: ChatMember) => {
    if (!before) return;
    const start = `${text.slice(0, before.from)}@${name} `;
    // At once: whoever types on meanwhile would have the caret taken back.
    flushSync(() => {
      setChosen(new Map(chosen).set(id, name));
      onText(start + text.slice(caret));
      setCaret(start.length);
    });
    field.current?.focus();
    field.current?.setSelectionRange(start.length, start.length);
  };
  return {
    ...{ listId, offered, at, choose, chosen },
    clear: () => setChosen(new Map()),
    onSelect: () => {
      setCaret(field.current?.selectionStart ?? 0);
      setIndex(0);
    },
    /** True where the key was for the list. */
    onKeyDown(event: KeyboardEvent): boolean {
      const member = offered[at];
      if (!member) return false;
      if (event.key === "ArrowDown") setIndex((at + 1) % offered.length);
      else if (event.key === "ArrowUp") setIndex((at - 1 + offered.length) % offered.length);
      else if (event.key === "Enter" || event.key === "Tab") choose(member);
      else if (event.key === "Escape") setClosedAt(before?.from ?? null);
      else return false;
      event.preventDefault();
      return true;
    },
    aria: {
      "aria-autocomplete": "list",
      ...(offered.length > 0
        ? { "aria-controls": listId, "aria-activedescendant": `${listId}-${at}` }
        : {}),
    } as const,
  };
}

function isBeginning(name: string, query: string): boolean {
  return name.split(/\s+/).some((word) => word.startsWith(query)) || name.startsWith(query);
}

export function MentionList({ mentions }: { mentions: Mentions }) {
  const { listId, offered, at, choose } = mentions;
  if (offered.length === 0) return null;
  return (
    <div
      id={listId}
      role="listbox"
      aria-label="People to name"
      className="absolute bottom-full left-2 z-20 mb-1 w-64 rounded-xl border border-line bg-surface p-1 shadow-card md:left-4"
    >
      {offered.map((member, index) => (
        <div
          key={member.account_id}
          id={`${listId}-${index}`}
          role="option"
          tabIndex={-1}
          aria-selected={index === at}
          className="choice cursor-pointer aria-selected:bg-sunken"
          // Before the field loses the focus.
          onPointerDown={(event) => {
            event.preventDefault();
            choose(member);
          }}
        >
          <Avatar name={member.name} small />
          <span className="truncate">{member.name}</span>
        </div>
      ))}
    </div>
  );
}
