import type { Clock } from "../../../platform/clock/clock.ts";
import type { Reader } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import type { Log } from "../../../platform/log/log.ts";
import type { Metrics } from "../../../platform/metrics/metrics.ts";
import type { Realtime } from "../../../platform/realtime/realtime.ts";
import type { Listing } from "../ports.ts";
import type { Listed } from "../shapes.ts";
import type { Person } from "./person.ts";
import { Room, type Seat } from "./room.ts";
import type { Session } from "./session.ts";
import { membersAmong } from "./store.ts";
import { changesFrame, tellChange, tellPage } from "./telling.ts";
import type { Change, Typing } from "./wire.ts";

/**
 * Tells each conversation's changes in the order of their revs, one after the other. What comes
 * early waits for what it follows; a hole that is not filled soon is filled from the database, as
 * is what the polls find missing (a message between processes may be lost). Before a change is told
 * that knows of newer members, those who are seated are compared with them: whoever was removed
 * hears nothing that came after.
 */
export type RoomsDeps = {
  db: Reader;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  realtime: Realtime;
  changes: Listing["changes"];
  /** Whom they may see come and go may be others now. */
  mayDiffer(person: Person): void;
};

/** Changes usually overtake each other by less than this; after it they are asked for. */
const holeMs = 100;
const changesPageMax = 200;
/** More early changes than this are dropped and asked for. */
const waitingMax = 1_000;

export class Rooms {
  private readonly deps: RoomsDeps;
  private readonly rooms = new Map<string, Room>();
  private readonly holes = new Set<Room>();
  private timer: ReturnType<typeof setTimeout> | null = null;
  private readonly repairs;

  constructor(deps: RoomsDeps) {
    this.deps = deps;
    const { metrics } = deps;
    metrics.gauge("stoa_chat_rooms", "Conversations watched here.", () => this.rooms.size);
    const help = "Times that changes which were not heard of were read from the database.";
    this.repairs = metrics.counter("stoa_chat_repairs_total", help);
  }

  get(id: string): Room | undefined {
    return this.rooms.get(id);
  }

  all(): IterableIterator<Room> {
    return this.rooms.values();
  }

  take(change: Change): void {
    const room = this.rooms.get(change.id);
    if (room === undefined || change.rev <= room.rev) return;
    if (room.waiting.size >= waitingMax) room.waiting.clear();
    room.waiting.set(change.rev, change);
    this.advance(room);
  }

  /** To all who are seated, unless this process knows less of the members than the sender. */
  typing({ id, membersRev, frame }: Typing): void {
    const room = this.rooms.get(id);
    if (room === undefined || membersRev > room.membersRev) return;
    this.deps.realtime.publishDroppable(room.topic, frame);
  }

  receipts(id: string, receiptsRev: number, frame: string): void {
    const room = this.rooms.get(id);
    if (room === undefined || receiptsRev <= room.receiptsRev) return;
    room.receiptsRev = receiptsRev;
    room.movedAt = this.deps.clock.monotonic();
    this.deps.realtime.publishLatest(room.topic, room.topic, frame);
  }

  /**
   * Lets a session hear a conversation that it was just told of. False where `listed` is older than
   * what this process knows of the members: the caller has to look again.
   */
  seat(person: Person, session: Session, listed: Listed): boolean {
    const { conversation, own } = listed;
    const room = this.rooms.get(conversation.id) ?? this.open(listed);
    if (room.membersRev > conversation.members_rev) return false;
    const known = room.seats.get(person.id);
    const asOf = conversation.members_rev;
    const seat: Seat = known ?? { room, person, fromSeq: own.from_seq, asOf, watching: null };
    if (known === undefined) {
      if (conversation.kind === "channel") seat.watching = [];
      room.seats.set(person.id, seat);
      person.seats.push(seat);
    }
    seat.fromSeq = own.from_seq;
    seat.asOf = Math.max(seat.asOf, asOf);
    room.fromSeqMax = Math.max(room.fromSeqMax, own.from_seq);
    if (seat.watching && !seat.watching.includes(session)) seat.watching.push(session);
    // What waits in the topic was told before it was theirs.
    this.deps.realtime.flush(room.topic);
    session.follow(room.topic);
    if (room.rev > conversation.rev) void this.catchUp(room, seat, session, conversation.rev);
    return true;
  }

  unseat(seat: Seat): void {
    const { room, person } = seat;
    for (const session of person.sessions) session.leave(room.topic);
    person.seats.splice(person.seats.indexOf(seat), 1);
    room.seats.delete(person.id);
    this.deps.mayDiffer(person);
    this.closeIfEmpty(room);
  }

