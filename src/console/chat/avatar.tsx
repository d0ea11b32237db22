import type { PresenceView } from "../../../sdk/chat/view.ts";
import { Icon } from "../ui/icons.tsx";

/** Who it is, at a glance: initials on a colour that stays theirs, and whether they are there. */
const looks = [
  "bg-accent-soft text-accent",
  "bg-warn-soft text-warn",
  "bg-danger-soft text-danger",
  "bg-sunken text-muted",
] as const;

export function Avatar(props: {
  name: string;
  group?: boolean;
  small?: boolean;
  presence?: PresenceView | undefined;
}) {
  const size = props.small ? "size-7 text-[0.6875rem]" : "size-10 text-sm";
  return (
    <span className="relative inline-flex shrink-0">
      <span
        aria-hidden="true"
        className={`flex items-center justify-center rounded-full font-medium ${size} ${lookOf(props.name)}`}
      >
        {props.group ? <Icon name="accounts" /> : initialsOf(props.name)}
      </span>
      <PresenceDot presence={props.presence} />
    </span>
  );
}

function PresenceDot(props: { presence: PresenceView | undefined }) {
  const status = props.presence?.status ?? "offline";
  if (status === "offline") return null;
  const look = status === "active" ? "bg-accent" : "border-2 border-warn bg-surface";
  return (
    <span
      role="img"
      aria-label={status === "active" ? "online" : "away"}
      className={`absolute -right-0.5 -bottom-0.5 size-3 rounded-full ring-2 ring-bg ${look}`}
    />
  );
}

export function initialsOf(name: string): string {
  const words = name.split(/[\s._-]+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters.map((word) => [...(word ?? "?")][0]?.toUpperCase() ?? "?").join("");
}

function lookOf(name: string): string {
  let sum = 0;
  for (const char of name) sum = (sum * 31 + (char.codePointAt(0) ?? 0)) % 997;
  return looks[sum % looks.length] as string;
}
