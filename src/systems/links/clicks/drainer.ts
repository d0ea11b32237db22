import { join } from "node:path";
import type { Clock } from "../../../platform/clock/clock.ts";
import type { Db } from "../../../platform/db/db.ts";
import type { Log } from "../../../platform/log/log.ts";
import { Dictionary } from "./dictionary.ts";
import { SpoolDrain } from "./drain.ts";
import { dayName, Partitions } from "./partitions.ts";
import { Roller } from "./roll.ts";
import type { Position } from "./spool.ts";
import { bytesOf, claim, spoolsIn } from "./spool-folder.ts";
import { dayMs } from "./traits.ts";

/**
 * Everything between the spool and the numbers: drains this process's spool, adopts those of
 * dead ones, rolls up, and keeps house. Each goes on by itself after any failure, since the only
 * usual one is a database that is away.
 */
export type DrainerOptions = {
  db: Db;
  clock: Clock;
  log: Log;
  /** Folder of all spools, and this process's own in it. */
  root: string;
  own: string;
  retentionDays: number;
  /** Whether to provide the key that tells visitors apart. */
  visitors: boolean;
  progress(progress: Progress): void;
  key(day: number, key: Uint8Array): void;
};

export type Progress = {
  clicks: number;
  /** Everything recorded up to then is stored; 0 when this says nothing new about it. */
  lastAt: number;
  position: Position | null;
  removedBytes: number;
  adoptedBytes: number;
  tornBytes: number;
  /** Nothing more was there; a wake is needed. */
  idle: boolean;
};

/** Smaller batches are followed by a pause in which a larger one collects. */
const gatherClicks = 10_000;
const gatherMs = 200;
const retryMsMin = 250;
const retryMsMax = 5_000;
/** Rolling up waits this long after it found something, and takes at most this share of time
 * while clicks come in faster than the rate, because that is when it should collect. */
const rollPauseMs = 300;
const rollIdleMs = 5_000;
const busyClicksPerSecond = 5_000;
const rollShareMax = 0.25;
const loopsEndMs = 2_000;
const housekeepingMs = 30_000;
const pruneEveryMs = 6 * 3_600_000;
/** A spool's position outlives its folder this long, should the disk come back. */
const spoolRowsKeptDays = 400;

export class Drainer {
  private readonly options: DrainerOptions;
  private readonly own: SpoolDrain;
  private readonly roller: Roller;
  private readonly dictionary: Dictionary;
  private readonly partitions: Partitions;
  private readonly stopping = new AbortController();
  private readonly drainTurn = turns();
  private readonly rollTurn = turns();
  private readonly adoptTurn = turns();
  private loops: Promise<void>[] = [];
  private wakeDrain = () => {};
  private wakeRoll = () => {};
  private adoptedBytes = 0;
  private tornBytes = 0;
  private drainedSinceRoll = 0;
  private rolledAt = 0;
  private prunedAt = Number.NEGATIVE_INFINITY;

  constructor(options: DrainerOptions) {
    this.options = options;
    this.dictionary = new Dictionary(options.db);
    this.partitions = new Partitions(options.db);
    this.roller = new Roller(options.db);
    this.own = this.drainOf(options.own);
  }

  /** Returns after the first look at the database, whether it was there or not. */
  async start(): Promise<void> {
    await this.keepKeys().catch(() => {});
    this.loops = [
      this.repeat("draining clicks", () => this.drainLoop()),
      this.repeat("rolling up clicks", () => this.rollLoop()),
      this.repeat("keeping house for clicks", () => this.houseLoop()),
    ];
  }

  wake(): void {
    this.wakeDrain();
  }

  /** Drains and rolls up everything that is there, adopted spools included. */
  async settle(): Promise<void> {
    await this.drainTurn(async () => {
      while (await this.drainOwn(false));
    });
    await this.adoptTurn(() => this.adopt());
    await this.rollTurn(async () => {
      for (;;) {
        const rolled = await this.roller.roll();
        if (rolled?.batches === 0) return;
        if (rolled === null) await this.options.clock.sleep(20);
      }
    });
  }

  /**
   * Drains the own spool, which nobody writes any more, and ends the loops. Returns once the
   * spool is empty and gone, however long that takes; who cannot wait ends the thread.
   */
  async stop(): Promise<void> {
    const { log, clock } = this.options;
    this.stopping.abort();
    this.wakeDrain();
    this.wakeRoll();
    for (;;) {
      try {
        while (await this.drainTurn(() => this.drainOwn(true)));
        await this.drainTurn(() => this.own.remove());
        break;
      } catch (error) {
        log.warn("draining the last clicks failed; trying again", { error });
        await clock.sleep(retryMsMin);
      }
    }
    // What is not rolled up yet is in the database, for whoever comes next.
    await Promise.race([Promise.all(this.loops), clock.sleep(loopsEndMs)]);
  }

  private drainOf(spool: string): SpoolDrain {
    const { db, log, root } = this.options;
    const { dictionary, partitions } = this;
    return new SpoolDrain({ db, log, dictionary, partitions }, join(root, spool), spool);
  }

  private async drainLoop(): Promise<void> {
    const { clock } = this.options;
    const { signal } = this.stopping;
    let woken = nothing();
    this.wakeDrain = () => woken.resolve();
    while (!signal.aborted) {
      woken = nothing();
      const drained = await this.drainTurn(() => this.drainOwn(false));
      if (!drained) {
        this.report({ clicks: 0, lastAt: 0, idle: true });
        await woken.promise;
      } else if (drained.clicks < gatherClicks) {
        await clock.sleep(gatherMs, signal);
      }
    }
  }