  /** One session of a channel looks away, or is gone. */
  lookAway(seat: Seat, session: Session): void {
    if (seat.watching === null) return;
    const at = seat.watching.indexOf(session);
    if (at >= 0) seat.watching.splice(at, 1);
    session.leave(seat.room.topic);
    if (seat.watching.length === 0) this.unseat(seat);
  }

  /** The database stands at `rev`; what is not heard of by now was lost. */
  standsAt(id: string, rev: number): void {
    const room = this.rooms.get(id);
    if (room !== undefined && rev > room.rev && !room.asking) void this.repair(room);
  }

  /** Whoever beats learns that there are newer ones than were told. */
  receiptsStandAt(id: string, receiptsRev: number): void {
    const room = this.rooms.get(id);
    if (room === undefined || receiptsRev <= room.receiptsRev) return;
    room.receiptsRev = receiptsRev;
    room.movedAt = this.deps.clock.monotonic();
  }

  stop(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  private open({ conversation }: Listed): Room {
    const room = new Room(conversation);
    this.rooms.set(room.id, room);
    return room;
  }

  private closeIfEmpty(room: Room): void {
    if (room.seats.size > 0) return;
    this.rooms.delete(room.id);
    this.holes.delete(room);
  }

  private isOpen(room: Room): boolean {
    return this.rooms.get(room.id) === room;
  }

  private advance(room: Room): void {
    while (!room.asking) {
      const next = room.waiting.get(room.rev + 1);
      if (next === undefined) break;
      if (next.membersRev > room.membersRev) {
        void this.asking(room, () => this.compareMembers(room, next.membersRev));
        return;
      }
      room.waiting.delete(next.rev);
      tellChange(this.deps, room, next);
    }
    if (room.waiting.size > 0 && !room.asking) {
      this.holes.add(room);
      this.timer ??= setTimeout(() => this.fillHoles(), holeMs);
    }
  }

  private fillHoles(): void {
    this.timer = null;
    const holes = [...this.holes];
    this.holes.clear();
    for (const room of holes) {
      if (room.waiting.size > 0 && !room.asking) void this.repair(room);
    }
  }

  private async repair(room: Room): Promise<void> {
    this.repairs.add();
    await this.asking(room, async () => {
      for (let more = true; more && this.isOpen(room);) {
        const page = await this.deps.changes(room.id, room.rev, changesPageMax);
        // Read after the changes, so that it knows of whoever was removed by one of them.
        await this.compareMembers(room, 0);
        if (page.rev > room.rev) tellPage(this.deps, room, page);
        more = page.more;
      }
    });
  }

  /** For one who was listed before what was told last. */
  private async catchUp(room: Room, seat: Seat, session: Session, from: number): Promise<void> {
    try {
      for (let since = from, more = true; more && room.seats.get(seat.person.id) === seat;) {
        const page = await this.deps.changes(room.id, since, changesPageMax);
        const among = await membersAmong(this.deps.db, room.id, [seat.person.id]);
        if (!among?.members.has(seat.person.id)) return;
        session.send(page.textFor(seat.fromSeq, changesFrame));
        since = page.rev;
        more = page.more;
      }
    } catch (error) {
      // The session sees by the next beat that it is behind, and asks.
      this.deps.log.debug("a session could not be brought up to date", { error });
    }
  }

  /** `atLeast` was committed before this is called. */
  private async compareMembers(room: Room, atLeast: number): Promise<void> {
    const before = room.membersRev;
    let unsure = [...room.seats.values()];
    while (unsure.length > 0) {
      const accounts = unsure.map((seat) => seat.person.id);
      const among = await membersAmong(this.deps.db, room.id, accounts);
      const known = Math.max(among?.membersRev ?? 0, atLeast);
      for (const seat of unsure) {
        if (among?.members.has(seat.person.id)) seat.asOf = known;
        else if (room.seats.get(seat.person.id) === seat) this.unseat(seat);
      }
      room.membersRev = Math.max(room.membersRev, known);
      // Whoever sat down meanwhile may have been listed before that.
      unsure = [...room.seats.values()].filter((seat) => seat.asOf < room.membersRev);
    }
    if (room.membersRev === before) return;
    for (const { person } of room.seats.values()) this.deps.mayDiffer(person);
  }

  /** One question at a time; changes wait meanwhile. One that fails is asked again by the polls. */
  private async asking(room: Room, work: () => Promise<void>): Promise<void> {
    room.asking = true;
    try {
      await work();
    } catch (error) {
      if (error instanceof AppError && error.code === "chat.not_found") this.clear(room);
      else this.deps.log.warn("a conversation waits for the database", { error });
      room.waiting.clear();
    } finally {
      room.asking = false;
    }
    if (this.isOpen(room)) this.advance(room);
  }

  private clear(room: Room): void {
    for (const seat of [...room.seats.values()]) this.unseat(seat);
  }
}
