import type { Log } from "../../../platform/log/log.ts";
import type { Metrics } from "../../../platform/metrics/metrics.ts";
import type { Listing } from "../ports.ts";
import type { ServerFrame } from "../protocol.ts";
import type { Listed } from "../shapes.ts";
import { Person } from "./person.ts";
import type { Rooms } from "./rooms.ts";
import type { Session } from "./session.ts";
import { Turnstile } from "./turnstile.ts";
import type { OwnChange } from "./wire.ts";

/**
 * Who is connected here, and what only their own devices are told: what they joined or left, read
 * elsewhere, drafts. A change that comes before those it follows waits for them; what is missing
 * for long is made up by listing all again.
 */
export type PeopleDeps = { listing: Listing; rooms: Rooms; log: Log; metrics: Metrics };

/** Lists that are read at once, however many come back together. */
const listingsAtOnce = 32;
const holeMs = 150;
/** A list that changed while it was read is read again so often. */
const seatTriesMax = 3;

export class People {
  private readonly deps: PeopleDeps;
  private readonly people = new Map<string, Person>();
  private readonly turnstile = new Turnstile(listingsAtOnce);
  private readonly behind = new Set<Person>();
  private timer: ReturnType<typeof setTimeout> | null = null;
  private readonly relisted;

  constructor(deps: PeopleDeps) {
    this.deps = deps;
    const { metrics } = deps;
    metrics.gauge("stoa_chat_people", "Accounts connected here.", () => this.people.size);
    const help = "Times somebody's conversations were listed again, as own changes were missed.";
    this.relisted = metrics.counter("stoa_chat_relists_total", help);
  }

  get(id: string): Person | undefined {
    return this.people.get(id);
  }

  ids(): string[] {
    return [...this.people.keys()];
  }

  /** From here on the session hears of own changes; what comes while it is listed waits. */
  join(id: string, session: Session): Person {
    const person = this.people.get(id) ?? new Person(id);
    this.people.set(id, person);
    person.sessions.push(session);
    return person;
  }

  /** Whether that was the person's last one here. */
  leave(person: Person, session: Session): boolean {
    const at = person.sessions.indexOf(session);
    if (at < 0) return false;
    person.sessions.splice(at, 1);
    for (const seat of [...person.seats]) this.deps.rooms.lookAway(seat, session);
    if (person.sessions.length > 0) return false;
    for (const seat of [...person.seats]) this.deps.rooms.unseat(seat);
    this.people.delete(person.id);
    this.behind.delete(person);
    return true;
  }

  /**
   * Tells a session all conversations, and lets it hear each from where it was told. The session
   * joined before, so nothing falls between the list and what follows it.
   */
  async list(person: Person, session: Session, welcome: (selfRev: number) => void): Promise<void> {
    await this.turnstile.pass(async () => {
      const selfRev = await this.deps.listing.selfRev(person.id);
      person.selfRev = Math.max(person.selfRev, selfRev);
      session.toldSelf = selfRev;
      welcome(selfRev);
      for await (const items of this.deps.listing.pages(person.id)) {
        if (items.length > 0) session.tell({ type: "listed", items });
        for (const listed of items) await this.seat(person, session, listed);
        if (!(await session.writable())) return;
      }
      session.ready = true;
      session.tell({ type: "ready" });
    });
    // What changed of one's own meanwhile was told to nobody who was not ready.
    if (session.missed) this.tellMissed(person, session);
  }

  own(changes: readonly OwnChange[]): void {
    for (const { account_id, conversation_id, self_rev } of changes) {
      const person = this.people.get(account_id);
      if (person === undefined) continue;
      person.ownWaiting ??= new Set();
      person.ownWaiting.add(conversation_id);
      person.revsAhead ??= new Set();
      person.revsAhead.add(self_rev);
      void this.tellOwn(person);
    }
  }

  /** The database stands at `selfRev` for this person. */
  standsAt(id: string, selfRev: number): void {
    const person = this.people.get(id);
    if (person === undefined || person.telling || selfRev <= person.selfRev) return;
    this.lookLater(person);
  }

