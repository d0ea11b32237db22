import { useQuery } from "@tanstack/react-query";
import { useLayoutEffect, useMemo, useRef, useState } from "react";
import type { MessageView } from "../../../sdk/chat/view.ts";
import { stoa } from "../stoa.ts";
import { Failed, Loading } from "../ui/page.tsx";
import { isSent, type MessageActions, type SentMessage } from "./actions.ts";
import { Composer, type ComposerProps } from "./composer.tsx";
import { MessageItem } from "./message-item.tsx";
import { SidePanel } from "./panel.tsx";
import { rowsOf } from "./rows.ts";
import { inThread } from "./thread.ts";

/** The answers to one message. What comes meanwhile is taken from the conversation itself. */
type Props = Pick<ComposerProps, "room" | "snapshot" | "summary" | "nameOf" | "me"> & {
  seq: number;
  moderates: boolean;
  actions: MessageActions;
  onClose: () => void;
};

export function ThreadPanel(props: Props) {
  const { room, snapshot, seq, me } = props;
  const [replyTo, setReplyTo] = useState<SentMessage | null>(null);
  const [editing, setEditing] = useState<SentMessage | null>(null);
  const loaded = useQuery({
    queryKey: ["chat", "thread", room.id, seq],
    queryFn: ({ signal }) => stoa.chat.thread(room.id, seq, { signal }),
    staleTime: 0,
  });
  const messages = inThread(seq, loaded.data ?? [], snapshot.messages, me);
  const write = (what: { replyTo?: MessageView; editing?: MessageView }) => {
    setReplyTo(what.replyTo && isSent(what.replyTo) ? what.replyTo : null);
    setEditing(what.editing && isSent(what.editing) ? what.editing : null);
  };
  const actions: MessageActions = {
    ...props.actions,
    reply: (message) => write({ replyTo: message }),
    edit: (message) => write({ editing: message }),
  };
  return (
    <SidePanel title="Thread" onClose={props.onClose}>
      {loaded.isError && (
        <Failed what="The thread" error={loaded.error} retry={() => void loaded.refetch()} />
      )}
      {loaded.isPending && messages.length === 0 && <Loading rows={3} />}
      <ThreadMessages {...props} messages={messages} actions={actions} />
      <Composer
        key={editing ? `edit ${editing.seq}` : "write"}
        {...props}
        {...{ replyTo, editing }}
        thread={seq}
        onDone={() => write({})}
        onEditLast={() => {
          const last = messages.findLast((one) => one.mine && one.body?.text);
          if (last) write({ editing: last });
        }}
        onSent={() => {}}
      />
    </SidePanel>
  );
}

function ThreadMessages(props: Props & { messages: MessageView[] }) {
  const { messages, nameOf, me, moderates, actions } = props;
  const [active, setActive] = useState<string | null>(null);
  const list = useRef<HTMLElement>(null);
  const bySeq = useMemo(() => new Map(messages.map((one) => [one.seq, one])), [messages]);
  const { length } = messages;
  useLayoutEffect(() => {
    if (length > 0 && list.current) list.current.scrollTop = list.current.scrollHeight;
  }, [length]);
  return (
    <section
      ref={list}
      aria-label="Messages of the thread"
      tabIndex={0}
      className="min-h-0 grow overflow-y-auto p-2"
    >
      {rowsOf(messages, null).map((row) => (
        <MessageItem
          key={row.message.key}
          {...row}
          quoted={bySeq.get(row.message.reply_to_seq ?? -1)}
          {...{ nameOf, me, moderates, actions }}
          direct={false}
          inThread
          isActive={active === row.message.key}
          isFlashed={false}
          watch={unwatched}
          onActive={setActive}
        />
      ))}
    </section>
  );
}

/** A thread is drawn whole: nobody has to know how high its rows are. */
function unwatched(): undefined {
  return undefined;
}
