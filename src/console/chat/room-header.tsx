import { useEffect } from "react";
import type { ConversationSummary, PresenceView } from "../../../sdk/chat/view.ts";
import { ago, plural } from "../messages.ts";
import { IconButton } from "../ui/button.tsx";
import { Avatar } from "./avatar.tsx";
import { BackToList } from "./back-to-list.tsx";
import { spanLabel, typingLabel, type NameOf } from "./labels.ts";
import type { Panel } from "./room.tsx";
import { useChatSnapshot } from "./use-chat.ts";

/** Who one talks with, and whether they are there. */
export function RoomHeader(props: {
  summary: ConversationSummary;
  typing: readonly string[];
  nameOf: NameOf;
  onPanel: (panel: Panel) => void;
}) {
  const { summary, typing, nameOf, onPanel } = props;
  const { presence } = useChatSnapshot();
  const { peer, conversation } = summary;
  const peerPresence = peer ? presence.get(peer.account_id) : undefined;
  useEffect(() => {
    document.title = `${summary.title} · Stoa`;
  }, [summary.title]);
  return (
    <header className="flex min-h-14 items-center gap-2 border-b border-line px-2 py-1.5 md:px-4">
      <BackToList />
      <Avatar
        name={summary.title}
        group={conversation.kind !== "direct"}
        small
        presence={peerPresence}
      />
      <div className="min-w-0 grow">
        <h1 className="truncate text-[0.9375rem] font-semibold">{summary.title}</h1>
        <p aria-live="polite" className="truncate text-xs text-muted">
          {typing.length > 0 ? typingLabel(typing, nameOf) : describe(summary, peerPresence)}
        </p>
      </div>
      <IconButton icon="pin" label="Pinned messages" onClick={() => onPanel("pins")} />
      <IconButton
        icon="search"
        label="Search this conversation"
        onClick={() => onPanel("search")}
      />
      <IconButton icon="settings" label="Settings" onClick={() => onPanel("details")} />
    </header>
  );
}

function describe(
  { conversation }: ConversationSummary,
  presence: PresenceView | undefined,
): string {
  const { kind, member_count, disappear_seconds: seconds } = conversation;
  const vanish = seconds === null ? "" : ` · messages disappear after ${spanLabel(seconds)}`;
  if (kind !== "direct") {
    return plural(member_count, kind === "group" ? "member" : "follower") + vanish;
  }
  if (presence?.status === "active") return `online${vanish}`;
  if (presence?.status === "away") return `away${vanish}`;
  const seen = presence?.last_seen_at;
  return (seen ? `last seen ${ago(seen)}` : "Direct conversation") + vanish;
}
