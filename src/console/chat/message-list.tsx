import {
  useCallback,
  useImperativeHandle,
  useLayoutEffect,
  useMemo,
  useState,
  useSyncExternalStore,
  type KeyboardEvent,
  type Ref,
} from "react";
import type { ConversationClient } from "../../../sdk/chat/client.ts";
import type { ConversationSnapshot } from "../../../sdk/chat/view.ts";
import type { MessageActions } from "./actions.ts";
import { Announcer } from "./announcer.tsx";
import type { NameOf } from "./labels.ts";
import { LatestButton, ListEdge } from "./list-edges.tsx";
import { layoutOf } from "./list-layout.ts";
import { ListModel } from "./list-model.ts";
import { MessageItem } from "./message-item.tsx";
import { rowsOf } from "./rows.ts";
import { useFollow, useKeptFocus, useReveal } from "./use-list.ts";

/**
 * The messages of a conversation. The client holds a window of them that moves as one scrolls, and
 * of that window only what is near the screen is drawn, so that it costs the same in a conversation
 * of ten messages and of a hundred thousand.
 */
export type ListHandle = { reveal: (seq: number) => void; toLatest: () => void };

/** What a message is taken to be high before it was drawn. */
const guessPx = 56;

type Props = {
  ref: Ref<ListHandle>;
  room: ConversationClient;
  snapshot: ConversationSnapshot;
  unreadFrom: number | null;
  /** Where to begin; the unread ones or the newest where it is null. */
  startAt: number | null;
  nameOf: NameOf;
  me: string;
  moderates: boolean;
  actions: MessageActions;
};

export function MessageList({ ref, ...props }: Props) {
  const { room, snapshot, unreadFrom, startAt, nameOf } = props;
  const { messages, summary } = snapshot;
  const first = startAt ?? unreadFrom;
  const [model] = useState(() => new ListModel(first !== null));
  const attach = useCallback((element: HTMLElement | null) => model.attach(element), [model]);
  const view = useSyncExternalStore(model.subscribe, model.getSnapshot);
  const keys = useMemo(() => messages.map((message) => message.key), [messages]);
  const layout = useMemo(() => layoutOf(keys, view, guessPx), [keys, view]);
  const isLatest = !snapshot.has_newer;
  useLayoutEffect(() => model.settle(keys, layout, isLatest), [model, keys, layout, isLatest]);
  const [active, setActive] = useState<string | null>(null);
  const follow = useFollow(room, snapshot, model);
  const { flashed, reveal, toLatest } = useReveal({ room, snapshot, model, first });
  useImperativeHandle(ref, () => ({ reveal, toLatest }), [reveal, toLatest]);
  const list = useKeptFocus(active);
  const firstSeq = (summary?.own.from_seq ?? 0) + 1;
  return (
    <div ref={list} className="relative flex min-h-0 grow flex-col">
      <div
        ref={attach}
        role="log"
        // Rows come and go by scrolling; what is new is said by the announcer.
        aria-live="off"
        aria-label="Messages"
        aria-busy={snapshot.loading !== null}
        tabIndex={0}
        className="message-scroller"
        onScroll={() => {
          model.onScroll();
          follow();
        }}
        onKeyDown={(event) => onListKey(event, { toFirst: () => reveal(firstSeq), toLatest })}
      >
        <ListEdge snapshot={snapshot} onRetry={() => room.loadOlder()} />
        <div data-rows-begin />
        <Gap height={layout.before} />
        <Rows {...props} {...{ layout, model, active, flashed }} onActive={setActive} />
        <Gap height={layout.after} />
      </div>
      {(view.hold.at !== "end" || !isLatest) && (
        <LatestButton unread={summary?.unread ?? 0} onClick={toLatest} />
      )}
      <Announcer messages={messages} nameOf={nameOf} isLatest={isLatest} />
    </div>
  );
}

/** Styles are set by scripts here, which is all that the page's policy allows. */
function Gap({ height }: { height: number }) {
  return <div aria-hidden="true" style={{ height }} />;
}

type RowsProps = Omit<Props, "ref"> & {
  layout: ReturnType<typeof layoutOf>;
  model: ListModel;
  active: string | null;
  flashed: number | null;
  onActive: (key: string) => void;
};

function Rows(props: RowsProps) {
  const { snapshot, unreadFrom, layout, active, flashed } = props;
  const { messages, summary } = snapshot;
  const rows = useMemo(() => rowsOf(messages, unreadFrom), [messages, unreadFrom]);
  const bySeq = useMemo(() => new Map(messages.map((one) => [one.seq, one])), [messages]);
  return rows.slice(layout.span.start, layout.span.end).map((row) => {
    const { key, seq, reply_to_seq, thread_seq } = row.message;
    return (
      <MessageItem
        key={key}
        {...row}
        quoted={bySeq.get(reply_to_seq ?? thread_seq ?? -1)}
        nameOf={props.nameOf}
        me={props.me}
        direct={summary?.conversation.kind === "direct"}
        moderates={props.moderates}
        inThread={false}
        isActive={active === key}
        isFlashed={flashed !== null && flashed === seq}
        actions={props.actions}
        watch={props.model.watch}
        onActive={props.onActive}
      />
    );
  });
}

/** Arrows go from message to message; Ctrl with Home or End to the first and the last of all. */
function onListKey(
  event: KeyboardEvent<HTMLDivElement>,
  { toFirst, toLatest }: { toFirst: () => void; toLatest: () => void },
): void {
  const list = event.currentTarget;
  const target = event.target as HTMLElement;
  if (target !== list && target.tagName !== "ARTICLE") return;
  if (event.ctrlKey && event.key === "Home") toFirst();
  else if (event.ctrlKey && event.key === "End") toLatest();
  else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
    const articles = [...list.querySelectorAll<HTMLElement>("article")];
    const at = articles.indexOf(target);
    const step = event.key === "ArrowUp" ? -1 : 1;
    const next = at < 0 ? lastSeen(list, articles) : articles[at + step];
    if (!next) return;
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  } else return;
  event.preventDefault();
}

function lastSeen(list: HTMLElement, articles: HTMLElement[]): HTMLElement | undefined {
  const { bottom } = list.getBoundingClientRect();
  return articles.findLast((one) => one.getBoundingClientRect().bottom <= bottom + 1);
}
