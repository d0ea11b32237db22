import type { MessageView } from "../../../sdk/chat/view.ts";
import { copyText, IconButton } from "../ui/button.tsx";
import { Menu, type MenuItem } from "../ui/menu.tsx";
import { reactionChoices, reactionNames, type MessageActions } from "./actions.ts";
import { isClosed } from "./poll.tsx";

/** What can be done with one message, for a pointer, a finger and the keyboard alike. */
export function MessageMenu(props: {
  message: MessageView;
  actions: MessageActions;
  /** May delete what others wrote, and pin. */
  moderates: boolean;
  direct: boolean;
  inThread: boolean;
  isActive: boolean;
}) {
  const { message, actions, isActive } = props;
  const tabIndex = isActive ? 0 : -1;
  return (
    <div className="message-tools">
      <IconButton
        icon="reply"
        label="Reply"
        className="pointer-coarse:hidden"
        tabIndex={tabIndex}
        onClick={() => actions.reply(message)}
      />
      <Menu
        label="Message actions"
        icon="more"
        tabIndex={tabIndex}
        items={itemsOf(props)}
        top={
          <div role="group" aria-label="React" className="flex gap-0.5 p-1">
            {reactionChoices.map((emoji) => (
              <button
                key={emoji}
                type="button"
                aria-label={`React: ${reactionNames[emoji]}`}
                className="size-9 rounded-lg text-lg hover:bg-sunken pointer-coarse:size-11"
                onClick={() => actions.react(message, emoji)}
              >
                {emoji}
              </button>
            ))}
          </div>
        }
      />
    </div>
  );
}

function itemsOf({
  message,
  actions,
  moderates,
  direct,
  inThread,
}: Parameters<typeof MessageMenu>[0]) {
  const { mine, body, pinned_at } = message;
  const text = body?.text ?? "";
  const items: (MenuItem | false | undefined)[] = [
    { label: "Reply", icon: "reply", onChoose: () => actions.reply(message) },
    !direct &&
      !inThread && {
        label: "Reply in a thread",
        icon: "thread",
        onChoose: () => actions.thread(message),
      },
    text !== "" && {
      label: "Copy text",
      icon: "copy",
      onChoose: () => void copyText(text, "Text"),
    },
    { label: "Forward", icon: "forward", onChoose: () => actions.ask("forward", message) },
    (direct || moderates) && {
      label: pinned_at ? "Unpin" : "Pin",
      icon: "pin",
      onChoose: () => actions.pin(message),
    },
    mine && {
      label: "Who has read it",
      icon: "info",
      onChoose: () => actions.ask("receipts", message),
    },
    mine && text !== "" && { label: "Edit", icon: "edit", onChoose: () => actions.edit(message) },
    !mine && { label: "Report", icon: "reports", onChoose: () => actions.ask("report", message) },
    (mine || moderates) &&
      body?.poll &&
      !isClosed(message.extra, body.poll) && {
        label: "Close the poll",
        icon: "lock",
        onChoose: () => actions.ask("close_poll", message),
      },
    (mine || moderates) && {
      label: "Delete",
      icon: "trash",
      danger: true,
      onChoose: () => actions.ask("delete", message),
    },
  ];
  return items.filter((item) => item !== false && item !== undefined);
}