  /** Seats a session where it looks at a channel. Null: it is none of this person's. */
  async look(person: Person, session: Session, conversationId: string): Promise<Listed | null> {
    const [listed] = await this.deps.listing.some(person.id, [conversationId]);
    if (listed === undefined || session.person !== person) return null;
    return this.deps.rooms.seat(person, session, listed) ? listed : null;
  }

  stop(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  /** Channels are heard only while they are looked at. */
  private async seat(person: Person, session: Session, given: Listed): Promise<void> {
    let listed: Listed | undefined = given;
    for (let tries = 0; listed !== undefined && tries < seatTriesMax; tries++) {
      if (listed.conversation.kind === "channel" || session.person !== person) return;
      if (this.deps.rooms.seat(person, session, listed)) return;
      [listed] = await this.deps.listing.some(person.id, [given.conversation.id]);
    }
  }

  private async tellOwn(person: Person): Promise<void> {
    const ahead = person.revsAhead;
    if (person.telling || ahead === null) return;
    const since = person.selfRev;
    let upTo = since;
    for (const rev of ahead) if (rev <= upTo) ahead.delete(rev);
    while (ahead.delete(upTo + 1)) upTo++;
    if (upTo === since) {
      if (ahead.size > 0) this.lookLater(person);
      else person.revsAhead = person.ownWaiting = null;
      return;
    }
    const ids = [...(person.ownWaiting ?? [])];
    if (ahead.size === 0) person.ownWaiting = person.revsAhead = null;
    await this.telling(person, async () => {
      const items = await this.deps.listing.some(person.id, ids);
      const here = new Set(items.map(({ conversation }) => conversation.id));
      const gone = ids.filter((id) => !here.has(id));
      person.selfRev = upTo;
      this.tellAll(person, { type: "self", since, self_rev: upTo, items, gone });
      await this.reseat(person, items, gone);
    });
  }

  private tellAll(person: Person, frame: Extract<ServerFrame, { type: "self" }>): void {
    const text = JSON.stringify(frame);
    for (const session of person.sessions) {
      if (!session.ready) session.missed = true;
      else session.send(text);
    }
  }

  private async reseat(person: Person, items: Listed[], gone: string[]): Promise<void> {
    for (const id of gone) {
      const seat = person.seatAt(id);
      if (seat) this.deps.rooms.unseat(seat);
    }
    for (const listed of items) {
      for (const session of [...person.sessions]) await this.seat(person, session, listed);
    }
  }

  private lookLater(person: Person): void {
    this.behind.add(person);
    this.timer ??= setTimeout(() => {
      this.timer = null;
      const behind = [...this.behind];
      this.behind.clear();
      for (const one of behind) void this.listAgain(one);
    }, holeMs);
  }

  /** Own changes were missed, nobody knows which: everything as it is now, in `self` frames. */
  private async listAgain(person: Person): Promise<void> {
    if (this.people.get(person.id) !== person || person.telling) return;
    await this.telling(person, async () => {
      const selfRev = await this.deps.listing.selfRev(person.id);
      if (selfRev <= person.selfRev) return;
      this.relisted.add();
      const before = person.selfRev;
      const here = new Set<string>();
      for await (const items of this.deps.listing.pages(person.id)) {
        for (const { conversation } of items) here.add(conversation.id);
        const page = { type: "self", since: before, self_rev: before, items, gone: [] } as const;
        this.tellAll(person, { ...page, gone: [] });
        await this.reseat(person, items, []);
      }
      const gone = person.seats.map(({ room }) => room.id).filter((id) => !here.has(id));
      person.selfRev = Math.max(person.selfRev, selfRev);
      this.tellAll(person, { type: "self", since: 0, self_rev: selfRev, items: [], gone });
      await this.reseat(person, [], gone);
    });
  }

  private tellMissed(person: Person, session: Session): void {
    session.missed = false;
    // The list may be from before or after them; told again it is right in either case.
    person.selfRev = Math.min(person.selfRev, session.toldSelf);
    this.lookLater(person);
  }

  private async telling(person: Person, work: () => Promise<void>): Promise<void> {
    person.telling = true;
    try {
      await work();
    } catch (error) {
      // The next poll shows that something is missing, and all is listed again.
      this.deps.log.warn("own changes wait for the database", { error });
    } finally {
      person.telling = false;
    }
    void this.tellOwn(person);
  }
}
