import type { MessageView } from "../../../sdk/chat/view.ts";

/** Messages as they stand in the list: what is drawn above each, and who begins to speak. */
export type Row = {
  message: MessageView;
  /** The day that begins with it, as YYYY-MM-DD of this place. */
  day: string | null;
  /** The first one that was not read when the conversation was opened. */
  unread: boolean;
  /** Somebody else spoke before, or it is a while ago: says who speaks. */
  begins: boolean;
};

const pauseMs = 5 * 60_000;

export function rowsOf(messages: readonly MessageView[], unreadFrom: number | null): Row[] {
  let before: MessageView | null = null;
  let marked = unreadFrom === null;
  return messages.map((message) => {
    const today = dayOf(message.created_at);
    const day = before && dayOf(before.created_at) === today ? null : today;
    const unread = !marked && !message.mine && message.seq !== null && message.seq >= unreadFrom!;
    if (unread) marked = true;
    const begins = day !== null || unread || !before || !continues(before, message);
    before = message;
    return { message, day, unread, begins };
  });
}

function continues(before: MessageView, message: MessageView): boolean {
  return (
    before.sender_id === message.sender_id &&
    !before.body?.note &&
    !message.body?.note &&
    Date.parse(message.created_at) - Date.parse(before.created_at) < pauseMs
  );
}

export function dayOf(iso: string): string {
  const time = new Date(iso);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
}
