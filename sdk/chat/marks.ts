import {
  ask,
  isOnline,
  redraw,
  setDue,
  touch,
  transmit,
  type Machine,
  type Room,
} from "./state.ts";

/**
 * How far this device has and its person read, typing, drafts and presence. Read marks are a
 * number that only grows, kept until the server says that it has it; the rest is told as it is.
 */
/** In small conversations people watch the ticks; in large ones nobody looks at single ones. */
const deliveredDelayLargeMs = 3_000;
const smallMembersMax = 32;
const readDelayMs = 100;
const confirmMs = 10_000;
const tellTimesMax = 3;
/** A connection may send so many frames a second and not more. */
const toldAtOnceMax = 25;
const typingEveryMs = 3_000;
const draftDelayMs = 800;

export function markRead(m: Machine, id: string, seq?: number): void {
  const room = m.rooms.get(id);
  if (!room) return;
  const here = room.last?.seq ?? 0;
  const wanted = Math.min(seq ?? here, room.conversation.top_seq);
  if (wanted <= readSeq(room)) return;
  room.readWanted = wanted;
  setDue(m, "marks", m.now + readDelayMs, true);
  touch(m, room);
}

export function readSeq(room: Room): number {
  return Math.max(room.own.read_seq, room.readWanted);
}

/** Messages above what was read, and never counted one by one. */
export function unreadOf(room: Room): number {
  const { conversation, own } = room;
  return Math.max(0, conversation.top_seq - Math.max(readSeq(room), own.from_seq));
}

/** Tells what the server does not know yet; again, a few times, while nothing confirms it. */
export function tellMarks(m: Machine): void {
  if (!isOnline(m)) return;
  let told = 0;
  for (const room of m.rooms.values()) {
    if (told >= toldAtOnceMax) return setDue(m, "marks", m.now + 1_000, true);
    const read = readToTell(m, room);
    const delivered = deliveredToTell(m, room, read > 0);
    if (read === 0 && delivered === 0) continue;
    told++;
    transmit(m, {
      type: "receipt",
      conversation_id: room.id,
      ...(delivered > 0 ? { delivered_seq: delivered } : {}),
      ...(read > 0 ? { read_seq: read } : {}),
    });
  }
}

function readToTell(m: Machine, room: Room): number {
  const { readWanted, readTold } = room;
  if (readWanted <= room.own.read_seq) return 0;
  const times = readTold.seq === readWanted ? readTold.times : 0;
  if (times >= tellTimesMax || (times > 0 && m.now < readTold.at + confirmMs)) return 0;
  room.readTold = { seq: readWanted, times: times + 1, at: m.now };
  setDue(m, "marks", m.now + confirmMs, true);
  return readWanted;
}

/** Only once nothing is missing below: a message is delivered when it is here. */
function deliveredToTell(m: Machine, room: Room, atOnce: boolean): number {
  const { conversation, cursor, topRev, deliveredTold, own } = room;
  const seq = conversation.top_seq;
  if (cursor < topRev || seq <= Math.max(deliveredTold, own.from_seq, own.read_seq)) return 0;
  const small = conversation.member_count <= smallMembersMax;
  room.deliveredDue ??= m.now + (small ? 0 : m.random() * deliveredDelayLargeMs);
  if (!atOnce && m.now < room.deliveredDue) {
    setDue(m, "marks", room.deliveredDue, true);
    return 0;
  }
  room.deliveredDue = undefined;
  room.deliveredTold = seq;
  touch(m, room);
  return seq;
}

/** On a new link: what was told on the last one may not have arrived. */
export function retellMarks(m: Machine): void {
  for (const room of m.rooms.values()) {
    room.readTold = { seq: 0, times: 0, at: 0 };
    room.deliveredTold = Math.min(room.deliveredTold, room.own.delivered_seq);
  }
  tellMarks(m);
}

export function tellTyping(m: Machine, id: string, on: boolean): void {
  const room = m.rooms.get(id);
  if (!room || !isOnline(m)) return;
  if (on ? m.now < room.typingTold + typingEveryMs : room.typingTold === 0) return;
  room.typingTold = on ? m.now : 0;
  transmit(m, { type: "typing", conversation_id: id, on });
}

export function writeDraft(m: Machine, id: string, text: string | null): void {
  const room = m.rooms.get(id);
  if (!room) return;
  room.draft = { text: text === "" ? null : text, asked: room.draft?.asked ?? false };
  setDue(m, `draft/${id}`, m.now + draftDelayMs);
  touch(m, room);
}

/** What was written and sent, or taken back, before it was told needs no telling. */
export function tellDraft(m: Machine, room: Room): void {
  const { draft } = room;
  if (!draft) return;
  if (!draft.asked && draft.text === (room.own.draft?.text ?? null)) {
    room.draft = undefined;
    return touch(m, room);
  }
  room.draft = { ...draft, asked: true };
  ask(m, { what: "draft", id: room.id, text: draft.text });
}

export function draftOf(room: Room): string | null {
  return room.draft ? room.draft.text : (room.own.draft?.text ?? null);
}

export function tellPresence(m: Machine): void {
  if (!isOnline(m)) return;
  const watch = m.watched.slice(0, 500);
  transmit(m, { type: "presence", watch, ...(m.status === null ? {} : { status: m.status }) });
}

export function tellLook(m: Machine, room: Room): void {
  if (!isOnline(m) || room.conversation.kind !== "channel") return;
  transmit(m, { type: "watch", conversation_id: room.id, on: room.looks > 0 });
  redraw(m, room);
}
