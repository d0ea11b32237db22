import { useQuery } from "@tanstack/react-query";
import type { ConversationClient } from "../../../sdk/chat/client.ts";
import type { ConversationSnapshot } from "../../../sdk/chat/view.ts";
import { stoa } from "../stoa.ts";
import { Failed, Loading } from "../ui/page.tsx";
import type { MessageActions } from "./actions.ts";
import { momentLabel, summaryOf, type NameOf } from "./labels.ts";
import { isOverMessages, SidePanel } from "./panel.tsx";

/** What was pinned, newest first; asked for again whenever a pin here comes or goes. */
export function PinsPanel(props: {
  room: ConversationClient;
  snapshot: ConversationSnapshot;
  nameOf: NameOf;
  actions: MessageActions;
  onClose: () => void;
}) {
  const { room, snapshot, nameOf, actions } = props;
  const here = snapshot.messages.filter((one) => one.pinned_at).map((one) => one.seq);
  const pins = useQuery({
    queryKey: ["chat", "pins", room.id, here.join()],
    queryFn: ({ signal }) => stoa.chat.pins(room.id, { signal }),
    placeholderData: (before) => before,
  });
  return (
    <SidePanel title="Pinned messages" onClose={props.onClose}>
      <div className="min-h-0 grow overflow-y-auto p-2">
        {pins.isPending ? (
          <Loading rows={2} />
        ) : pins.isError ? (
          <Failed what="The pins" error={pins.error} retry={() => void pins.refetch()} />
        ) : pins.data.length === 0 ? (
          <p className="p-2 text-muted">
            Nothing is pinned. Pin what everybody should find again from a message's menu.
          </p>
        ) : (
          <ul>
            {pins.data.map((message) => (
              <li key={message.seq}>
                <button
                  type="button"
                  className="block w-full rounded-lg px-2.5 py-2 text-left hover:bg-sunken"
                  onClick={() => {
                    actions.jump(message.seq);
                    if (isOverMessages()) props.onClose();
                  }}
                >
                  <span className="flex gap-2 text-xs text-muted">
                    <span className="min-w-0 grow truncate">{nameOf(message.sender_id)}</span>
                    <span>{momentLabel(message.created_at)}</span>
                  </span>
                  <span className="line-clamp-3">{summaryOf(message, nameOf)}</span>
                </button>
              </li>
            ))}
          </ul>
        )}
      </div>
    </SidePanel>
  );
}
