import type { ServerFrame } from "./frames.ts";
import { retellMarks, tellLook, tellPresence } from "./marks.ts";
import { flushAll } from "./outbox.ts";
import { askReceipts, startLoad } from "./pages.ts";
import { applyListed, noteTop, replaceRoom } from "./rooms.ts";
import { takeList } from "./self.ts";
import { setDue, type Machine } from "./state.ts";

/**
 * From `welcome` to `ready`: the list of all conversations, and from then on what follows it.
 */
export const greetMsMax = 10_000;
/** On a stream, a socket is tried again after so long, and after twice that the next time. */
const upgradeFirstMs = 300_000;
const upgradeMsMax = 3_600_000;

export function welcomed(m: Machine, frame: Extract<ServerFrame, { type: "welcome" }>): void {
  const { link } = m;
  if (link.phase !== "opening") return;
  if (m.accountId !== null && m.accountId !== frame.account_id) forgetAccount(m);
  m.accountId = frame.account_id;
  m.stored.device = true;
  link.phase = "listing";
  link.heartbeatMs = frame.heartbeat_ms;
  link.listing = { selfRev: frame.self_rev, seen: new Set() };
  link.refresh = false;
  if (frame.self_rev < m.selfRev) forgetSelf(m, frame.self_rev);
  setDue(m, "greet", m.now + greetMsMax);
  setDue(m, "ping", m.now);
}

/** Somebody else signed in: nothing of the one before is theirs. */
function forgetAccount(m: Machine): void {
  for (const room of m.rooms.values()) m.stored.rooms.add(room.id);
  for (const id of m.outbox.keys()) m.stored.outbox.add(id);
  for (const known of [m.rooms, m.outbox, m.gone, m.calls, m.presence]) known.clear();
  m.repairs.clear();
  forgetSelf(m, 0);
}

function forgetSelf(m: Machine, selfRev: number): void {
  for (const room of m.rooms.values()) room.ownAt = -1;
  m.gone.clear();
  m.selfAhead.clear();
  m.selfRev = selfRev;
  m.selfTop = selfRev;
}

export function listed(m: Machine, { items }: Extract<ServerFrame, { type: "listed" }>): void {
  const { listing } = m.link;
  if (!listing) return;
  setDue(m, "greet", m.now + greetMsMax);
  for (const item of items) {
    const { id, rev } = item.conversation;
    // The server stands on a backup: what is here of later is no more.
    if (rev < (m.rooms.get(id)?.cursor ?? 0)) replaceRoom(m, item, listing.selfRev);
    else applyListed(m, item, listing.selfRev);
    listing.seen.add(id);
  }
}

export function ready(m: Machine): void {
  const { link } = m;
  if (link.phase !== "listing" || !link.listing) return;
  link.phase = "online";
  link.onlineAt = m.now;
  m.due.delete("greet");
  link.error = null;
  takeList(m, link.listing.selfRev, link.listing.seen);
  link.listing = null;
  if (link.via === "socket") {
    link.socketFailures = 0;
    link.upgradeMs = upgradeFirstMs;
  } else if (link.hasSockets) {
    setDue(m, "upgrade", m.now + link.upgradeMs);
    link.upgradeMs = Math.min(upgradeMsMax, 2 * link.upgradeMs);
  }
  tellPresence(m);
  for (const room of m.rooms.values()) {
    noteTop(m, room, room.topRev, 0);
    if (room.looks === 0) continue;
    tellLook(m, room);
    askReceipts(m, room);
    if (!room.window && !room.load) startLoad(m, room, "latest");
  }
  retellMarks(m);
  flushAll(m);
}
