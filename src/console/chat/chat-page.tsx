import { useEffect, useState } from "react";
import { useLocation } from "wouter";
import { IconButton } from "../ui/button.tsx";
import { Menu } from "../ui/menu.tsx";
import { BlocksDialog } from "./blocks-dialog.tsx";
import { ConnectionBanner } from "./connection-banner.tsx";
import { ConversationList } from "./conversation-list.tsx";
import { NewConversation } from "./new-conversation.tsx";
import { Room } from "./room.tsx";
import { ScheduledPage } from "./scheduled-page.tsx";
import { StatusDialog } from "./status-dialog.tsx";
import { useChatSnapshot } from "./use-chat.ts";

/** Stands in the address where the id of a conversation does; ids are numbers. */
const scheduledPlace = "scheduled";

/** On a desk the list and a conversation side by side; on a phone one leads to the other. */
export function ChatPage(props: { id: string | null }) {
  const { id } = props;
  const snapshot = useChatSnapshot();
  const [, navigate] = useLocation();
  const [dialog, setDialog] = useState<"new" | "blocks" | "status" | null>(null);
  const unread = snapshot.unread_conversations;
  useEffect(() => {
    document.title = `${unread > 0 ? `(${unread}) ` : ""}Chat · Stoa`;
  }, [unread]);
  const Title = id === null ? "h1" : "h2";
  const close = () => setDialog(null);
  return (
    <div className="chat-page" data-room={id === null ? undefined : "open"}>
      <ConnectionBanner snapshot={snapshot} />
      <div className="chat-columns">
        <section aria-label="Your conversations" className="chat-list">
          <header className="flex items-center gap-1 px-4 pt-4 pb-2">
            <Title tabIndex={-1} className="grow font-serif text-2xl">
              Chat
            </Title>
            <IconButton icon="plus" label="New conversation" onClick={() => setDialog("new")} />
            <MoreMenu onDialog={setDialog} />
          </header>
          {snapshot.loaded ? (
            <ConversationList snapshot={snapshot} here={id} onNew={() => setDialog("new")} />
          ) : (
            <div role="status" aria-label="Loading" className="flex flex-col gap-2 p-3">
              {Array.from({ length: 6 }, (_, i) => (
                <div key={i} className="skeleton h-14" />
              ))}
            </div>
          )}
        </section>
        {id === null ? (
          <NothingOpen />
        ) : id === scheduledPlace ? (
          <ScheduledPage snapshot={snapshot} />
        ) : (
          <Room key={id} id={id} />
        )}
      </div>
      {dialog === "new" && (
        <NewConversation
          onClose={close}
          onMade={(made) => {
            close();
            navigate(`/chat/${made}`);
          }}
        />
      )}
      {dialog === "blocks" && <BlocksDialog onClose={close} />}
      {dialog === "status" && <StatusDialog onClose={close} />}
    </div>
  );
}

function MoreMenu({ onDialog }: { onDialog: (dialog: "blocks" | "status") => void }) {
  const [, navigate] = useLocation();
  return (
    <Menu
      label="More"
      icon="more"
      items={[
        {
          label: "Scheduled messages",
          icon: "clock",
          onChoose: () => navigate(`/chat/${scheduledPlace}`),
        },
        { label: "Who sees you online", icon: "accounts", onChoose: () => onDialog("status") },
        { label: "Blocked people", icon: "lock", onChoose: () => onDialog("blocks") },
      ]}
    />
  );
}

function NothingOpen() {
  return (
    <div className="hidden items-center justify-center p-8 text-center text-muted md:flex">
      <p className="max-w-xs">
        Choose a conversation, or start one. Messages are kept for you while you are away.
      </p>
    </div>
  );
}
