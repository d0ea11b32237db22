import type { Framed } from "./inputs.ts";
import type { ChatReceipts } from "./frames.ts";
import { redraw, setDue, type Machine } from "./state.ts";

/** Ticks and typing: what is shown as it comes, and harms nobody when it does not. */
const typingMs = 6_000;

export function takeReceipt(m: Machine, receipts: ChatReceipts): void {
  const room = m.rooms.get(receipts.conversation_id);
  if (!room || (room.receipts?.receipts_rev ?? -1) > receipts.receipts_rev) return;
  room.receipts = receipts;
  redraw(m, room);
}

export function takeTyping(m: Machine, frame: Framed<"typing">): void {
  const room = m.rooms.get(frame.conversation_id);
  if (!room || frame.account_id === m.accountId) return;
  if (frame.on) {
    room.typing.set(frame.account_id, m.now + typingMs);
    setDue(m, "typing", m.now + typingMs, true);
  } else room.typing.delete(frame.account_id);
  redraw(m, room);
}

export function expireTyping(m: Machine): void {
  for (const room of m.rooms.values()) {
    for (const [accountId, until] of room.typing) {
      if (until > m.now) setDue(m, "typing", until, true);
      else if (room.typing.delete(accountId)) redraw(m, room);
    }
  }
}
