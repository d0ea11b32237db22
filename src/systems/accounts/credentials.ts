import { LRUCache } from "lru-cache";
import type { Principal } from "../../platform/auth/principal.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import { withDeadline } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import { concerns, type Changes } from "./changes.ts";

/**
 * What this process knows of sessions, keys and outside identities, so that most requests ask
 * no database. It holds what is good, never a list of what was revoked: whatever is not held is
 * read, so a restart or a full cache can not let a revoked credential back in.
 *
 * An entry is used while the listener proves that nothing was missed for longer than
 * `staleMsMax`. Without that proof each use reads the database, and only when the database is
 * away too does an entry go on serving, for `outageMsMax` after it was last proved.
 */
export type Credential = { principal: Principal; expires_at: Date | null };

export type Credentials = {
  /** Null when `read` finds nothing. `name` is what the credential is cached under. */
  find(name: string, read: () => Promise<Credential | null>): Promise<Credential | null>;
};

const entriesMax = 50_000;
const staleMsMax = 1_000;
const outageMsMax = 60_000;
/** How long a held credential waits for a database that does not answer, then for asking again. */
const recheckMsMax = 500;
const outageRetryMs = 1_000;

type Entry = { credential: Credential; readAt: number };

export function createCredentials(options: { changes: Changes; clock: Clock }): Credentials {
  const { changes, clock } = options;
  const held = new LRUCache<string, Entry>({ max: entriesMax });
  const reading = new Map<string, Promise<Credential | null>>();
  let changesSeen = 0;
  let awayUntil = -Infinity;

  changes.onChange((change) => {
    if (change.kind === "signing_keys") return;
    changesSeen++;
    reading.clear();
    for (const [name, entry] of held.entries()) {
      if (concerns(change, entry.credential.principal)) held.delete(name);
    }
  });

  /** One read at a time per credential; its result is kept unless something changed meanwhile. */
  async function load(name: string, read: () => Promise<Credential | null>) {
    const seen = changesSeen;
    const readAt = clock.monotonic();
    const credential = await read();
    if (seen === changesSeen) {
      if (credential) held.set(name, { credential, readAt });
      else held.delete(name);
    }
    return credential;
  }

  function loadOnce(name: string, read: () => Promise<Credential | null>) {
    const running = reading.get(name);
    if (running) return running;
    const started = load(name, read).finally(() => {
      if (reading.get(name) === started) reading.delete(name);
    });
    reading.set(name, started);
    return started;
  }

  return {
    async find(name, read) {
      const entry = held.get(name);
      if (!entry) return await loadOnce(name, read);
      const proved = Math.max(entry.readAt, changes.confirmedAt());
      const now = clock.monotonic();
      if (now - changes.confirmedAt() <= staleMsMax) return entry.credential;
      const servable = now - proved <= outageMsMax;
      if (servable && now < awayUntil) return entry.credential;
      try {
        return await withDeadline(loadOnce(name, read), recheckMsMax);
      } catch (error) {
        const away = error instanceof AppError && error.code === "server.database_unavailable";
        if (!away || !servable) throw error;
        awayUntil = clock.monotonic() + outageRetryMs;
        return entry.credential;
      }
    },
  };
}
