import { closed, connect, disconnect, drained, lose, open, opened, ping } from "./link.ts";
import { received, relist, upgrade, wake } from "./link.ts";
import { markRead, tellLook, tellMarks, tellTyping, writeDraft, tellPresence } from "./marks.ts";
import { ackMissing, compose, discard, flush, retry } from "./outbox.ts";
import { restore, storeChanges } from "./records.ts";
import {
  applyListed,
  applyMembers,
  askReceipts,
  applyMessage,
  noteTop,
  removeRoom,
} from "./rooms.ts";
import { startLoad } from "./rooms.ts";
import {
  ask,
  backoff,
  isOnline,
  redraw,
  setDue,
  touch,
  type Answer,
  type Command,
  type Effect,
  type Input,
  type Machine,
  type Question,
  type Refusal,
  type Room,
} from "./state.ts";
import {
  askChanges,
  expireTyping,
  repairRefused,
  repairRoom,
  takeChanges,
  takeConversation,
  takeReceipt,
} from "./sync.ts";
import { takePage } from "./window.ts";

/**
 * The client as a state machine: what happened goes in, what is to be done comes out. It has no
 * clock, no chance, no network and no storage of its own, so that the same inputs have the same
 * effects and a simulation may run years of bad luck in a second.
 */
const storeDelayMs = 300;

export function createMachine(options: {
  random: () => number;
  deviceId: string;
  deviceName?: string;
}): Machine {
  return {
    now: 0,
    random: options.random,
    effects: [],
    due: new Map(),
    calls: new Map(),
    lastCall: 0,
    link: {
      ...{ wanted: false, loaded: false, phase: "stopped", id: 0, via: "socket" },
      ...{ draining: false, comeBackAt: 0, failures: 0, socketFailures: 0, onlineAt: 0 },
      ...{ heartbeatMs: 10_000, refresh: false, upgradeMs: 300_000, relistedAt: -Infinity },
      ...{ listing: null, retryAt: null, error: null },
    },
    deviceId: options.deviceId,
    deviceName: options.deviceName,
    accountId: null,
    selfRev: 0,
    selfTop: 0,
    selfAhead: new Map(),
    gone: new Map(),
    rooms: new Map(),
    early: new Map(),
    repairs: new Set(),
    outbox: new Map(),
    presence: new Map(),
    watched: [],
    status: null,
    listLoaded: false,
    stored: { rooms: new Set(), outbox: new Set(), device: false },
    changed: { list: false, ids: new Set() },
  };
}

/** When to say `tick` at the latest; null where nothing is to be done by itself. */
export function nextDue(m: Machine): number | null {
  let soonest = Infinity;
  for (const at of m.due.values()) if (at < soonest) soonest = at;
  return soonest === Infinity ? null : soonest;
}

export function step(m: Machine, input: Input, now: number): Effect[] {
  m.now = now;
  m.effects = [];
  take(m, input);
  if (m.stored.rooms.size + m.stored.outbox.size > 0 || m.stored.device) {
    setDue(m, "store", now + storeDelayMs, true);
  }
  tick(m);
  const { list, ids } = m.changed;
  if (list || ids.size > 0) m.effects.push({ type: "changed", list, ids: [...ids] });
  m.changed = { list: false, ids: new Set() };
  return m.effects;
}

function take(m: Machine, input: Input): void {
  switch (input.type) {
    case "connect":
      return connect(m);
    case "close":
      disconnect(m);
      return storeChanges(m);
    case "loaded":
      restore(m, input.records);
      m.link.loaded = true;
      return open(m);
    case "wake":
      return wake(m);
    case "opened":
      return input.link === m.link.id ? opened(m) : undefined;
    case "received":
      return isCurrent(m, input.link) ? received(m, input.frame) : undefined;
    case "closed":
      return isCurrent(m, input.link) ? closed(m, input) : undefined;
    case "answered":
      return answered(m, input.call, input.answer);
    case "refused":
      return refused(m, input.call, input.refusal);
    case "told":
      return told(m, input);
    case "told_conversation":
      if (!m.rooms.has(input.listed.conversation.id)) applyListed(m, input.listed, m.selfRev);
      return;
    case "left":
      return removeRoom(m, input.id, m.rooms.get(input.id)?.ownAt ?? 0);
    case "tick":
      return;
    default:
      return command(m, input);
  }
}

/** What an old connection says late is not listened to. */
function isCurrent(m: Machine, link: number): boolean {
  const { id, phase } = m.link;
  return link === id && phase !== "waiting" && phase !== "stopped";
}

