import type { Clock } from "../clock/clock.ts";
import type { Db, Reader, Writer } from "../db/db.ts";
import type { Migration } from "../db/migrate.ts";
import { assert } from "../errors/errors.ts";
import type { Ids } from "../ids/ids.ts";
import type { Log } from "../log/log.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { type Bell, createBell } from "./bell.ts";
import type { DeadJob, JobHandler, JobRunner, Jobs, Schedule } from "./jobs.ts";
import * as store from "./store.ts";
import { jitter, type RunDeps, runJob, StoppedRun } from "./run.ts";
import { createSchedules, type Schedules } from "./schedules.ts";
import schema from "./schema.sql" with { type: "text" };

/**
 * Runs jobs from one table. A loop writes the outcomes of finished runs and takes due jobs in
 * the same short transaction, so the busier it is the larger the batches. A taken job is leased:
 * the lease is renewed while it runs, and a job whose process died is taken again once it ends.
 * A run carries a number, so a process that lost its lease cannot overwrite the next run's
 * outcome. Idle, it sleeps until it is woken, the next job is due, or the slow poll.
 */
export const jobsMigration: Migration = { id: "platform/jobs/1", sql: schema };

export const leaseMs = 9_000;
const renewEveryMs = 3_000;
const pollEveryMs = 2_000;
const outagePauseMs = 500;
const takenPerKindMax = 100;
const defaultConcurrency = 10;
export const deadRetentionDays = 30;
const dayMs = 86_400_000;

export type JobsOptions = {
  db: Db;
  clock: Clock;
  log: Log;
  ids: Ids;
  metrics?: Metrics;
  /** For the jitter of waits. */
  random?: () => number;
};

export function createJobs(options: JobsOptions): JobRunner {
  const runner = new Runner(options);
  runner.register(
    [
      {
        kind: "platform.sweep_dead_jobs",
        run: async () => {
          await store.sweepDead(options.db, options.clock.now() - deadRetentionDays * dayMs);
        },
      },
    ],
    [{ kind: "platform.sweep_dead_jobs", cron: "17 3 * * *" }],
  );
  return runner;
}

type Running = {
  taken: store.Taken;
  abort: AbortController;
  leaseUntilMs: number;
  finished: Promise<void>;
};

class Runner implements JobRunner {
  private readonly db: Db;
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly ids: Ids;
  private readonly runDeps: RunDeps;
  private readonly bell: Bell;
  private readonly schedules: Schedules;
  private readonly handlers = new Map<string, JobHandler>();
  private readonly feeders: (() => Promise<number>)[] = [];
  private readonly running = new Map<string, Running>();
  private readonly stopping = new AbortController();
  private readonly leasing = new AbortController();
  private outcomes: store.Outcome[] = [];
  private ticking: Promise<unknown> = Promise.resolve();
  private loops: Promise<unknown> = Promise.resolve();

  constructor({ db, clock, log, ids, metrics, random = Math.random }: JobsOptions) {
    this.db = db;
    this.clock = clock;
    this.log = log;
    this.ids = ids;
    this.runDeps = { clock, log, random, ...(metrics && { metrics }) };
    this.bell = createBell({ db, clock, log, channel: "stoa_jobs" });
    const enqueue: Jobs["enqueue"] = (tx, job) => this.enqueue(tx, job);
    this.schedules = createSchedules({ db, clock, enqueue });
    this.feeders.push(this.schedules.fireDue);
    metrics?.gauge("stoa_jobs_running", "Jobs this process is running.", () => this.running.size);
  }

  register(handlers: JobHandler[], schedules: Schedule[]): void {
    for (const handler of handlers) {
      assert(!this.handlers.has(handler.kind), `two handlers for jobs of kind ${handler.kind}`);
      this.handlers.set(handler.kind, handler);
    }
    for (const { kind } of schedules) assert(this.handlers.has(kind), `nobody runs ${kind}`);
    this.schedules.add(schedules);
  }

  feedBy(feeder: () => Promise<number>): void {
    this.feeders.push(feeder);
  }

  readonly ring = (): void => this.bell.ring();

  async enqueue(tx: Writer, job: store.NewJob): Promise<void> {
    await store.insertJob(tx, this.ids.next(), job, this.clock.now());
    tx.afterCommit(this.bell.ring);
  }

  async enqueueAll(tx: Writer, jobs: { kind: string; payload: unknown }[]): Promise<void> {
    if (jobs.length === 0) return;
    await store.insertJobs(tx, jobs, this.ids, this.clock.now());
    tx.afterCommit(this.bell.ring);
  }

  dead(reader: Reader, options: Parameters<Jobs["dead"]>[1]): Promise<DeadJob[]> {
    return store.deadJobs(reader, options);
  }

  async replay(tx: Writer, id: string): Promise<boolean> {
    tx.afterCommit(this.bell.ring);
    return await store.replayJob(tx, id, this.clock.now());
  }

  start(): void {
    const { signal } = this.stopping;
    this.loops = Promise.all([this.bell.listen(signal), this.work(signal), this.keepLeases()]);
  }

  async settle(): Promise<void> {
    for (;;) {
      const took = await this.tickAlone();
      const ends = [...this.running.values()].map((entry) => entry.finished);
      if (took === 0 && ends.length === 0 && this.outcomes.length === 0) return;
      if (took === 0 && ends.length > 0) await Promise.race(ends);
    }
  }

