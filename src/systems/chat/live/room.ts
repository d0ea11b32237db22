import type { Conversation } from "../shapes.ts";
import type { Person } from "./person.ts";
import type { Session } from "./session.ts";
import type { Change } from "./wire.ts";

/** A conversation that somebody here is on, and how far this process has told it. */
export class Room {
  readonly id: string;
  /** Of a direct conversation, both. */
  readonly pair: readonly string[] | null;
  /** The last change that was told here; the next one to tell is the one after it. */
  rev: number;
  topSeq: number;
  receiptsRev: number;
  /** Who is seated was compared with the members as of this rev. */
  membersRev: number;
  /** Monotonic milliseconds of the last change that was told. */
  movedAt = -Infinity;
  /** The highest first message of anybody seated: above it all may see all. */
  fromSeqMax = 0;
  readonly seats = new Map<string, Seat>();
  /** Changes that came before those they follow. */
  readonly waiting = new Map<number, Change>();
  /** The database is being asked; nothing is told meanwhile. */
  asking = false;

  constructor(at: Conversation) {
    this.id = at.id;
    this.pair = at.pair;
    this.rev = at.rev;
    this.topSeq = at.top_seq;
    this.receiptsRev = at.receipts_rev;
    this.membersRev = at.members_rev;
  }

  get topic(): string {
    return topicOf(this.id);
  }
}

/** Somebody on a conversation. */
export type Seat = {
  room: Room;
  person: Person;
  /** Messages after it are theirs to see. */
  fromSeq: number;
  /** The conversation's `members_rev` that they are known to be a member as of. */
  asOf: number;
  /** Of a channel, the sessions that look at it; null: all of the person's. */
  watching: Session[] | null;
};

export function topicOf(conversationId: string): string {
  return `c${conversationId}`;
}

export function sessionsOf(seat: Seat): readonly Session[] {
  return seat.watching ?? seat.person.sessions;
}
