import type { Clock } from "../../platform/clock/clock.ts";
import type { Reader } from "../../platform/db/db.ts";
import type { Log } from "../../platform/log/log.ts";
import { concerns, type Change, type Changes } from "./changes.ts";
import type { Watcher } from "./contract.ts";
import { standingsOf } from "./standings.ts";

/**
 * Connections that outlive a request, each told once when its caller's credentials stop being good.
 * Where a change may have been missed, all are looked up again, some at a time: a database that
 * was restarted does not end ten thousand connections.
 */
export type Watchers = {
  add(watcher: Watcher): void;
  delete(watcher: Watcher): void;
  stop(): void;
};

const perStatement = 500;
const retryMs = 1_000;
/** Longest that a connection outlives the last proof that its credentials are good. */
const unprovedMsMax = 60_000;

type WatchersOptions = { db: Reader; clock: Clock; log: Log; changes: Changes };

export function createWatchers({ db, clock, log, changes }: WatchersOptions): Watchers {
  const watchers = new Set<Watcher>();
  const doubted = new Set<Watcher>();
  const stopping = new AbortController();
  let looking = false;

  const end = (watcher: Watcher, certain: boolean) => {
    doubted.delete(watcher);
    if (watchers.delete(watcher)) watcher.ended(certain);
  };

  const hear = (change: Change) => {
    if (change.kind === "signing_keys") return;
    if (change.kind === "all") {
      for (const watcher of watchers) doubted.add(watcher);
      if (!looking) void lookAgain();
      return;
    }
    for (const watcher of watchers) {
      if (watcher.principal && concerns(change, watcher.principal)) end(watcher, true);
    }
  };
  const stopHearing = changes.onChange(hear);

  async function lookAgain(): Promise<void> {
    looking = true;
    const giveUpAt = clock.monotonic() + unprovedMsMax;
    while (doubted.size > 0 && !stopping.signal.aborted) {
      try {
        await look([...doubted.values().take(perStatement)]);
      } catch (error) {
        log.warn("the credentials of open connections wait for the database", { error });
        await clock.sleep(retryMs, stopping.signal);
      }
      if (clock.monotonic() < giveUpAt) continue;
      for (const watcher of [...doubted]) end(watcher, false);
    }
    looking = false;
  }

  async function look(some: Watcher[]): Promise<void> {
    // Doubted anew while they are read, they are read once more.
    for (const watcher of some) doubted.delete(watcher);
    try {
      const isGood = await standingsOf(
        db,
        some.flatMap(({ principal }) => principal ?? []),
      );
      for (const watcher of some) {
        if (watcher.principal && !isGood(watcher.principal)) end(watcher, true);
      }
    } catch (error) {
      for (const watcher of some) if (watchers.has(watcher)) doubted.add(watcher);
      throw error;
    }
  }

  return {
    add: (watcher) => void watchers.add(watcher),
    delete(watcher) {
      watchers.delete(watcher);
      doubted.delete(watcher);
    },
    stop() {
      stopping.abort();
      stopHearing();
    },
  };
}
