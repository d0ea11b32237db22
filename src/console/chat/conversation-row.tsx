import { memo } from "react";
import { Link } from "wouter";
import type { ConversationSummary, PresenceView } from "../../../sdk/chat/view.ts";
import { isPast, plural } from "../messages.ts";
import { Icon } from "../ui/icons.tsx";
import { Avatar } from "./avatar.tsx";
import { momentLabel, noteText, summaryOf, typingLabel, type NameOf } from "./labels.ts";
import { knownName } from "./names.ts";
import { Ticks } from "./ticks.tsx";

/** A line of the list: who, what was said last and when, and how much of it is new. */
export const ConversationRow = memo(function ConversationRow(props: {
  summary: ConversationSummary;
  presence: PresenceView | undefined;
  isHere: boolean;
  /** Changes when somebody's name became known. */
  names: number;
}) {
  const { summary, isHere } = props;
  const { own, conversation, unread } = summary;
  const muted = own.muted_until !== null && !isPast(own.muted_until);
  return (
    <li data-conversation={summary.id}>
      <Link
        href={`/chat/${summary.id}`}
        aria-current={isHere ? "page" : undefined}
        className="flex items-center gap-3 rounded-lg px-2.5 py-2 hover:bg-sunken aria-[current=page]:bg-accent-soft"
      >
        <Avatar
          name={summary.title}
          group={conversation.kind !== "direct"}
          presence={props.presence}
        />
        <span className="flex min-w-0 grow flex-col">
          <span className="flex items-baseline gap-2">
            <span className="min-w-0 grow truncate font-medium">{summary.title}</span>
            {muted && <Icon name="mute" className="size-3.5 shrink-0 self-center text-muted" />}
            <span className="shrink-0 text-xs text-muted">
              {momentLabel(summary.last_activity_at)}
            </span>
          </span>
          <span className="flex items-center gap-2 text-[0.8125rem] text-muted">
            <span className="flex min-w-0 grow items-center gap-1">
              <LastLine summary={summary} />
            </span>
            {unread > 0 && (
              <span
                className={`min-w-5 shrink-0 rounded-full px-1.5 text-center text-xs leading-5 font-medium tabular-nums ${
                  muted ? "bg-sunken text-muted" : "bg-accent text-accent-ink"
                }`}
              >
                {unread > 999 ? "999+" : unread}
                <span className="sr-only"> {unread === 1 ? "new message" : "new messages"}</span>
              </span>
            )}
          </span>
        </span>
      </Link>
    </li>
  );
});

function LastLine({ summary }: { summary: ConversationSummary }) {
  const { typing, own, last_message: last, conversation, unsent, peer } = summary;
  const known = (id: string) => (peer?.account_id === id ? peer.name : knownName(id));
  const ownId = last?.mine ? last.sender_id : null;
  const nameOf = (id: string) => (id === ownId ? "You" : (known(id) ?? "Somebody"));
  if (typing.length > 0) {
    const direct = conversation.kind === "direct";
    const text = direct ? "typing…" : typingLabel(typing, nameOf);
    return <span className="truncate text-accent">{text}</span>;
  }
  if (own.draft && unsent === 0) {
    return (
      <span className="truncate">
        <span className="text-warn">Draft: </span>
        {own.draft.text}
      </span>
    );
  }
  if (!last) return <span className="truncate">No messages yet</span>;
  const author =
    conversation.kind === "group" && !last.mine && !last.body?.note
      ? knownName(last.sender_id)
      : undefined;
  return (
    <>
      {last.mine && !last.body?.note && <Ticks message={last} />}
      <span className="truncate">
        {author && `${author}: `}
        {last.body?.note && nameOf(last.sender_id) === "Somebody"
          ? withoutActor(last.body.note, nameOf)
          : summaryOf(last, nameOf)}
      </span>
      {unsent > 1 && <span className="sr-only">, {plural(unsent, "message")} waiting</span>}
    </>
  );
}

/** The list knows who is in a conversation only once it was open. */
function withoutActor(note: Parameters<typeof noteText>[0], nameOf: NameOf): string {
  const text = noteText(note, "", nameOf).trim();
  return text.charAt(0).toUpperCase() + text.slice(1);
}
