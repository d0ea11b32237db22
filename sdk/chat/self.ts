import type { Framed } from "./inputs.ts";
import { applyListed, removeRoom } from "./rooms.ts";
import { setDue, type Machine } from "./state.ts";

/**
 * What only the account's own devices hear. `self_rev` counts it, a frame says from where on to
 * where it is complete, and whoever lacks something before it asks for the whole list.
 */

/** Frames that overtook others are waited for. */
const listDelayMs = 250;

export function takeSelf(m: Machine, frame: Framed<"self">): void {
  for (const item of frame.items) applyListed(m, item, frame.self_rev);
  for (const id of frame.gone) removeRoom(m, id, frame.self_rev);
  m.changed.list = true;
  if (frame.self_rev > m.selfRev) {
    const known = m.selfAhead.get(frame.since) ?? 0;
    m.selfAhead.set(frame.since, Math.max(known, frame.self_rev));
  }
  settleSelf(m);
  noteSelf(m, frame.self_rev);
}

export function settleSelf(m: Machine): void {
  const bySince = [...m.selfAhead].toSorted((a, b) => a[0] - b[0]);
  for (const [since, selfRev] of bySince) {
    if (since > m.selfRev) return;
    m.selfRev = Math.max(m.selfRev, selfRev);
    m.selfAhead.delete(since);
  }
}

export function noteSelf(m: Machine, selfRev: number): void {
  m.selfTop = Math.max(m.selfTop, selfRev);
  if (m.selfTop > m.selfRev) wantList(m, "self");
}

/** Only a new `hello` reads the whole list in one step with what follows it. */
export function wantList(m: Machine, why: "self" | "list"): void {
  setDue(m, why, m.now + listDelayMs + m.random() * listDelayMs, true);
}

/** The list that follows a `hello`, complete: what is not in it is not one's own any more. */
export function takeList(m: Machine, selfRev: number, seen: ReadonlySet<string>): void {
  m.due.delete("list");
  for (const [id, room] of m.rooms) {
    if (!seen.has(id) && room.ownAt <= selfRev) removeRoom(m, id, selfRev);
  }
  m.selfRev = Math.max(m.selfRev, selfRev);
  settleSelf(m);
  m.listLoaded = true;
  m.changed.list = true;
}
