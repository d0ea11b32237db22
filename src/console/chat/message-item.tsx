import { memo } from "react";
import type { MessageView } from "../../../sdk/chat/view.ts";
import { dateTime, plural, withLocalTimes } from "../messages.ts";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icons.tsx";
import { isSent, type MessageActions } from "./actions.ts";
import { Avatar } from "./avatar.tsx";
import { dayLabel, noteText, summaryOf, timeOf, type NameOf } from "./labels.ts";
import { MessageContent } from "./message-content.tsx";
import { MessageMenu } from "./message-menu.tsx";
import { Reactions } from "./reactions.tsx";
import type { Row } from "./rows.ts";
import { Ticks } from "./ticks.tsx";

/** One row: what stands above it, and the message. Drawn again only when one of these changed. */
export type ItemProps = Row & {
  /** The message it answers, where that is here. */
  quoted: MessageView | undefined;
  nameOf: NameOf;
  me: string;
  direct: boolean;
  moderates: boolean;
  inThread: boolean;
  isActive: boolean;
  isFlashed: boolean;
  actions: MessageActions;
  watch: (row: HTMLElement | null) => (() => void) | undefined;
  onActive: (key: string) => void;
};

export const MessageItem = memo(function MessageItem(props: ItemProps) {
  const { message, day, unread, watch, onActive } = props;
  const side = message.mine ? "flex-row-reverse" : "";
  return (
    <div ref={watch} data-key={message.key} data-seq={message.seq ?? undefined}>
      {day && (
        <p className="py-3 text-center text-xs font-medium text-muted">
          {dayLabel(message.created_at)}
        </p>
      )}
      {unread && (
        <p className="my-2 flex items-center gap-3 text-xs font-medium text-accent before:h-px before:grow before:bg-accent/40 after:h-px after:grow after:bg-accent/40">
          New messages
        </p>
      )}
      {message.body?.note ? (
        <NoteLine {...props} />
      ) : (
        <article
          tabIndex={-1}
          aria-label={`${props.nameOf(message.sender_id)}, ${timeOf(message.created_at)}`}
          className={`message ${props.begins ? "pt-2" : "pt-0.5"} ${side}`}
          onFocus={() => onActive(message.key)}
        >
          <Bubble {...props} />
        </article>
      )}
    </div>
  );
});

function NoteLine({ message, nameOf }: ItemProps) {
  const { note } = message.body ?? {};
  if (!note) return null;
  return (
    <p className="py-1.5 text-center text-xs text-muted">
      {noteText(note, nameOf(message.sender_id), nameOf)}
    </p>
  );
}

function Bubble(props: ItemProps) {
  const { message, begins, direct, nameOf, actions, isFlashed } = props;
  const { mine, body } = message;
  const name = nameOf(message.sender_id);
  const look = mine ? "bg-accent-soft" : "border border-line bg-surface";
  return (
    <>
      {!direct && !mine && (
        <span className="w-7 shrink-0 self-end">{begins && <Avatar name={name} small />}</span>
      )}
      <div className="flex max-w-[85%] min-w-0 flex-col md:max-w-[75%]">
        <div className={`bubble ${look} ${isFlashed ? "pulse-once ring-2 ring-accent" : ""}`}>
          {begins && !mine && !direct && (
            <p className="text-xs font-semibold text-accent">
              {name}
              {message.by_program && <span className="font-normal text-muted"> · program</span>}
            </p>
          )}
          <Quote {...props} />
          {body?.forwarded_from && (
            <p className="flex items-center gap-1 text-xs text-muted">
              <Icon name="forward" className="size-3" />
              Forwarded from {nameOf(body.forwarded_from.sender_id)}
            </p>
          )}
          <MessageContent message={message} nameOf={nameOf} me={props.me} onVote={actions.vote} />
          <Foot message={message} />
        </div>
        <Reactions message={message} me={props.me} nameOf={nameOf} onReact={actions.react} />
        {message.reply_count > 0 && !props.inThread && (
          <button
            type="button"
            className="link mt-1 text-xs"
            onClick={() => actions.thread(message)}
          >
            {plural(message.reply_count, "reply", "replies")} in a thread
          </button>
        )}
        {message.status === "failed" && <FailedLine message={message} actions={actions} />}
      </div>
      {isSent(message) && body && (
        <MessageMenu
          message={message}
          {...{ actions, direct, moderates: props.moderates }}
          {...{ inThread: props.inThread, isActive: props.isActive }}
        />
      )}
    </>
  );
}

function Quote({ message, quoted, nameOf, actions, inThread }: ItemProps) {
  const { reply_to_seq: reply, thread_seq: thread } = message;
  const seq = reply ?? (inThread ? null : thread);
  if (seq === null) return null;
  return (
    <button
      type="button"
      className="mb-1 block w-full max-w-full rounded-md border-l-2 border-accent bg-sunken px-2 py-1 text-left text-xs"
      onClick={() => actions.jump(seq)}
    >
      <span className="block font-medium text-accent">
        {reply === null && "Thread · "}
        {quoted ? nameOf(quoted.sender_id) : "Earlier message"}
      </span>
      <span className="line-clamp-2 text-muted">
        {quoted ? summaryOf(quoted, nameOf) : "Show it"}
      </span>
    </button>
  );
}

function Foot({ message }: { message: MessageView }) {
  return (
    <p className="mt-0.5 flex items-center justify-end gap-1 text-[0.6875rem] text-muted">
      {message.pinned_at && <Icon name="pin" className="size-3" />}
      {message.expires_at && <Icon name="clock" className="size-3" />}
      {message.edited_at && message.body && <span title={dateTime(message.edited_at)}>edited</span>}
      <time dateTime={message.created_at} title={dateTime(message.created_at)}>
        {timeOf(message.created_at)}
      </time>
      {message.mine && <Ticks message={message} />}
    </p>
  );
}

function FailedLine({ message, actions }: Pick<ItemProps, "message" | "actions">) {
  return (
    <div role="alert" className="mt-1 flex flex-wrap items-center justify-end gap-2 text-xs">
      <span className="text-danger">
        {withLocalTimes(message.error?.message ?? "This was not sent.")}
      </span>
      <span className="flex gap-2">
        <Button icon="retry" onClick={() => actions.retry(message)}>
          Try again
        </Button>
        <Button onClick={() => actions.discard(message)}>Discard</Button>
      </span>
    </div>
  );
}
