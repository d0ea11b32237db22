import type { Clock } from "../../../platform/clock/clock.ts";
import type { Db } from "../../../platform/db/db.ts";
import type { Log } from "../../../platform/log/log.ts";
import type { Channel, Realtime } from "../../../platform/realtime/realtime.ts";
import type { People } from "./people.ts";
import type { Person } from "./person.ts";
import { type Delta, PresenceTable, type Status } from "./presence-table.ts";
import type { Session } from "./session.ts";
import { isInvisible, markLastSeen, setInvisible } from "./store.ts";
import { Watches } from "./watches.ts";

/**
 * Who is there, told to those who watch them and share a conversation with them. Everything here is
 * coalesced to one look a second, and none of it happens while this process is short of time.
 */
export type PresenceDeps = {
  db: Db;
  clock: Clock;
  log: Log;
  realtime: Realtime;
  people: Pick<People, "get">;
  process: string;
  /** Given by tests that do not wait a second. */
  presenceTurnMs?: number | undefined;
};

/** How long somebody without a connection is still there: they may be changing networks. */
const holdMs = 10_000;
const beatMs = 10_000;
const turnMs = 1_000;
const channelName = "chat:presence";

export class Presence {
  private readonly deps: PresenceDeps;
  private readonly table = new PresenceTable();
  private readonly channel: Channel;
  /** Whose last connection here is gone, and since when. */
  private readonly leaving = new Map<string, number>();
  private readonly changed = new Set<string>();
  /** Who is told of whom. */
  readonly watches: Watches;
  private delta: Delta = [];
  private number = 0;
  private beatAt = 0;
  private timer: ReturnType<typeof setInterval> | null = null;

  constructor(deps: PresenceDeps) {
    this.deps = deps;
    this.watches = new Watches({ ...deps, table: this.table });
    this.channel = deps.realtime.openChannel(channelName, (line) => this.hear(line));
  }

  start(): void {
    this.timer = setInterval(() => this.turn(), this.deps.presenceTurnMs ?? turnMs);
    this.channel.publish("ask *");
  }

  async stop(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    this.channel.publish(`bye ${this.deps.process}`);
    this.channel.end();
    const here = [...this.table.own].filter(([, status]) => status !== "invisible");
    await this.wereSeen(here.map(([account]) => account));
  }

  /** Somebody connected. */
  async arrived(person: Person): Promise<void> {
    this.leaving.delete(person.id);
    const held = this.table.own.get(person.id);
    const { db } = this.deps;
    person.invisible = held ? held === "invisible" : await isInvisible(db, person.id);
    this.update(person);
  }

  /** Somebody's last connection to this process is gone. */
  left(person: Person): void {
    this.leaving.set(person.id, this.deps.clock.monotonic());
  }

  async setStatus(person: Person, session: Session | null, status: Status): Promise<void> {
    if (status === "active" || status === "away") {
      if (session) session.status = status;
      if (status === "active" && person.invisible) await this.hide(person, false);
    } else if (status === "invisible" && !person.invisible) {
      await this.hide(person, true);
    }
    this.update(person);
  }

  private async hide(person: Person, invisible: boolean): Promise<void> {
    await setInvisible(this.deps.db, person.id, invisible);
    person.invisible = invisible;
    this.channel.publish(`hide ${person.id} ${invisible ? 1 : 0}`);
  }

  private update(person: Person): void {
    if (person.sessions.length === 0) return;
    const active = person.sessions.some(({ status }) => status === "active");
    this.set(person.id, person.invisible ? "invisible" : active ? "active" : "away");
  }

  private set(account: string, status: Status): void {
    const { own } = this.table;
    if ((own.get(account) ?? "offline") === status) return;
    if (status === "offline") own.delete(account);
    else own.set(account, status);
    this.delta.push([account, status]);
    this.changed.add(account);
  }

  /** Once a second. */
  private turn(): void {
    if (this.deps.realtime.isOverloaded) return;
    const now = this.deps.clock.monotonic();
    this.letGo(now);
    for (const process of this.table.expired(now)) this.lose(process);
    this.sendDelta(now);
    this.watches.tell(this.changed);
    this.changed.clear();
    this.watches.lookAgain();
  }

  private letGo(now: number): void {
    const gone: string[] = [];
    for (const [account, since] of this.leaving) {
      if (now - since < holdMs) continue;
      this.leaving.delete(account);
      if (this.table.own.get(account) !== "invisible") gone.push(account);
      this.set(account, "offline");
    }
    void this.wereSeen(gone);
  }

  /** A process that ended without a word cannot say when its people were last there. */
  private lose(process: string): void {
    const people = this.table.forget(process);
    for (const account of people) this.changed.add(account);
    void this.wereSeen(people.filter((account) => this.table.statusOf(account) === "offline"));
  }

  private async wereSeen(accounts: string[]): Promise<void> {
    if (accounts.length === 0) return;
    const at = new Date(this.deps.clock.now());
    await this.attempt(() => markLastSeen(this.deps.db, accounts, at));
  }

  private sendDelta(now: number): void {
    if (this.delta.length > 0) {
      const text = JSON.stringify(this.delta);
      this.delta = [];
      this.channel.publish(`delta ${this.deps.process} ${++this.number} ${text}`);
    } else if (now - this.beatAt >= beatMs) {
      this.beatAt = now;
      this.channel.publish(`beat ${this.deps.process} ${this.number}`);
    }
  }

  private hear(line: string): void {
    const now = this.deps.clock.monotonic();
    const [verb, who = "", word = "", ...rest] = line.split(" ");
    if (verb === "ask" && (who === "*" || who === this.deps.process)) {
      const all = JSON.stringify([...this.table.own]);
      this.channel.publish(`all ${this.deps.process} ${this.number} ${all}`);
    } else if (verb === "all") {
      const people = JSON.parse(rest.join(" ")) as Delta;
      for (const account of this.table.replace(who, Number(word), people, now)) {
        this.changed.add(account);
      }
    } else if (verb === "delta") {
      const delta = JSON.parse(rest.join(" ")) as Delta;
      if (!this.table.apply(who, Number(word), delta, now)) this.channel.publish(`ask ${who}`);
      for (const [account] of delta) this.changed.add(account);
    } else if (verb === "beat") {
      if (!this.table.renew(who, Number(word), now)) this.channel.publish(`ask ${who}`);
    } else if (verb === "bye") {
      // Its people are about to come back elsewhere.
      this.table.endLease(who, now, holdMs);
    } else if (verb === "hide") {
      const person = this.deps.people.get(who);
      if (!person) return;
      person.invisible = word === "1";
      this.update(person);
    }
  }

  private async attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.deps.log.warn("presence waits for the database", { error });
    }
  }
}
