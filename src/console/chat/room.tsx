import { useEffect, useMemo, useRef, useState } from "react";
import { useSearchParams } from "wouter";
import type { ConversationSnapshot, ConversationSummary } from "../../../sdk/chat/view.ts";
import type { ConversationClient } from "../../../sdk/chat/client.ts";
import { useAccount } from "../session.tsx";
import { Empty } from "../ui/page.tsx";
import type { Ask, SentMessage } from "./actions.ts";
import { Composer } from "./composer.tsx";
import { DetailsPanel } from "./details-panel.tsx";
import { MessageDialog } from "./message-dialogs.tsx";
import { MessageList, type ListHandle } from "./message-list.tsx";
import { useNameOf } from "./names.ts";
import { PinsPanel } from "./pins-panel.tsx";
import { RoomHeader } from "./room-header.tsx";
import { ScheduledLine } from "./scheduled-line.tsx";
import { SearchPanel } from "./search-panel.tsx";
import { ThreadPanel } from "./thread-panel.tsx";
import { useActions } from "./use-actions.ts";
import { useConversation, useChatSnapshot } from "./use-chat.ts";

/** One conversation: who it is with, what was said, and where one writes. */
export type Panel = "details" | "search" | "pins" | { thread: number } | null;

export function Room({ id }: { id: string }) {
  const [room, snapshot] = useConversation(id);
  const { loaded, connection } = useChatSnapshot();
  useEffect(() => room.open(), [room]);
  const isGone = loaded && snapshot.summary === null && connection.state === "online";
  if (isGone) {
    return (
      <div className="p-4 md:p-8">
        <Empty icon="chat" title="There is no such conversation">
          It may have been deleted, or you are no member of it any more.
        </Empty>
      </div>
    );
  }
  if (!snapshot.summary) return <div aria-hidden="true" />;
  return <OpenRoom {...{ room, snapshot, summary: snapshot.summary }} />;
}

type Opened = {
  room: ConversationClient;
  snapshot: ConversationSnapshot;
  summary: ConversationSummary;
};

function OpenRoom({ room, snapshot, summary }: Opened) {
  const me = useAccount().id;
  const nameOf = useNameOf(snapshot);
  const list = useRef<ListHandle>(null);
  // As it was on arrival: reading moves the mark, and the line stays where it was.
  const [unreadFrom] = useState(() =>
    summary.unread > 0 ? Math.max(summary.own.read_seq, summary.own.from_seq) + 1 : null,
  );
  const at = useAt(list);
  const [panel, setPanel] = useState<Panel>(null);
  const [replyTo, setReplyTo] = useState<SentMessage | null>(null);
  const [editing, setEditing] = useState<SentMessage | null>(null);
  const [asked, setAsked] = useState<{ what: Ask; message: SentMessage } | null>(null);
  useMembers(room, summary);

  const actions = useActions(
    room,
    me,
    useMemo(
      () => ({
        reply: (message) => {
          setEditing(null);
          setReplyTo(message);
        },
        edit: (message) => {
          setReplyTo(null);
          setEditing(message);
        },
        thread: (seq) => setPanel({ thread: seq }),
        ask: (what, message) => setAsked({ what, message }),
        jump: (seq) => list.current?.reveal(seq),
      }),
      [],
    ),
  );
  const { role } = summary.own;
  const moderates = summary.conversation.kind !== "direct" && role !== "member";
  const shared = { room, snapshot, summary, nameOf, me, moderates, actions };
  const toggle = (next: Panel) => setPanel((now) => (now === next ? null : next));
  return (
    <section aria-label={summary.title} className="chat-room">
      <div className="flex min-h-0 min-w-0 grow flex-col">
        <RoomHeader summary={summary} nameOf={nameOf} typing={snapshot.typing} onPanel={toggle} />
        <MessageList ref={list} {...shared} unreadFrom={unreadFrom} startAt={at} />
        <ScheduledLine id={room.id} />
        <Composer
          key={editing ? `edit ${editing.seq}` : "write"}
          {...shared}
          {...{ replyTo, editing }}
          onDone={() => {
            setReplyTo(null);
            setEditing(null);
          }}
          onEditLast={() => {
            const last = snapshot.messages.findLast((one) => one.mine && one.body?.text);
            if (last) actions.edit(last);
          }}
          onSent={() => list.current?.toLatest()}
        />
      </div>
      {panel && <RoomPanel {...shared} panel={panel} onClose={() => setPanel(null)} />}
      {asked && <MessageDialog {...shared} {...asked} onClose={() => setAsked(null)} />}
    </section>
  );
}

type PanelProps = Parameters<typeof DetailsPanel>[0] & Parameters<typeof PinsPanel>[0];

function RoomPanel(props: PanelProps & { panel: Panel; moderates: boolean }) {
  const { panel, room, onClose } = props;
  if (panel === "details") return <DetailsPanel {...props} />;
  if (panel === "search") return <SearchPanel id={room.id} onClose={onClose} />;
  if (panel === "pins") return <PinsPanel {...props} />;
  return panel && <ThreadPanel key={panel.thread} {...props} seq={panel.thread} />;
}

/** Names and who may be mentioned. Those of a channel are known to those who run it. */
function useMembers(room: ConversationClient, { conversation, own }: ConversationSummary): void {
  const mayList = conversation.kind !== "channel" || own.role !== "member";
  useEffect(() => {
    if (mayList) room.loadMembers();
  }, [room, mayList]);
}

/** A message that the address names, e.g. one that was found, also while the page is open. */
function useAt(list: React.RefObject<ListHandle | null>): number | null {
  const [params] = useSearchParams();
  const given = Number(params.get("at"));
  const at = Number.isSafeInteger(given) && given > 0 ? given : null;
  const [first] = useState(at);
  useEffect(() => {
    if (at !== null && at !== first) list.current?.reveal(at);
  }, [at, first, list]);
  return first;
}
