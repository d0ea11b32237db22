import { answered, refused, told } from "./answers.ts";
import { command } from "./commands.ts";
import type { Effect, Input } from "./inputs.ts";
import {
  closed,
  connect,
  disconnect,
  drained,
  lose,
  open,
  opened,
  ping,
  probe,
  received,
  relist,
  upgrade,
  wake,
} from "./link.ts";
import { tellDraft, tellMarks } from "./marks.ts";
import { ackMissing, flush, isFlying } from "./outbox.ts";
import { askReceipts, startLoad } from "./pages.ts";
import { restore, storeChanges } from "./records.ts";
import { applyListed, removeRoom } from "./rooms.ts";
import { expireTyping } from "./signs.ts";
import { newLink, setDue, type Machine } from "./state.ts";
import { repairRoom } from "./sync.ts";

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
  hasSockets?: boolean;
}): Machine {
  return {
    now: 0,
    random: options.random,
    effects: [],
    due: new Map(),
    calls: new Map(),
    lastCall: 0,
    link: newLink(options.hasSockets ?? true),
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
    case "doubt":
      return probe(m);
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
      return told(m, input.message);
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
    case "late":
      return isFlying(m, id) ? probe(m) : undefined;
    case "ack":
      return ackMissing(m, id) ? lose(m) : undefined;
    case "load":
      if (room && !room.window?.live && !room.load && room.looks > 0) startLoad(m, room, "latest");
      return;
    case "receipts":
      if (room) askReceipts(m, room);
      return;
    case "draft":
      if (room) tellDraft(m, room);
      return;
    default:
  }
}
