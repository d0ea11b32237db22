import type { ServerFrame } from "./frames.ts";
import type { Answer, Framed, Refusal } from "./inputs.ts";
import { settleAhead } from "./pages.ts";
import {
  applyConversation,
  applyListed,
  applyMembers,
  applyMessage,
  changesMax,
  noteTop,
} from "./rooms.ts";
import { noteSelf, takeSelf, wantList } from "./self.ts";
import { takeReceipt, takeTyping } from "./signs.ts";
import { ask, backoff, setDue, touch, type Machine, type Room } from "./state.ts";

/**
 * How a client knows that it missed something, and gets it. Each change of a conversation has the
 * next rev. A frame with the next one moves the cursor; one beyond is applied, because it is a
 * whole state and the newer one counts, but the cursor waits until what lies between was fetched.
 * Beats say how far each conversation is, so a lost last frame is noticed too. The account's own
 * things work alike: `self_rev` is the cursor, and the list that follows a `hello` the repair.
 */
const repairsAtOnceMax = 4;
const changesPage = 200;
/** Frames that overtook others are waited for, and a herd does not ask in one moment. */
const repairDelayMs = 250;
const retryFirstMs = 500;
const retryMsMax = 30_000;
/** Ticks that lag behind harm nobody. */
const receiptsDelayMs = 2_000;

export function takeFrame(m: Machine, frame: ServerFrame): void {
  switch (frame.type) {
    case "message":
      return takeChange(m, frame.message.conversation_id, frame);
    case "conversation":
      return takeChange(m, frame.conversation.id, frame);
    case "changes":
      return takeTold(m, frame);
    case "self":
      return takeSelf(m, frame);
    case "receipt":
      return takeReceipt(m, frame);
    case "typing":
      return takeTyping(m, frame);
    case "presence":
      for (const { account_id, ...shown } of frame.items) m.presence.set(account_id, shown);
      m.presence = new Map(m.presence);
      m.changed.list = true;
      return;
    case "beat":
    case "resync":
      return takeTops(m, frame);
    default:
  }
}

function takeChange(
  m: Machine,
  id: string,
  frame: Framed<"message"> | Framed<"conversation">,
): void {
  const room = m.rooms.get(id);
  // A conversation just joined: `self` brings its state.
  if (!room) return;
  apply(m, room, frame);
  if (frame.rev > room.cursor) room.ahead.add(frame.rev);
  settleAhead(room);
  noteTop(m, room, frame.rev, m.random() * repairDelayMs);
}

/** What the server had to fetch itself: it covers every rev after `since`. */
function takeTold(m: Machine, { conversation_id, since, rev, frames }: Framed<"changes">): void {
  const room = m.rooms.get(conversation_id);
  if (!room) return;
  for (const frame of frames) apply(m, room, frame as ServerFrame);
  if (since <= room.cursor) room.cursor = Math.max(room.cursor, rev);
  settleAhead(room);
  noteTop(m, room, rev, m.random() * repairDelayMs);
}

function apply(m: Machine, room: Room, frame: ServerFrame): void {
  if (frame.type === "message") applyMessage(m, room, frame.message);
  if (frame.type === "conversation") {
    applyConversation(room, frame.conversation);
    room.topRev = Math.max(room.topRev, frame.conversation.rev);
    applyMembers(m, room, frame.members ?? []);
    touch(m, room);
  }
}

function takeTops(m: Machine, { self_rev, tops }: Framed<"beat"> | Framed<"resync">): void {
  noteSelf(m, self_rev);
  for (const [id, , rev, receiptsRev] of tops) {
    const room = m.rooms.get(id);
    if (!room) continue;
    noteTop(m, room, rev, m.random() * repairDelayMs);
    if (room.looks === 0 || receiptsRev <= (room.receipts?.receipts_rev ?? -1)) continue;
    setDue(m, `receipts/${id}`, m.now + m.random() * receiptsDelayMs, true);
  }
}

export function repairRoom(m: Machine, id: string): void {
  const room = m.rooms.get(id);
  if (!room || room.cursor >= room.topRev || m.link.phase !== "online") return;
  if (room.repair.call > 0) return;
  m.repairs.add(id);
  pump(m);
}

/** A few at a time, what is on the screen first. */
function pump(m: Machine): void {
  let busy = [...m.rooms.values()].filter((room) => room.repair.call > 0).length;
  const waiting = [...m.repairs].toSorted((a, b) => looksOf(m, b) - looksOf(m, a));
  for (const id of waiting) {
    if (busy >= repairsAtOnceMax) return;
    m.repairs.delete(id);
    const room = m.rooms.get(id);
    if (!room || room.repair.call > 0 || room.cursor >= room.topRev) continue;
    if (room.topRev - room.cursor <= changesMax) askChanges(m, room);
    else room.repair.call = ask(m, { what: "conversation", id });
    busy++;
  }
}

export function askChanges(m: Machine, room: Room): void {
  if (room.repair.call > 0) return;
  const { id, cursor: since } = room;
  room.repair.call = ask(m, { what: "changes", id, since, limit: changesPage });
}

function looksOf(m: Machine, id: string): number {
  return m.rooms.get(id)?.looks ?? 0;
}

export function takeChanges(m: Machine, id: string, answer: Answer & { what: "changes" }): void {
  const room = m.rooms.get(id);
  if (!room) return pump(m);
  for (const frame of answer.frames) apply(m, room, frame);
  const moved = answer.rev > room.cursor;
  room.cursor = Math.max(room.cursor, answer.rev);
  settleAhead(room);
  room.topRev = Math.max(room.topRev, room.cursor);
  room.repair = { call: 0, tries: moved ? 0 : room.repair.tries + 1 };
  touch(m, room);
  repairFurther(m, room, moved);
}

/** Its state as a whole, because it was too far ahead for its changes. */
export function takeConversation(
  m: Machine,
  id: string,
  answer: Answer & { what: "conversation" },
): void {
  const room = m.rooms.get(id);
  if (!room) return pump(m);
  const before = room.cursor;
  // What is one's own in it was read at a moment that nobody knows.
  applyListed(m, answer.listed, -1);
  room.repair = { call: 0, tries: room.cursor > before ? 0 : room.repair.tries + 1 };
  repairFurther(m, room, room.cursor > before);
}

function repairFurther(m: Machine, room: Room, moved: boolean): void {
  const wait = moved ? 0 : backoff(m, room.repair.tries, retryFirstMs, retryMsMax);
  if (room.cursor < room.topRev) setDue(m, `repair/${room.id}`, m.now + wait);
  else noteTop(m, room, room.cursor, 0);
  pump(m);
}

export function repairRefused(m: Machine, id: string, refusal: Refusal): void {
  const room = m.rooms.get(id);
  if (room) {
    room.repair = { call: 0, tries: room.repair.tries + 1 };
    const wait = backoff(m, room.repair.tries, retryFirstMs, retryMsMax);
    setDue(m, `repair/${id}`, m.now + (refusal.retry_after_ms ?? 0) + wait);
    // A member no more, it seems; the list says so for sure.
    if (refusal.status === 404 || refusal.status === 403) wantList(m, "list");
  }
  pump(m);
}
