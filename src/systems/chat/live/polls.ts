import type { Clock } from "../../../platform/clock/clock.ts";
import type { Log } from "../../../platform/log/log.ts";
import type { Listing, Top } from "../ports.ts";
import type { People } from "./people.ts";
import type { Rooms } from "./rooms.ts";
import type { Tickets } from "./tickets.ts";

/**
 * What was told to this process may have been lost on the way, so it asks where things stand: for
 * all watched conversations by one statement every two seconds, for people less often. What is
 * still missing a moment later was lost, and is read.
 */
export type PollsDeps = {
  clock: Clock;
  log: Log;
  listing: Pick<Listing, "tops" | "selfRevs">;
  rooms: Rooms;
  people: People;
  tickets: Tickets;
};

const everyMs = 2_000;
/** Told and stored are two ways: what was just stored may be about to be told. */
const graceMs = 150;
const peopleEvery = 3;
const ticketsEvery = 30;
/** Keys in one statement. */
const askedMax = 5_000;

export class Polls {
  private readonly deps: PollsDeps;
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();

  constructor(deps: PollsDeps) {
    this.deps = deps;
  }

  start(): void {
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    for (let turn = 1; !signal.aborted; turn++) {
      await this.deps.clock.sleep(everyMs, signal);
      if (signal.aborted) return;
      try {
        await this.lookAtRooms();
        if (turn % peopleEvery === 0) await this.lookAtPeople();
        if (turn % ticketsEvery === 0) await this.deps.tickets.sweep();
      } catch (error) {
        this.deps.log.debug("polls wait for the database", { error });
      }
    }
  }

  private async lookAtRooms(): Promise<void> {
    const { rooms, listing, clock } = this.deps;
    const ids = [...rooms.all()].map((room) => room.id);
    const found = new Map<string, Top>();
    for (let n = 0; n < ids.length; n += askedMax) {
      for (const top of await listing.tops(ids.slice(n, n + askedMax))) found.set(top[0], top);
    }
    const behind = ids.filter(
      (id) => (found.get(id)?.[2] ?? Infinity) > (rooms.get(id)?.rev ?? Infinity),
    );
    for (const [id, , , receiptsRev] of found.values()) rooms.receiptsStandAt(id, receiptsRev);
    if (behind.length === 0) return;
    await clock.sleep(graceMs, this.stopping.signal);
    for (const id of behind) rooms.standsAt(id, found.get(id)?.[2] ?? Infinity);
  }

  private async lookAtPeople(): Promise<void> {
    const { people, listing, clock } = this.deps;
    const ids = people.ids();
    const behind: [string, number][] = [];
    for (let n = 0; n < ids.length; n += askedMax) {
      for (const [id, selfRev] of await listing.selfRevs(ids.slice(n, n + askedMax))) {
        if (selfRev > (people.get(id)?.selfRev ?? Infinity)) behind.push([id, selfRev]);
      }
    }
    if (behind.length === 0) return;
    await clock.sleep(graceMs, this.stopping.signal);
    for (const [id, selfRev] of behind) people.standsAt(id, selfRev);
  }
}
