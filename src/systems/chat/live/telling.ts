import type { Clock } from "../../../platform/clock/clock.ts";
import type { Realtime } from "../../../platform/realtime/realtime.ts";
import type { Changes } from "../ports.ts";
import type { ServerFrame } from "../protocol.ts";
import { sessionsOf, type Room } from "./room.ts";
import type { Change } from "./wire.ts";

/**
 * The last step: the next change of a conversation goes to its topic, the same bytes for all. Only
 * what is about a message from before somebody joined goes one by one, since it is not theirs.
 */
type Telling = { clock: Clock; realtime: Realtime };

export function tellChange({ clock, realtime }: Telling, room: Room, change: Change): void {
  room.rev = change.rev;
  room.topSeq = Math.max(room.topSeq, change.topSeq);
  room.movedAt = clock.monotonic();
  if (change.seq === 0 || change.seq > room.fromSeqMax) {
    return realtime.publish(room.topic, change.frame);
  }
  // Somebody joined after this message, and is told no more than that something changed.
  const { id, rev } = change;
  const nothing = changesFrame({ conversation_id: id, since: rev - 1, rev }, []);
  realtime.flush(room.topic);
  for (const seat of room.seats.values()) {
    const frame = change.seq > seat.fromSeq ? change.frame : nothing;
    for (const session of sessionsOf(seat)) session.send(frame);
  }
}

/** What was read from the database, as this process had not heard of it. */
export function tellPage({ clock, realtime }: Telling, room: Room, page: Changes): void {
  room.rev = page.rev;
  room.movedAt = clock.monotonic();
  for (const rev of room.waiting.keys()) if (rev <= page.rev) room.waiting.delete(rev);
  for (const frame of page.frames) {
    if (frame.type === "message") room.topSeq = Math.max(room.topSeq, frame.message.seq);
  }
  if (page.isFor(room.fromSeqMax)) {
    return realtime.publish(room.topic, page.textFor(room.fromSeqMax, changesFrame));
  }
  realtime.flush(room.topic);
  for (const seat of room.seats.values()) {
    const frame = page.textFor(seat.fromSeq, changesFrame);
    for (const session of sessionsOf(seat)) session.send(frame);
  }
}

/** What of a page is somebody's to see. */
export function changesFrame(
  { conversation_id, since, rev }: Pick<Changes, "conversation_id" | "since" | "rev">,
  frames: readonly ServerFrame[],
): string {
  return JSON.stringify({ type: "changes", conversation_id, since, rev, frames });
}