  private async drainOwn(closed: boolean) {
    const drained = await this.own.step(closed);
    if (drained) {
      this.drainedSinceRoll += drained.clicks;
      this.report({ ...drained, idle: false });
      this.wakeRoll();
    }
    return drained;
  }

  private async rollLoop(): Promise<void> {
    const { clock } = this.options;
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const woken = nothing();
      this.wakeRoll = () => woken.resolve();
      const started = clock.monotonic();
      const rolled = await this.rollTurn(() => this.roller.roll());
      const now = clock.monotonic();
      const rate = (this.drainedSinceRoll * 1000) / Math.max(1, now - this.rolledAt);
      this.drainedSinceRoll = 0;
      this.rolledAt = now;
      if (rate > busyClicksPerSecond) {
        const pause = (now - started) * (1 / rollShareMax - 1);
        await clock.sleep(Math.max(rollPauseMs, pause), signal);
      } else if (rolled && rolled.batches > 0) {
        await clock.sleep(rollPauseMs, signal);
      } else {
        const timer = setTimeout(woken.resolve, rollIdleMs);
        await woken.promise;
        clearTimeout(timer);
      }
    }
  }

  private async houseLoop(): Promise<void> {
    const { clock, db, retentionDays, log } = this.options;
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await this.keepKeys();
      const today = Math.floor(clock.now() / dayMs);
      await this.partitions.ensure([today, today + 1]);
      await this.adoptTurn(() => this.adopt());
      await db.write((tx) => tx.run`DELETE FROM links.click_watchers WHERE until < now()`);
      if (clock.monotonic() - this.prunedAt > pruneEveryMs) {
        const dropped = await this.partitions.prune(clock.now(), retentionDays);
        if (dropped.length > 0) log.info("dropped raw clicks past their retention", { dropped });
        await db.write(
          (tx) => tx.run`DELETE FROM links.click_spools
            WHERE updated_at < now() - make_interval(days => ${spoolRowsKeptDays})`,
        );
        this.prunedAt = clock.monotonic();
      }
      await clock.sleep(housekeepingMs, signal);
    }
  }

  /** Shares today's and tomorrow's keys with all processes and deletes those of days past. */
  private async keepKeys(): Promise<void> {
    const { clock, db, key, visitors } = this.options;
    const today = Math.floor(clock.now() / dayMs);
    await db.write(
      (tx) => tx.run`
      DELETE FROM links.visitor_keys WHERE day < ${dayName(today)}::date`,
    );
    if (!visitors) return;
    for (const day of [today, today + 1]) {
      const fresh = crypto.getRandomValues(new Uint8Array(32));
      const row = await db.write(
        (tx) => tx.one<{ key: Uint8Array }>`
        INSERT INTO links.visitor_keys AS k (day, key) VALUES (${dayName(day)}::date, ${fresh})
        ON CONFLICT (day) DO UPDATE SET key = k.key RETURNING key`,
      );
      if (row) key(day, new Uint8Array(row.key));
    }
  }

  /** Drains the spools that have lost their process. */
  private async adopt(): Promise<void> {
    const { root, own, log } = this.options;
    for (const spool of spoolsIn(root)) {
      if (this.stopping.signal.aborted) return;
      if (spool === own) continue;
      const folder = join(root, spool);
      const lock = claim(folder);
      if (!lock) continue;
      try {
        log.info("adopting the clicks of a process that died", { spool, bytes: bytesOf(folder) });
        const drain = this.drainOf(spool);
        for (;;) {
          this.adoptedBytes = bytesOf(folder);
          const drained = await drain.step(true);
          if (!drained) break;
          this.drainedSinceRoll += drained.clicks;
          this.report({ clicks: drained.clicks, lastAt: 0, idle: false });
          this.wakeRoll();
        }
        await drain.remove();
        this.tornBytes += drain.tornBytes;
        this.adoptedBytes = 0;
      } finally {
        lock.release();
      }
    }
  }

  private report(said: { clicks: number; lastAt: number; idle: boolean }): void {
    this.options.progress({
      ...said,
      position: this.own.position(),
      removedBytes: this.own.removedBytes,
      adoptedBytes: this.adoptedBytes,
      tornBytes: this.own.tornBytes + this.tornBytes,
    });
  }

  private async repeat(what: string, loop: () => Promise<void>): Promise<void> {
    const { clock, log } = this.options;
    const { signal } = this.stopping;
    let waitMs = retryMsMin;
    let failedAt = clock.monotonic();
    while (!signal.aborted) {
      try {
        await loop();
      } catch (error) {
        if (signal.aborted) return;
        const now = clock.monotonic();
        waitMs = now - failedAt > 4 * retryMsMax ? retryMsMin : Math.min(waitMs * 2, retryMsMax);
        failedAt = now;
        log.warn(`${what} failed; trying again`, { error, retry_ms: waitMs });
        // Processes that failed together should not come back together.
        const spread = crypto.getRandomValues(new Uint8Array(1))[0]! / 255;
        await clock.sleep(waitMs * (0.5 + spread / 2), signal);
      }
    }
  }
}

function nothing() {
  return Promise.withResolvers<void>();
}

/** Lets one piece of work run at a time. */
function turns() {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work, work);
    last = mine.catch(() => {});
    return mine;
  };
}
