import { LRUCache } from "lru-cache";
import type { Principal } from "../auth/principal.ts";
import { type Db, parseLsn, type TimedReader } from "../db/db.ts";

/**
 * Read-your-writes with a replica. The log position after an account's last write is kept here
 * and sent as `Stoa-Position`; a client that sends it back reads its own writes on any process.
 */
const accountsRememberedMax = 100_000;
const positionHeader = "stoa-position";

export function createPositions(db: Db, replicated: boolean) {
  const positions = new LRUCache<string, string>({ max: accountsRememberedMax });
  return {
    readerFor(caller: Principal | null, request: Request): TimedReader {
      if (!replicated) return db;
      const sent = request.headers.get(positionHeader);
      const own = caller ? (positions.get(caller.account_id) ?? null) : null;
      return db.lagging(own && sent ? later(own, sent) : (own ?? sent));
    },
    async remember(caller: Principal | null): Promise<void> {
      if (replicated && caller) positions.set(caller.account_id, await db.position());
    },
    async headerFor(caller: Principal | null): Promise<Record<string, string>> {
      const position = caller && replicated ? positions.get(caller.account_id) : undefined;
      return position ? { [positionHeader]: position } : {};
    },
  };
}

function later(a: string, b: string): string {
  return parseLsn(a) >= parseLsn(b) ? a : b;
}