function told(m: Machine, { message }: Extract<Input, { type: "told" }>): void {
  const room = m.rooms.get(message.conversation_id);
  if (!room) return;
  applyMessage(m, room, message);
  // Its frame is on its way; when it does not come, it is fetched.
  noteTop(m, room, message.rev, 1_000);
}

function command(m: Machine, input: Command): void {
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

function answered(m: Machine, call: number, answer: Answer): void {
  const question = m.calls.get(call);
  if (!m.calls.delete(call) || !question) return;
  const room = m.rooms.get(question.id);
  switch (answer.what) {
    case "changes":
      return takeChanges(m, question.id, answer);
    case "conversation":
      return takeConversation(m, question.id, answer);
    case "members":
      if (room) applyMembers(m, room, answer.items);
      return;
    case "receipts":
      return takeReceipt(m, answer.receipts);
    case "history":
      if (room?.load?.call === call) takeHistory(m, room, question, answer);
      return;
    case "draft":
      if (room && question.what === "draft" && room.draft?.text === question.text) {
        // What was told is what is shown, until the server says otherwise.
        const { text } = question;
        const updated_at = new Date(m.now).toISOString();
        room.own = { ...room.own, draft: text === null ? null : { text, updated_at } };
        room.draft = undefined;
        touch(m, room);
      }
      return;
    default:
  }
}

function takeHistory(
  m: Machine,
  room: Room,
  question: Question,
  answer: Answer & { what: "history" },
): void {
  if (question.what !== "history") return;
  if (takePage(room, question.kind, answer.items)) {
    for (const message of answer.items) applyMessage(m, room, message);
    return touch(m, room);
  }
  // Read before what is known here was written.
  room.load = null;
  setDue(m, `load/${room.id}`, m.now + backoff(m, 0, 1_000, 1_000));
}

function refused(m: Machine, call: number, refusal: Refusal): void {
  const question = m.calls.get(call);
  if (!m.calls.delete(call) || !question) return;
  const room = m.rooms.get(question.id);
  if (question.what === "changes" || question.what === "conversation") {
    return repairRefused(m, question.id, refusal);
  }
  if (!room) return;
  const passing = refusal.status === 0 || refusal.status === 429 || refusal.status >= 500;
  const wait = (refusal.retry_after_ms ?? 0) + 1_000 + backoff(m, 2, 1_000, 10_000);
  if (question.what === "draft" && passing) setDue(m, `draft/${room.id}`, m.now + wait);
  if (question.what !== "history" || room.load?.call !== call) return;
  room.load = null;
  room.loadError = { code: refusal.code, message: refusal.message };
  // The first page comes by itself; further ones are asked for again by whoever scrolls.
  if (passing && !room.window) setDue(m, `load/${room.id}`, m.now + wait);
  redraw(m, room);
}

/** Does what has come due, in the order of its time. */
function tick(m: Machine): void {
  if ((nextDue(m) ?? Infinity) > m.now) return;
  const ready = [...m.due].filter(([, at]) => at <= m.now).toSorted((a, b) => a[1] - b[1]);
  for (const [name, at] of ready) {
    if (m.due.get(name) !== at) continue;
    m.due.delete(name);
    const slash = name.indexOf("/");
    if (slash < 0) perform(m, name);
    else performFor(m, name.slice(0, slash), name.slice(slash + 1));
  }
}

function perform(m: Machine, name: string): void {
  switch (name) {
    case "open":
      return open(m);
    case "greet":
    case "dead":
      return lose(m);
    case "ping":
      return ping(m);
    case "drain":
      return drained(m);
    case "upgrade":
      return upgrade(m);
    case "self":
      return m.selfTop > m.selfRev ? relist(m) : undefined;
    case "list":
      return relist(m);
    case "marks":
      return tellMarks(m);
    case "typing":
      return expireTyping(m);
    case "store":
      return storeChanges(m);
    default:
  }
}

function performFor(m: Machine, name: string, id: string): void {
  const room = m.rooms.get(id);
  switch (name) {
    case "repair":
      return repairRoom(m, id);
    case "send":
      return flush(m, id);
    case "ack":
      return ackMissing(m, id) ? lose(m) : undefined;
    case "load":
      if (room && !room.window?.live && !room.load && room.looks > 0) startLoad(m, room, "latest");
      return;
    case "receipts":
      if (room) askReceipts(m, room);
      return;
    case "draft":
      if (room?.draft) ask(m, { what: "draft", id, text: room.draft.text });
      return;
    default:
  }
}