  async stop(deadline: AbortSignal): Promise<void> {
    this.stopping.abort();
    const late = new Promise<void>((resolve) => {
      if (deadline.aborted) resolve();
      deadline.addEventListener("abort", () => resolve());
    });
    await Promise.race([this.ticking.then(() => this.allFinished()), late]);
    for (const entry of this.running.values()) entry.abort.abort(new StoppedRun("stopping"));
    await this.allFinished();
    this.leasing.abort();
    await this.tickAlone().catch((error: unknown) => {
      this.log.warn("what finished last is not recorded and will run again", { error });
    });
    await this.loops;
  }

  private async work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if ((await this.tickAlone()) > 0) continue;
        await this.bell.wait(await this.idleMs(), signal);
      } catch (error) {
        this.log.warn("the job queue does not answer; trying again", { error });
        await this.clock.sleep(outagePauseMs, signal);
      }
    }
  }

  private async idleMs(): Promise<number> {
    const now = this.clock.now();
    const due = (await store.nextDue(this.db, [...this.handlers.keys()], now)) ?? Infinity;
    const untilMs = Math.min(due, this.schedules.nextAt()) - now;
    return Math.min(pollEveryMs * (1 - jitter * this.runDeps.random()), Math.max(untilMs, 1));
  }

  /** One tick at a time, whoever asks for it. */
  private tickAlone(): Promise<number> {
    const mine = this.ticking.then(() => this.tick());
    this.ticking = mine.catch(() => {});
    return mine;
  }

  /** Writes outcomes, takes due jobs and starts them. Returns how much it moved. */
  private async tick(): Promise<number> {
    const open = !this.stopping.signal.aborted;
    const fed = open ? await this.feed() : 0;
    const free = open ? this.freePlaces() : new Map<string, number>();
    const ended = this.outcomes;
    if (ended.length === 0 && free.size === 0) return fed;
    this.outcomes = [];
    const leaseUntilMs = this.clock.monotonic() + leaseMs;
    const now = this.clock.now();
    try {
      const taken = await this.db.write(async (tx) => {
        if (ended.length > 0) await store.recordOutcomes(tx, ended);
        return free.size > 0 ? await store.takeJobs(tx, free, { now, leaseMs }) : [];
      });
      for (const job of taken) this.begin(job, leaseUntilMs);
      return fed + taken.length;
    } catch (error) {
      this.outcomes.unshift(...ended);
      throw error;
    }
  }

  /** A feeder that fails must not keep due jobs from being taken. */
  private async feed(): Promise<number> {
    let fed = 0;
    for (const feeder of this.feeders) {
      try {
        fed += await feeder();
      } catch (error) {
        this.log.warn("what waits for the job queue could not be moved", { error });
      }
    }
    return fed;
  }

  private freePlaces(): Map<string, number> {
    const used = new Map<string, number>();
    for (const { taken } of this.running.values()) {
      used.set(taken.kind, (used.get(taken.kind) ?? 0) + 1);
    }
    const free = new Map<string, number>();
    for (const [kind, { concurrency = defaultConcurrency }] of this.handlers) {
      const places = Math.min(takenPerKindMax, concurrency - (used.get(kind) ?? 0));
      if (places > 0) free.set(kind, places);
    }
    return free;
  }

  private begin(taken: store.Taken, leaseUntilMs: number): void {
    const abort = new AbortController();
    const handler = this.handlers.get(taken.kind);
    assert(handler, `took a job of kind ${taken.kind}, which nobody runs`);
    // A run of the same job that lost its lease may still be winding down.
    this.running.get(taken.id)?.abort.abort(new StoppedRun("lease lost"));
    const finished = runJob(this.runDeps, handler, taken, abort).then((outcome) => {
      if (this.running.get(taken.id) === entry) this.running.delete(taken.id);
      if (outcome) this.outcomes.push(outcome);
      this.bell.ringHere();
    });
    const entry: Running = { taken, abort, leaseUntilMs, finished };
    this.running.set(taken.id, entry);
  }

  private async allFinished(): Promise<void> {
    await Promise.all([...this.running.values()].map((entry) => entry.finished));
  }

  private async keepLeases(): Promise<void> {
    const { signal } = this.leasing;
    while (!signal.aborted) {
      await this.clock.sleep(renewEveryMs, signal);
      const held = [...this.running.values()];
      if (held.length > 0 && !signal.aborted) await this.renew(held);
    }
  }

  /** Gives up the runs whose job another process may be running by now. */
  private async renew(held: Running[]): Promise<void> {
    const leaseUntilMs = this.clock.monotonic() + leaseMs;
    let lost: Running[];
    try {
      const runs = held.map(({ taken }) => ({ id: taken.id, run: taken.run }));
      const kept = await store.renewLeases(this.db, runs, leaseMs);
      for (const entry of held) if (kept.has(entry.taken.id)) entry.leaseUntilMs = leaseUntilMs;
      lost = held.filter((entry) => !kept.has(entry.taken.id));
    } catch (error) {
      this.log.warn("the leases of running jobs could not be renewed", { error });
      lost = held.filter((entry) => this.clock.monotonic() >= entry.leaseUntilMs);
    }
    for (const entry of lost) entry.abort.abort(new StoppedRun("lease lost"));
  }
}
