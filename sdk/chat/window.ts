import type { ChatMessage } from "./frames.ts";
import type { LoadKind } from "./inputs.ts";
import type { Room } from "./state.ts";

/**
 * The messages of a conversation that are shown: an unbroken run of seqs, and beside it, while it
 * is live or a page is on its way, what came for later. A page is read at some moment, while newer
 * states of its messages may have come by the link before it arrives: those are kept aside until
 * then, so that the page never hides them.
 */
export const windowMessagesMax = 1_000;

/** The newer state of a message counts, however often and in whatever order they come. */
export function place(room: Room, message: ChatMessage, provisional = false): void {
  if (!isKept(room, message.seq)) return;
  const known = room.messages.get(message.seq);
  if (known && known.rev > message.rev) return;
  if (known && known.rev === message.rev && !room.provisional.has(message.seq)) return;
  if (provisional && known) return;
  room.messages.set(message.seq, message);
  if (provisional) room.provisional.add(message.seq);
  else room.provisional.delete(message.seq);
  grow(room);
}

function isKept(room: Room, seq: number): boolean {
  const { window } = room;
  if (seq <= room.own.from_seq) return false;
  if (room.load) return true;
  if (!window) return false;
  return seq >= window.low && (window.live || seq <= window.high);
}

/** What follows the end of the run without a hole becomes a part of it. */
function grow(room: Room): void {
  const { window } = room;
  if (!window?.live) return;
  while (room.messages.has(window.high + 1)) window.high++;
  if (window.high - window.low >= 2 * windowMessagesMax) {
    window.low = window.high - windowMessagesMax + 1;
    prune(room);
  }
}

/** An empty conversation is shown without asking for its messages. */
export function beginEmpty(room: Room): void {
  room.window = { low: room.own.from_seq + 1, high: room.own.from_seq, live: true };
}

/**
 * Takes a page that was asked for. False when it does not fit: a page of the newest messages
 * which ends before what was known when it was asked for.
 */
export function takePage(room: Room, kind: LoadKind, page: readonly ChatMessage[]): boolean {
  const topSeq = room.load?.topSeq ?? 0;
  const seqs = page.map((message) => message.seq);
  const low = seqs.length > 0 ? Math.min(...seqs) : room.own.from_seq + 1;
  const high = Math.max(low - 1, ...seqs);
  if (kind === "latest" && high < topSeq) return false;
  for (const message of page) place(room, message);
  const old = room.window;
  room.load = null;
  if (kind === "older" && old) {
    if (seqs.length > 0 && high >= old.low - 1) old.low = Math.min(low, old.low);
    cutNewest(room);
  } else if (kind === "newer" && old) {
    if (seqs.length > 0 && low <= old.high + 1) old.high = Math.max(high, old.high);
    cutOldest(room);
  } else room.window = { low, high, live: false };
  const { window } = room;
  if (window && !window.live && kind !== "older") {
    // What was kept aside may carry on where the page ends; what older ones pushed out does not.
    while (window.high < room.conversation.top_seq && room.messages.has(window.high + 1)) {
      window.high++;
    }
    window.live = window.high >= room.conversation.top_seq;
  }
  if (kind === "latest" && window) window.live = true;
  grow(room);
  prune(room);
  return true;
}

function cutNewest({ window }: Room): void {
  if (!window || window.high - window.low < windowMessagesMax) return;
  window.high = window.low + windowMessagesMax - 1;
  window.live = false;
}

function cutOldest({ window }: Room): void {
  if (!window || window.high - window.low < windowMessagesMax) return;
  window.low = window.high - windowMessagesMax + 1;
}

function prune(room: Room): void {
  for (const seq of room.messages.keys()) {
    if (isKept(room, seq)) continue;
    room.messages.delete(seq);
    room.provisional.delete(seq);
  }
}

export function discardWindow(room: Room): void {
  room.window = null;
  room.messages.clear();
  room.provisional.clear();
}

export function shownMessages({ window, messages }: Room): ChatMessage[] {
  const out: ChatMessage[] = [];
  if (!window) return out;
  for (let seq = window.low; seq <= window.high; seq++) {
    const message = messages.get(seq);
    if (message) out.push(message);
  }
  return out;
}

export function hasOlder({ window, own }: Room): boolean {
  return window !== null && window.low > own.from_seq + 1;
}
