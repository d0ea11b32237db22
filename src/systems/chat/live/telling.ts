import type { Clock } from "../../../platform/clock/clock.ts";
import type { Realtime } from "../../../platform/realtime/realtime.ts";
import type { ServerFrame } from "../protocol.ts";
import { sessionsOf, type Room, type Seat } from "./room.ts";
import type { Change } from "./wire.ts";

/**
 * The last step: the next change of a conversation goes to its topic, the same bytes for all. Only
 * what is about a message from before somebody joined goes one by one, since it is not theirs.
 */
type Telling = { clock: Clock; realtime: Realtime };

/** What changed after `since`, up to `rev`. */
export type Page = { since: number; rev: number; frames: ServerFrame[] };

export function tellChange({ clock, realtime }: Telling, room: Room, change: Change): void {
  room.rev = change.rev;
  room.topSeq = Math.max(room.topSeq, change.topSeq);
  room.movedAt = clock.monotonic();
  if (change.seq === 0 || change.seq > room.fromSeqMax) {
    return realtime.publish(room.topic, change.frame);
  }
  // Somebody joined after this message, and is told no more than that something changed.
  const { id, rev } = change;
  const nothing = JSON.stringify(changesFrame(id, { since: rev - 1, rev, frames: [] }));
  realtime.flush(room.topic);
  for (const seat of room.seats.values()) {
    const frame = change.seq > seat.fromSeq ? change.frame : nothing;
    for (const session of sessionsOf(seat)) session.send(frame);
  }
}

/** What was read from the database, as this process had not heard of it. */
export function tellPage(
  { clock, realtime }: Telling,
  room: Room,
  page: { frames: ServerFrame[]; rev: number },
): void {
  const since = room.rev;
  room.rev = page.rev;
  room.movedAt = clock.monotonic();
  for (const rev of room.waiting.keys()) if (rev <= page.rev) room.waiting.delete(rev);
  for (const frame of page.frames) {
    if (frame.type === "message") room.topSeq = Math.max(room.topSeq, frame.message.seq);
  }
  const told = { since, ...page };
  if (page.frames.every((frame) => isFor(room.fromSeqMax, frame))) {
    const frame = JSON.stringify(changesFrame(room.id, told));
    return realtime.publish(room.topic, frame);
  }
  realtime.flush(room.topic);
  for (const seat of room.seats.values()) {
    const frame = JSON.stringify(pageFor(seat, told));
    for (const session of sessionsOf(seat)) session.send(frame);
  }
}

/** What of a page is somebody's to see. */
export function pageFor(seat: Seat, page: Page): ServerFrame {
  const frames = page.frames.filter((frame) => isFor(seat.fromSeq, frame));
  return changesFrame(seat.room.id, { ...page, frames });
}

function changesFrame(id: string, { since, rev, frames }: Page): ServerFrame {
  return { type: "changes", conversation_id: id, since, rev, frames };
}

function isFor(fromSeq: number, frame: ServerFrame): boolean {
  return frame.type !== "message" || frame.message.seq > fromSeq;
}
