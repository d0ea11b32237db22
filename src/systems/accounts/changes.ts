import type { Principal } from "../../platform/auth/principal.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Db, Writer } from "../../platform/db/db.ts";
import type { Log } from "../../platform/log/log.ts";

/**
 * Tells every process what happened to accounts and credentials, by LISTEN/NOTIFY. A listener
 * cannot see by itself that its connection has gone quiet, so each process also sends itself a
 * pulse. Notifications arrive in the order of their commits: having heard a pulse proves that
 * everything committed before it was sent has been heard too. `confirmedAt` is that moment, and
 * caches trust themselves only while it is recent. Where LISTEN does not work at all (a pooler
 * in transaction mode) no pulse returns and everything is simply read from the database.
 */
export type Change =
  | { kind: "account" | "credential"; id: string }
  | { kind: "signing_keys" }
  /** Something may have been missed. */
  | { kind: "all" };

export type Changes = {
  /** In this process right after the commit, in the others when they hear of it. */
  announce(tx: Writer, change: Change): Promise<void>;
  onChange(listener: (change: Change) => void): () => void;
  /** Monotonic milliseconds up to which every committed change is known here. */
  confirmedAt(): number;
  start(): Promise<void>;
  stop(): Promise<void>;
};

/** Whether it may be about somebody's credentials. */
export function concerns(change: Change, principal: Principal): boolean {
  if (change.kind === "all") return true;
  if (change.kind === "account") return change.id === principal.account_id;
  return change.kind === "credential" && change.id === principal.credential_id;
}

const channel = "accounts_changed";
const pulseEveryMs = 400;

export function createChanges(options: { db: Db; clock: Clock; log: Log }): Changes {
  const { db, clock, log } = options;
  const own = crypto.randomUUID();
  const listeners = new Set<(change: Change) => void>();
  const stopping = new AbortController();
  let confirmedAt = -Infinity;
  let pulsing: Promise<void> | null = null;
  let unlisten: (() => Promise<void>) | null = null;

  const tell = (change: Change) => {
    for (const listener of listeners) listener(change);
  };
  const hear = (payload: string) => {
    const [kind, id = "", sentAt = ""] = payload.split(":");
    if (kind === "pulse" && id === own) confirmedAt = Math.max(confirmedAt, Number(sentAt));
    else if (kind === "account" || kind === "credential") tell({ kind, id });
    else if (kind === "signing_keys") tell({ kind });
  };
  const pulse = async () => {
    while (!stopping.signal.aborted) {
      const payload = `pulse:${own}:${clock.monotonic()}`;
      try {
        await db.all`SELECT pg_notify(${channel}, ${payload})`;
      } catch (error) {
        log.debug("no pulse while the database is away", { error });
      }
      await clock.sleep(pulseEveryMs, stopping.signal);
    }
  };

  return {
    async announce(tx, change) {
      const payload = "id" in change ? `${change.kind}:${change.id}` : change.kind;
      await tx.all`SELECT pg_notify(${channel}, ${payload})`;
      tx.afterCommit(() => tell(change));
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    confirmedAt: () => confirmedAt,
    async start() {
      unlisten = await db.listen(channel, hear, () => tell({ kind: "all" }));
      pulsing = pulse();
    },
    async stop() {
      stopping.abort();
      await pulsing;
      await unlisten?.().catch(() => {});
    },
  };
}
