import type {
  ChatConversation,
  ChatMember,
  ChatMessage,
  ChatOwn,
  ChatReceipts,
  ClientFrame,
} from "./frames.ts";
import type { Effect, LoadKind, Question, Status } from "./inputs.ts";
import type { ConnectionView, NewBody, PresenceView } from "./view.ts";

/** What the parts of the machine know in common, and the few things all of them do. */
export type Room = {
  id: string;
  /** `top_seq` and `rev` in it are the highest that were seen anywhere. */
  conversation: ChatConversation;
  /** The rev of the last whole state of the conversation. */
  stateRev: number;
  own: ChatOwn;
  /** The `self_rev` that `own` is of. */
  ownAt: number;
  peer: { account_id: string; name: string } | null;
  last: ChatMessage | null;
  /** All changes up to this rev are in here, without exception. */
  cursor: number;
  /** The highest rev that is known to exist. */
  topRev: number;
  /** Revs above the cursor that are in here already. */
  ahead: Set<number>;
  messages: Map<number, ChatMessage>;
  /** Seqs whose message was put together from an ack; what the server says replaces it. */
  provisional: Set<number>;
  window: MessageWindow | null;
  load: { call: number; kind: LoadKind; topSeq: number } | null;
  loadError: { code: string; message: string } | null;
  repair: { call: number; tries: number };
  looks: number;
  readWanted: number;
  readTold: { seq: number; times: number; at: number };
  deliveredTold: number;
  deliveredDue: number | undefined;
  receipts: ChatReceipts | null;
  members: Map<string, ChatMember> | null;
  typing: Map<string, number>;
  typingTold: number;
  /** Undefined where there is none that the server does not know. */
  draft: UntoldDraft | undefined;
};

/** `asked` once the server may have got it, or what stood there before it was written on. */
export type UntoldDraft = { text: string | null; asked: boolean };

/**
 * The seqs shown: all from `low` to `high` are in `messages`. While `live`, every message above
 * `high` has a last change above the cursor, so what follows comes by itself.
 */
export type MessageWindow = { low: number; high: number; live: boolean };

export type Unsent = {
  client_msg_id: string;
  conversation_id: string;
  body: NewBody;
  reply_to_seq?: number;
  thread_seq?: number;
  created_at: string;
  order: number;
  state: "waiting" | "flying" | "failed";
  tries: number;
  notBefore: number;
  error: { code: string; message: string } | null;
};

export type Link = {
  /** False where there are none at all. */
  hasSockets: boolean;
  /** Whether `connect` was called and nothing forbids to come back. */
  wanted: boolean;
  loaded: boolean;
  phase: "stopped" | "waiting" | "opening" | "listing" | "online";
  id: number;
  via: "socket" | "stream";
  draining: boolean;
  comeBackAt: number;
  /** Attempts in a row that did not last. */
  failures: number;
  /** Sockets in a row that heard no welcome. */
  socketFailures: number;
  onlineAt: number;
  heartbeatMs: number;
  /** Whether an answer is awaited because of a doubt, and how often in a row none came. */
  probed: boolean;
  probesLost: number;
  /** The last token was refused: the next attempt asks for another. */
  refresh: boolean;
  upgradeMs: number;
  /** When a whole list was last asked for by connecting anew, and how often in a row. */
  relistedAt: number;
  listing: { selfRev: number; seen: Set<string> } | null;
  retryAt: number | null;
  error: ConnectionView["error"];
};

export function newLink(hasSockets: boolean): Link {
  return {
    hasSockets,
    ...{ wanted: false, loaded: false, phase: "stopped", id: 0, via: "socket" },
    ...{ draining: false, comeBackAt: 0, failures: 0, socketFailures: 0, onlineAt: 0 },
    ...{ heartbeatMs: 10_000, probed: false, probesLost: 0, refresh: false },
    ...{ upgradeMs: 300_000, relistedAt: -Infinity, listing: null, retryAt: null, error: null },
  };
}

export type Machine = {
  now: number;
  random: () => number;
  effects: Effect[];
  /** What is to be done when: names to times. */
  due: Map<string, number>;
  calls: Map<number, Question>;
  lastCall: number;
  link: Link;
  deviceId: string;
  deviceName: string | undefined;
  accountId: string | null;
  selfRev: number;
  /** What came beyond a gap: from which `self_rev` on to which it is complete. */
  selfAhead: Map<number, number>;
  selfTop: number;
  /** Conversations that are no more one's own, and the `self_rev` that said so. */
  gone: Map<string, number>;
  rooms: Map<string, Room>;
  /** How often conversations are looked at that are not known yet. */
  early: Map<string, number>;
  /** Conversations that wait for their turn to be repaired. */
  repairs: Set<string>;
  outbox: Map<string, Unsent>;
  presence: Map<string, PresenceView>;
  watched: readonly string[];
  /** Null until it is set here: another device may have made the person invisible. */
  status: Status | null;
  listLoaded: boolean;
  stored: { rooms: Set<string>; outbox: Set<string>; device: boolean };
  changed: { list: boolean; ids: Set<string> };
};

export function isOnline(m: Machine): boolean {
  return m.link.phase === "online" && !m.link.draining;
}

export function transmit(m: Machine, frame: ClientFrame): void {
  m.effects.push({ type: "transmit", link: m.link.id, frame });
}

export function ask(m: Machine, question: Question): number {
  const call = ++m.lastCall;
  m.calls.set(call, question);
  m.effects.push({ type: "ask", call, question });
  return call;
}

/** Later calls move the time; sooner ones count where `keep` is given. */
export function setDue(m: Machine, name: string, at: number, keep = false): void {
  const known = m.due.get(name);
  if (keep && known !== undefined && known <= at) return;
  m.due.set(name, at);
}

/** What is to be drawn again, without being worth a place in the storage. */
export function redraw(m: Machine, room: Room): void {
  m.changed.ids.add(room.id);
  m.changed.list = true;
}

/** What changed in it is to be drawn and kept. */
export function touch(m: Machine, room: Room): void {
  redraw(m, room);
  m.stored.rooms.add(room.id);
}

/** Exponential with full jitter, so that those cut off together do not return together. */
export function backoff(m: Machine, tries: number, firstMs: number, msMax: number): number {
  return m.random() * Math.min(msMax, firstMs * 2 ** Math.min(tries, 20));
}
