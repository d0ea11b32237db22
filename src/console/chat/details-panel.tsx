import { useState } from "react";
import { useLocation } from "wouter";
import type { ConversationClient } from "../../../sdk/chat/client.ts";
import type { ConversationSnapshot, ConversationSummary } from "../../../sdk/chat/view.ts";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/dialog.tsx";
import { attempt } from "./attempt.ts";
import { ForOneself } from "./for-oneself.tsx";
import type { NameOf } from "./labels.ts";
import { InviteLinks } from "./invite-links.tsx";
import { MemberList } from "./member-list.tsx";
import { SidePanel } from "./panel.tsx";
import { SettingsForm } from "./settings-form.tsx";
import { useChat } from "./use-chat.ts";
import { FilterList, inConversation } from "./word-filters.tsx";

/** What a conversation is set to, for oneself and for everybody, and who is in it. */
type Leaving = "leave" | "delete" | "block" | null;

export function DetailsPanel(props: {
  room: ConversationClient;
  snapshot: ConversationSnapshot;
  summary: ConversationSummary;
  nameOf: NameOf;
  me: string;
  onClose: () => void;
}) {
  const { room, snapshot, summary, me } = props;
  const { conversation, own, peer } = summary;
  const [leaving, setLeaving] = useState<Leaving>(null);
  const shared = conversation.kind !== "direct";
  const runs = own.role !== "member";
  return (
    <SidePanel title="Settings" onClose={props.onClose}>
      <div className="flex min-h-0 grow flex-col gap-6 overflow-y-auto p-4">
        <ForOneself room={room} summary={summary} />
        <SettingsForm room={room} summary={summary} />
        {shared && runs && <InviteLinks room={room} />}
        {shared && (runs || conversation.kind === "group") && (
          <MemberList {...{ room, snapshot, summary, me }} />
        )}
        {shared && runs && (
          <section aria-label="Word filters">
            <h3 className="mb-2 text-sm font-semibold">Word filters</h3>
            <FilterList where={inConversation(room.id)} />
          </section>
        )}
        <div className="flex flex-wrap gap-2 border-t border-line pt-4">
          {peer && (
            <Button kind="danger" icon="lock" onClick={() => setLeaving("block")}>
              Block {peer.name}
            </Button>
          )}
          {shared && (
            <Button kind="danger" icon="exit" onClick={() => setLeaving("leave")}>
              Leave
            </Button>
          )}
          {shared && own.role === "owner" && (
            <Button kind="danger" icon="trash" onClick={() => setLeaving("delete")}>
              Delete for everybody
            </Button>
          )}
        </div>
      </div>
      {leaving && <Leave what={leaving} {...{ room, summary }} onClose={() => setLeaving(null)} />}
    </SidePanel>
  );
}

function Leave(props: {
  what: Exclude<Leaving, null>;
  room: ConversationClient;
  summary: ConversationSummary;
  onClose: () => void;
}) {
  const { what, room, summary, onClose } = props;
  const chat = useChat();
  const [, navigate] = useLocation();
  const peer = summary.peer;
  const texts = {
    leave: ["Leave", `Leave ${summary.title}?`, "You will get no more of its messages."],
    delete: [
      "Delete for everybody",
      `Delete ${summary.title}?`,
      "It is gone for all members, with everything that was said in it.",
    ],
    block: [
      "Block",
      `Block ${peer?.name}?`,
      "Neither of you can write to the other alone, nor add the other to a group. They are not told.",
    ],
  } as const;
  const deeds = {
    leave: () => attempt(room.leave(), "You left"),
    delete: () => attempt(stoa.chat.deleteConversation(room.id), "Deleted"),
    block: () => attempt(chat.block(peer?.account_id ?? ""), "Blocked"),
  };
  const [action, title, text] = texts[what];
  return (
    <Confirm
      title={title}
      action={action}
      keep="Cancel"
      onClose={onClose}
      onConfirm={async () => {
        if (!(await deeds[what]())) throw new Error("not done");
        if (what !== "block") navigate("/chat");
      }}
    >
      {text}
    </Confirm>
  );
}
