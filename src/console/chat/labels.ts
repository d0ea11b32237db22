import type { MessageView } from "../../../sdk/chat/view.ts";
import { plural } from "../messages.ts";
import { dayOf } from "./rows.ts";

/** Times, names and summaries as a person would say them. */
export type NameOf = (accountId: string) => string;

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "long" });
const dayAndMonth = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long" });
const wholeDate = new Intl.DateTimeFormat(undefined, { dateStyle: "long" });
const shortDate = new Intl.DateTimeFormat(undefined, { dateStyle: "short" });
const dayMs = 86_400_000;

export function timeOf(iso: string): string {
  return clock.format(new Date(iso));
}

/** `Today`, `Yesterday`, `Tuesday`, `3 May`, `3 May 2024`. */
export function dayLabel(iso: string, now = Date.now()): string {
  const time = new Date(iso);
  const day = dayOf(iso);
  for (const [days, label] of [
    [0, "Today"],
    [1, "Yesterday"],
  ] as const) {
    if (day === dayOf(new Date(now - days * dayMs).toISOString())) return label;
  }
  const age = now - time.getTime();
  if (age > 0 && age < 6 * dayMs) return weekday.format(time);
  const sameYear = time.getFullYear() === new Date(now).getFullYear();
  return (sameYear ? dayAndMonth : wholeDate).format(time);
}

/** `0:07`, `12:40`, `1:02:03`. */
export function clockOf(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (n: number) => String(n).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60];
  const rest = two(whole % 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}

/** As short as a list has room for. */
export function momentLabel(iso: string, now = Date.now()): string {
  const label = dayLabel(iso, now);
  if (label === "Today") return timeOf(iso);
  return /\d/.test(label) ? shortDate.format(new Date(iso)) : label;
}

export function bytesLabel(bytes: number): string {
  if (bytes < 1_000) return plural(bytes, "byte");
  if (bytes < 1_000_000) return `${Math.round(bytes / 1_000)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** `Ada`, `Ada and Bob`, `Ada, Bob and 3 others`. */
export function listOf(names: readonly string[], max = 2): string {
  if (names.length <= 1) return names[0] ?? "";
  if (names.length <= max) return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
  return `${names.slice(0, max).join(", ")} and ${plural(names.length - max, "other")}`;
}

export function typingLabel(ids: readonly string[], nameOf: NameOf): string {
  if (ids.length === 0) return "";
  return `${listOf(ids.map(nameOf))} ${ids.length === 1 ? "is" : "are"} typing…`;
}

type Written = Pick<MessageView, "body" | "sender_id" | "deleted_at">;

/** A message on one line, as lists and quotes show it. */
export function summaryOf(message: Written, nameOf: NameOf): string {
  const { body } = message;
  if (!body) return message.deleted_at ? "Deleted message" : "Message that disappeared";
  if (body.note) return noteText(body.note, nameOf(message.sender_id), nameOf);
  if (body.text) return body.text.replace(/\s+/g, " ");
  if (body.poll) return `Poll: ${body.poll.question}`;
  const [first, ...more] = body.attachments ?? [];
  if (!first) return "";
  const length = first.kind === "voice" ? first.duration_ms : undefined;
  if (length !== undefined) return `Voice message, ${clockOf(length / 1_000)}`;
  const kinds = { image: "Picture", file: "File", voice: "Voice message", video: "Video" };
  const name = first.name ? `${kinds[first.kind]}: ${first.name}` : kinds[first.kind];
  return more.length > 0 ? `${name} and ${plural(more.length, "more", "more")}` : name;
}

type Note = NonNullable<NonNullable<MessageView["body"]>["note"]>;

/** What Stoa itself writes into a conversation. */
export function noteText(note: Note, actor: string, nameOf: NameOf): string {
  const whom = listOf((note.account_ids ?? []).map(nameOf), 3);
  switch (note.what) {
    case "created":
      // A channel speaks for those who run it, and did not make itself.
      return actor === note.text ? `“${actor}” was made` : `${actor} made “${note.text ?? ""}”`;
    case "renamed":
      return `${actor} changed the title to “${note.text ?? ""}”`;
    case "disappear":
      return `${actor} set messages to disappear ${disappearing(note.text ?? "")}`;
    case "added":
      return `${actor} added ${whom}`;
    case "removed":
      return `${actor} removed ${whom}`;
    case "joined":
      return `${whom || actor} joined`;
    case "left":
      return `${whom || actor} left`;
    case "role":
      return `${actor} made ${whom} ${note.text === "member" ? "a member" : `an ${note.text}`}`;
    default:
      return note.text ?? `${actor}: ${note.what}`;
  }
}

function disappearing(seconds: string): string {
  const known = Number(seconds);
  return known > 0 ? `after ${spanLabel(known)}` : "no more";
}

/** `10 seconds`, `1 hour`, `7 days`. */
export function spanLabel(seconds: number): string {
  const steps: [number, string][] = [
    [86_400, "day"],
    [3_600, "hour"],
    [60, "minute"],
  ];
  for (const [size, unit] of steps) {
    if (seconds >= size && seconds % size === 0) return plural(seconds / size, unit);
  }
  return plural(seconds, "second");
}
