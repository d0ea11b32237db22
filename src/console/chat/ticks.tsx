import type { MessageView } from "../../../sdk/chat/view.ts";
import { Icon, type IconName } from "../ui/icons.tsx";

/** How far a message of one's own came: one tick sent, two delivered, two in colour read. */
const looks: Record<MessageView["status"], [icon: IconName, label: string, look: string]> = {
  pending: ["clock", "Waiting to be sent", ""],
  failed: ["warning", "Not sent", "text-danger"],
  sent: ["tick", "Sent", ""],
  delivered: ["ticks", "Delivered", ""],
  read: ["ticks", "Read", "text-accent"],
};

export function Ticks({ message }: { message: MessageView }) {
  const [icon, label, look] = looks[message.status];
  return (
    <span role="img" aria-label={label} title={label} data-status={message.status} className={look}>
      <Icon name={icon} className="size-3.5" />
    </span>
  );
}
