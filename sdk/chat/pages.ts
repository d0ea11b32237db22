import type { LoadKind } from "./inputs.ts";
import { ask, touch, type Machine, type Room } from "./state.ts";
import { beginEmpty, discardWindow } from "./window.ts";

/** How messages come to be in a window, and how far a conversation's cursor is. */
const pageMessages = 50;

/**
 * Goes on from a state that was read as a whole. Nothing that is here of the messages is sure to
 * be as they are at that rev, nor is what a page on its way says, so they are loaded anew.
 */
export function jump(m: Machine, room: Room, rev: number): void {
  discardWindow(room);
  room.cursor = rev;
  settleAhead(room);
  const { load } = room;
  room.load = null;
  if (load) m.calls.delete(load.call);
  if (load || room.looks > 0) startLoad(m, room, "latest");
  if (room.members) ask(m, { what: "members", id: room.id });
}

/** The cursor moves over what is here already, and no further. */
export function settleAhead(room: Room): void {
  while (room.ahead.delete(room.cursor + 1)) room.cursor++;
  if (room.ahead.size === 0) return;
  for (const rev of room.ahead) if (rev <= room.cursor) room.ahead.delete(rev);
}

export function startLoad(m: Machine, room: Room, kind: LoadKind, seq = 0): void {
  const { window, conversation, own } = room;
  if (kind === "latest" && conversation.top_seq <= own.from_seq) {
    if (!window) beginEmpty(room);
    return touch(m, room);
  }
  if (room.load) m.calls.delete(room.load.call);
  const where =
    kind === "older"
      ? { before: window?.low ?? 0 }
      : kind === "newer"
        ? { after: window?.high ?? 0 }
        : kind === "around"
          ? { around: seq }
          : {};
  const call = ask(m, { what: "history", id: room.id, kind, ...where, limit: pageMessages });
  room.load = { call, kind, topSeq: conversation.top_seq };
  room.loadError = null;
  touch(m, room);
}

/** How far messages got is shown where somebody looks; nobody counts it in a channel. */
export function askReceipts(m: Machine, room: Room): void {
  if (room.conversation.kind !== "channel") ask(m, { what: "receipts", id: room.id });
}
