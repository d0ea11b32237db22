import type { Clock } from "../../../platform/clock/clock.ts";
import type { Db } from "../../../platform/db/db.ts";
import type { Log } from "../../../platform/log/log.ts";
import type { Realtime } from "../../../platform/realtime/realtime.ts";
import type { ServerFrame } from "../protocol.ts";
import type { Person } from "./person.ts";
import type { PresenceTable } from "./presence-table.ts";
import type { Session } from "./session.ts";
import { visibleTo, type Seen } from "./store.ts";

/**
 * Who is told of whose presence: those whom a session asked for and whom its person may see, which
 * is looked at again when either of them left a conversation. Each account that is watched here is
 * a topic.
 */
export type WatchesDeps = {
  db: Db;
  clock: Clock;
  log: Log;
  realtime: Realtime;
  table: PresenceTable;
};

const looksPerTurnMax = 50;

export class Watches {
  private readonly deps: WatchesDeps;
  /** What those who are watched here were last told to be, and how many watch them. */
  private readonly told = new Map<string, { status: string; watchers: number }>();
  private readonly unsure = new Set<Session>();

  constructor(deps: WatchesDeps) {
    this.deps = deps;
  }

  /** Replaces the list of those whom a session is told of, and tells how they are now. */
  async replace(session: Session, accounts: readonly string[]): Promise<void> {
    const { person } = session;
    if (person === null) return;
    const wanted = [...new Set(accounts)].filter((account) => account !== person.id);
    const seen = wanted.length > 0 ? await visibleTo(this.deps.db, person.id, wanted) : [];
    if (session.person !== person) return;
    this.end(session);
    session.watched = wanted;
    session.seen = seen.map(({ account_id }) => account_id);
    for (const account of session.seen) {
      const known = this.told.get(account);
      const status = this.deps.table.statusOf(account);
      if (known) known.watchers++;
      else this.told.set(account, { status, watchers: 1 });
      session.follow(topicOf(account));
    }
    const items = seen.map((one) => this.itemOf(one));
    if (items.length > 0) session.tell({ type: "presence", items });
  }

  end(session: Session): void {
    for (const account of session.seen) {
      session.leave(topicOf(account));
      const known = this.told.get(account);
      if (known && --known.watchers === 0) this.told.delete(account);
    }
    session.watched = session.seen = [];
    this.unsure.delete(session);
  }

  /** Whom this person may see may be others now. */
  doubt(person: Person): void {
    for (const session of person.sessions) {
      if (session.watched.length > 0) this.unsure.add(session);
    }
  }

  lookAgain(): void {
    for (const session of [...this.unsure].slice(0, looksPerTurnMax)) {
      this.unsure.delete(session);
      this.replace(session, session.watched).catch((error: unknown) => {
        this.unsure.add(session);
        this.deps.log.warn("presence waits for the database", { error });
      });
    }
  }

  /** How those are now who may have changed. */
  tell(changed: Iterable<string>): void {
    const { table, clock, realtime } = this.deps;
    for (const account of changed) {
      const known = this.told.get(account);
      const status = table.statusOf(account);
      if (known === undefined || known.status === status) continue;
      known.status = status;
      // Of one who hides it is not told when they went.
      const invisible = table.isInvisible(account);
      const last_seen_at = new Date(clock.now());
      const item = this.itemOf({ account_id: account, last_seen_at, invisible });
      const frame: ServerFrame = { type: "presence", items: [item] };
      realtime.publishLatest(topicOf(account), account, JSON.stringify(frame));
    }
  }

  private itemOf({ account_id, last_seen_at, invisible }: Seen): Item {
    const status = invisible ? "offline" : this.deps.table.statusOf(account_id);
    const seenAt = status === "offline" && !invisible ? last_seen_at : null;
    return { account_id, status, last_seen_at: seenAt?.toISOString() ?? null };
  }
}

type Item = Extract<ServerFrame, { type: "presence" }>["items"][number];

function topicOf(account: string): string {
  return `p${account}`;
}
