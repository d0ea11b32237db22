import type { ChatListed, ChatMessage } from "./frames.ts";
import { roomOf } from "./rooms.ts";
import { setDue, touch, type Machine, type Room, type Unsent, type UntoldDraft } from "./state.ts";
import { shownMessages } from "./window.ts";

/**
 * What is kept, made of values that nobody changes afterwards. A conversation is one record,
 * because its messages and its cursor hold together: a cursor ahead of its messages were a hole
 * that nobody looks for. Several pages may write it; whichever was last, it is consistent.
 */
const storedMessagesMax = 50;

type DeviceRecord = { device_id: string; account_id: string | null };
type RoomRecord = {
  listed: ChatListed;
  cursor: number;
  state_rev: number;
  messages: ChatMessage[];
  read_wanted: number;
  delivered_told: number;
  draft: UntoldDraft | undefined;
};

export function storeChanges(m: Machine): void {
  const records = new Map<string, unknown>();
  if (m.stored.device) {
    const device: DeviceRecord = { device_id: m.deviceId, account_id: m.accountId };
    records.set("device", device);
  }
  for (const id of m.stored.outbox) {
    const unsent = m.outbox.get(id);
    records.set(`outbox/${id}`, unsent && { ...unsent });
  }
  for (const id of m.stored.rooms) {
    const room = m.rooms.get(id);
    records.set(`conversation/${id}`, room && recordOf(room));
  }
  m.stored = { rooms: new Set(), outbox: new Set(), device: false };
  m.due.delete("store");
  if (records.size > 0) m.effects.push({ type: "store", records });
}

function recordOf(room: Room): RoomRecord {
  const { conversation, own, peer, last, window } = room;
  return {
    listed: { conversation, own, peer, last_message: last },
    cursor: room.cursor,
    state_rev: room.stateRev,
    messages: window?.live ? shownMessages(room).slice(-storedMessagesMax) : [],
    read_wanted: room.readWanted,
    delivered_told: room.deliveredTold,
    draft: room.draft,
  };
}

/** Puts back what was kept; what was written before this moment stays as it is. */
export function restore(m: Machine, records: ReadonlyMap<string, unknown>): void {
  const device = records.get("device") as DeviceRecord | undefined;
  if (device) {
    m.deviceId = device.device_id;
    m.accountId = device.account_id;
  } else m.stored.device = true;
  for (const [key, value] of records) {
    if (key.startsWith("conversation/")) restoreRoom(m, value as RoomRecord);
  }
  for (const [key, value] of records) {
    const id = key.slice(key.indexOf("/") + 1);
    if (key.startsWith("outbox/") && !m.outbox.has(id)) restoreUnsent(m, value as Unsent);
  }
  if (m.rooms.size > 0) m.listLoaded = true;
  m.changed.list = true;
}

function restoreRoom(m: Machine, record: RoomRecord): void {
  const room = roomOf(record.listed, -1);
  const { messages } = record;
  room.cursor = record.cursor;
  room.stateRev = record.state_rev;
  room.readWanted = record.read_wanted;
  room.deliveredTold = record.delivered_told;
  // The page that kept it may have asked since.
  room.draft = record.draft && { ...record.draft, asked: true };
  const [first, last] = [messages[0], messages.at(-1)];
  if (first && last) {
    for (const message of messages) room.messages.set(message.seq, message);
    room.window = { low: first.seq, high: last.seq, live: true };
  }
  room.looks = m.early.get(room.id) ?? 0;
  m.early.delete(room.id);
  m.rooms.set(room.id, room);
  if (room.draft) setDue(m, `draft/${room.id}`, m.now);
  touch(m, room);
  m.stored.rooms.delete(room.id);
}

/** Another page may have kept the message already when the one that sent it was closed. */
function arrived(m: Machine, { conversation_id, client_msg_id }: Unsent): boolean {
  const room = m.rooms.get(conversation_id);
  const isIt = (message: ChatMessage) =>
    message.client_msg_id === client_msg_id && message.sender_id === m.accountId;
  return room !== undefined && [...room.messages.values()].some(isIt);
}

function restoreUnsent(m: Machine, unsent: Unsent): void {
  if (arrived(m, unsent)) {
    m.stored.outbox.add(unsent.client_msg_id);
    return;
  }
  const state = unsent.state === "failed" ? "failed" : "waiting";
  m.outbox.set(unsent.client_msg_id, { ...unsent, state, notBefore: 0 });
}
