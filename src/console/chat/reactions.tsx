import type { MessageView } from "../../../sdk/chat/view.ts";
import { reactionNames, type MessageActions } from "./actions.ts";
import { listOf, type NameOf } from "./labels.ts";

/** Who reacted how, below the message; a press adds one's own or takes it back. */
export function Reactions(props: {
  message: MessageView;
  me: string;
  nameOf: NameOf;
  onReact: MessageActions["react"];
}) {
  const { message, me, nameOf, onReact } = props;
  const reactions = message.extra.reactions ?? [];
  if (reactions.length === 0) return null;
  return (
    <ul
      aria-label="Reactions"
      className={`-mt-1 flex flex-wrap gap-1 px-1 ${message.mine ? "justify-end" : ""}`}
    >
      {reactions.map(({ emoji, count, by }) => {
        const own = by.includes(me);
        const who = listOf(by.map(nameOf), 3);
        return (
          <li key={emoji}>
            <button
              type="button"
              aria-pressed={own}
              aria-label={`${reactionNames[emoji] ?? emoji}, ${count}: ${who}`}
              title={who}
              className="flex min-h-6 items-center gap-1 rounded-full border border-line bg-surface px-2 text-xs aria-pressed:border-accent aria-pressed:bg-accent-soft pointer-coarse:min-h-9"
              onClick={() => onReact(message, emoji)}
            >
              {emoji} <span className="tabular-nums">{count}</span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}
