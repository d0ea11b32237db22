import type { ChatConversation, ChatListed, ChatMember, ChatMessage, ChatOwn } from "./frames.ts";
import { askReceipts, jump, startLoad } from "./pages.ts";
import { setDue, touch, type Machine, type Room } from "./state.ts";
import { place } from "./window.ts";

/**
 * What is known of conversations: each piece of news makes it newer, or changes nothing.
 * A conversation that was not told of is not made up: the list brings it.
 */

/** Up to so many changes are asked for one by one; beyond, the messages are loaded anew. */
export const changesMax = 500;

export function roomOf(listed: ChatListed, ownAt: number): Room {
  const { conversation, own, peer, last_message } = listed;
  return {
    id: conversation.id,
    conversation,
    stateRev: conversation.rev,
    own,
    ownAt,
    peer,
    last: last_message,
    cursor: conversation.rev,
    topRev: conversation.rev,
    ahead: new Set(),
    messages: new Map(),
    provisional: new Set(),
    window: null,
    load: null,
    loadError: null,
    repair: { call: 0, tries: 0 },
    looks: 0,
    readWanted: 0,
    readTold: { seq: 0, times: 0, at: 0 },
    deliveredTold: own.delivered_seq,
    deliveredDue: undefined,
    receipts: null,
    members: null,
    typing: new Map(),
    typingTold: 0,
    draft: undefined,
  };
}

/** The state of a conversation as a whole, read when the account's `self_rev` was `at`. */
export function applyListed(m: Machine, listed: ChatListed, at: number): Room | null {
  const { id, rev } = listed.conversation;
  if ((m.gone.get(id) ?? -1) > at) return null;
  m.gone.delete(id);
  let room = m.rooms.get(id);
  if (!room) {
    room = roomOf(listed, at);
    m.rooms.set(id, room);
    takeUpLooks(m, room);
  } else {
    applyConversation(room, listed.conversation);
    if (at >= room.ownAt) applyOwn(m, room, listed.own, at);
    room.peer = listed.peer;
    if (listed.last_message) applyMessage(m, room, listed.last_message);
    const stale = rev - room.cursor;
    if (stale > 0 && (!room.window || stale > changesMax)) jump(m, room, rev);
  }
  noteTop(m, room, rev, 0);
  touch(m, room);
  return room;
}

/** Forgets what is known of it, and goes on from this state. */
export function replaceRoom(m: Machine, listed: ChatListed, at: number): void {
  const old = m.rooms.get(listed.conversation.id);
  if (!old) return;
  if (old.load) m.calls.delete(old.load.call);
  m.calls.delete(old.repair.call);
  const room = { ...roomOf(listed, at), looks: old.looks, draft: old.draft };
  m.rooms.set(room.id, room);
  if (room.looks > 0) startLoad(m, room, "latest");
  touch(m, room);
}

function applyOwn(m: Machine, room: Room, own: ChatOwn, at: number): void {
  const { read_seq, delivered_seq, from_seq } = room.own;
  room.own = {
    ...own,
    read_seq: Math.max(own.read_seq, read_seq),
    delivered_seq: Math.max(own.delivered_seq, delivered_seq),
  };
  room.ownAt = at;
  // Somebody who came back sees other messages than before.
  if (own.from_seq !== from_seq) jump(m, room, room.cursor);
}

export function applyConversation(room: Room, conversation: ChatConversation): void {
  const { top_seq, rev, last_message_at } = room.conversation;
  if (conversation.rev >= room.stateRev) {
    room.conversation = conversation;
    room.stateRev = conversation.rev;
  }
  raise(room, { top_seq, rev, last_message_at });
  raise(room, conversation);
}

/** These never go back, whatever order states come in. */
type Tops = Pick<ChatConversation, "top_seq" | "rev" | "last_message_at">;

function raise(room: Room, tops: Tops): void {
  const { conversation } = room;
  room.conversation = {
    ...conversation,
    top_seq: Math.max(conversation.top_seq, tops.top_seq),
    rev: Math.max(conversation.rev, tops.rev),
    last_message_at: latest(conversation.last_message_at, tops.last_message_at),
  };
}

/** Times are ISO 8601 in UTC, all of one length. */
function latest(a: string | null, b: string | null): string | null {
  return a !== null && (b === null || a > b) ? a : b;
}

export function applyMessage(
  m: Machine,
  room: Room,
  message: ChatMessage,
  provisional = false,
): void {
  const { last } = room;
  // Of before one came: a change of it counts as a change, and is not shown.
  if (message.seq <= room.own.from_seq) return;
  const newer = !last || message.seq > last.seq;
  const changed = last?.seq === message.seq && message.rev >= last.rev;
  if (newer || (changed && !provisional)) room.last = message;
  const { seq, rev, created_at } = message;
  raise(room, { top_seq: seq, rev, last_message_at: created_at });
  place(room, message, provisional);
  room.typing.delete(message.sender_id);
  if (message.sender_id === m.accountId) {
    // Whoever writes has read what is above.
    if (message.seq > room.own.read_seq) room.own = { ...room.own, read_seq: message.seq };
    forgetSent(m, message);
  }
  touch(m, room);
}

/** It is there, so it was sent, whether its ack was heard or not. */
function forgetSent(m: Machine, message: ChatMessage): void {
  const unsent = m.outbox.get(message.client_msg_id);
  if (unsent?.conversation_id !== message.conversation_id) return;
  m.outbox.delete(message.client_msg_id);
  m.stored.outbox.add(message.client_msg_id);
  setDue(m, `send/${message.conversation_id}`, m.now);
}

export function applyMembers(m: Machine, room: Room, members: readonly ChatMember[]): void {
  if (!room.members) return;
  const next = new Map(room.members);
  for (const member of members) {
    const known = next.get(member.account_id);
    if (!known || member.rev >= known.rev) next.set(member.account_id, member);
  }
  room.members = next;
  touch(m, room);
}

/** There are changes up to this rev; what is missing is asked for after a moment. */
export function noteTop(m: Machine, room: Room, rev: number, waitMs: number): void {
  room.topRev = Math.max(room.topRev, rev);
  if (room.topRev > room.cursor) setDue(m, `repair/${room.id}`, m.now + waitMs, true);
  else if (m.link.phase !== "stopped") setDue(m, "marks", m.now + 250, true);
}

/** The conversation was looked at before it was known. */
function takeUpLooks(m: Machine, room: Room): void {
  const early = m.early.get(room.id) ?? 0;
  m.early.delete(room.id);
  room.looks = early;
  if (early === 0) return;
  startLoad(m, room, "latest");
  askReceipts(m, room);
}

/** What waits to be sent to it stays: the server refuses it, or has it from before. */
export function removeRoom(m: Machine, id: string, at: number): void {
  m.gone.set(id, Math.max(at, m.gone.get(id) ?? -1));
  const room = m.rooms.get(id);
  if (!room || room.ownAt > at) return;
  m.rooms.delete(id);
  m.repairs.delete(id);
  if (room.looks > 0) m.early.set(id, room.looks);
  touch(m, room);
}
