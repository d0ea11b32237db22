import type { Clock } from "../clock/clock.ts";
import type { Db } from "../db/db.ts";
import type { Log } from "../log/log.ts";

/**
 * Wakes the loops that wait for work: those of this process at once, those of others by NOTIFY.
 * The NOTIFY is sent after the commit, at most one per interval, and never inside the caller's
 * transaction: there it would make all commits of the database queue behind one lock. One that
 * gets lost is made up for by the loops' slow poll.
 */
const notifyEveryMs = 20;
const relistenMs = 2_000;

export type Bell = {
  ring(): void;
  /** Wakes only this process. */
  ringHere(): void;
  /** Until somebody rings, `ms` have passed or the signal aborts. A ring before counts. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  /** Hears the bells of other processes until the signal aborts. */
  listen(signal: AbortSignal): Promise<void>;
};

export function createBell(deps: { db: Db; clock: Clock; log: Log; channel: string }): Bell {
  const { db, clock, log, channel } = deps;
  const self = crypto.randomUUID();
  let rung = new AbortController();
  let telling = false;
  let again = false;

  const ringHere = () => rung.abort();

  async function tell(): Promise<void> {
    telling = true;
    do {
      again = false;
      try {
        await db.all`SELECT pg_notify(${channel}, ${self})`;
      } catch (error) {
        log.debug("other processes were not notified; they poll", { channel, error });
      }
      await clock.sleep(notifyEveryMs);
    } while (again);
    telling = false;
  }

  return {
    ringHere,
    ring() {
      ringHere();
      again = true;
      if (!telling) void tell();
    },
    async wait(ms, signal) {
      await clock.sleep(ms, AbortSignal.any([rung.signal, signal]));
      if (rung.signal.aborted) rung = new AbortController();
    },
    async listen(signal) {
      const heard = (from: string) => {
        if (from !== self) ringHere();
      };
      while (!signal.aborted) {
        try {
          const unlisten = await db.listen(channel, heard, ringHere);
          signal.addEventListener("abort", () => void unlisten().catch(() => {}));
          if (signal.aborted) await unlisten();
          return;
        } catch (error) {
          log.warn("cannot listen for work; polling until then", { channel, error });
          await clock.sleep(relistenMs, signal);
        }
      }
    },
  };
}
