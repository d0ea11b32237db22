import type { Top } from "../ports.ts";
import type { Seat } from "./room.ts";
import type { Session } from "./session.ts";

/** Somebody with at least one connection to this process. */
export class Person {
  readonly id: string;
  readonly sessions: Session[] = [];
  readonly seats: Seat[] = [];
  /** How far this person's own changes were told here, all up to it. */
  selfRev = 0;
  /** Own changes that were heard of and not told yet, and those that came before their turn. */
  ownWaiting: Set<string> | null = null;
  revsAhead: Set<number> | null = null;
  telling = false;
  invisible = false;

  constructor(id: string) {
    this.id = id;
  }

  /** Where the conversations stand that moved since then, in monotonic milliseconds. */
  topsMovedSince(since: number): Top[] {
    const tops: Top[] = [];
    for (const { room } of this.seats) {
      if (room.movedAt >= since) tops.push([room.id, room.topSeq, room.rev, room.receiptsRev]);
    }
    return tops;
  }

  seatAt(conversationId: string): Seat | undefined {
    return this.seats.find(({ room }) => room.id === conversationId);
  }
}
