import type { Command } from "./inputs.ts";
import { markRead, tellLook, tellPresence, tellTyping, writeDraft } from "./marks.ts";
import { compose, discard, retry } from "./outbox.ts";
import { askReceipts, startLoad } from "./pages.ts";
import { ask, isOnline, type Machine } from "./state.ts";
import { askChanges } from "./sync.ts";

/** What people do. */
export function command(m: Machine, input: Command): void {
  switch (input.type) {
    case "send":
      return compose(m, input);
    case "retry":
      return retry(m, input.client_msg_id);
    case "discard":
      return discard(m, input.client_msg_id);
    case "mark_read":
      return markRead(m, input.id, input.seq);
    case "typing":
      return tellTyping(m, input.id, input.on);
    case "draft":
      return writeDraft(m, input.id, input.text);
    case "watch_presence":
      m.watched = [...input.account_ids];
      return tellPresence(m);
    case "status":
      m.status = input.status;
      return tellPresence(m);
    case "look":
      return look(m, input.id, input.on);
    case "load":
    case "load_members":
      return load(m, input);
    default:
  }
}

function look(m: Machine, id: string, on: boolean): void {
  const room = m.rooms.get(id);
  if (!room) {
    m.early.set(id, Math.max(0, (m.early.get(id) ?? 0) + (on ? 1 : -1)));
    return;
  }
  const before = room.looks > 0;
  room.looks = Math.max(0, room.looks + (on ? 1 : -1));
  if (before === room.looks > 0) return;
  tellLook(m, room);
  if (!on) return;
  askReceipts(m, room);
  // A channel told nothing while nobody looked.
  if (room.conversation.kind === "channel" && isOnline(m)) askChanges(m, room);
  if (!room.window && !room.load) startLoad(m, room, "latest");
}

function load(m: Machine, input: Extract<Command, { type: "load" | "load_members" }>): void {
  const room = m.rooms.get(input.id);
  if (!room) return;
  if (input.type === "load_members") {
    room.members ??= new Map();
    ask(m, { what: "members", id: room.id });
    return;
  }
  const { kind, seq } = input;
  if ((kind === "older" || kind === "newer") && (room.load || !room.window)) return;
  if (kind === "newer" && room.window?.live) return;
  if (kind === "older" && (room.window?.low ?? 0) <= room.own.from_seq + 1) return;
  startLoad(m, room, kind, seq);
}
