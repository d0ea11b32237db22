import type { Clock } from "../clock/clock.ts";
import type { Db, Reader, Writer } from "../db/db.ts";
import { assert } from "../errors/errors.ts";
import type { Ids } from "../ids/ids.ts";
import type { Log } from "../log/log.ts";
import { type Bell, createBell } from "./bell.ts";
import { deadJobs, replayJob } from "./dead-letters.ts";
import type { DeadJob, JobHandler, JobRunner, Jobs, JobsOptions, Schedule } from "./jobs.ts";
import { jitter } from "./run.ts";
import { leaseMs, Runs } from "./runs.ts";
import { createSchedules, type Schedules } from "./schedules.ts";
import * as store from "./store.ts";

/**
 * Runs jobs from one table. A loop writes the outcomes of finished runs and takes due jobs in
 * the same short transaction, so the busier it is the larger the batches. A taken job is leased:
 * the lease is renewed while it runs, and a job whose process died is taken again once it ends.
 * A run carries a number, so a process that lost its lease cannot overwrite the next run's
 * outcome. Idle, it sleeps until it is woken, the next job is due, or the slow poll.
 */
const pollEveryMs = 2_000;
const outagePauseMs = 500;
const takenPerKindMax = 100;
const defaultConcurrency = 10;

export class Runner implements JobRunner {
  private readonly db: Db;
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly ids: Ids;
  private readonly random: () => number;
  private readonly bell: Bell;
  private readonly schedules: Schedules;
  private readonly handlers = new Map<string, JobHandler>();
  private readonly feeders: (() => Promise<number>)[] = [];
  private readonly runs: Runs;
  private readonly stopping = new AbortController();
  private readonly leasing = new AbortController();
  private ticking: Promise<unknown> = Promise.resolve();
  private loops: Promise<unknown> = Promise.resolve();

  constructor({ db, clock, log, ids, metrics, random = Math.random }: JobsOptions) {
    this.db = db;
    this.clock = clock;
    this.log = log;
    this.ids = ids;
    this.random = random;
    this.bell = createBell({ db, clock, log, channel: "stoa_jobs" });
    this.runs = new Runs({ db, clock, log, random, metrics, ended: this.bell.ringHere });
    const enqueue: Jobs["enqueue"] = (tx, job) => this.enqueue(tx, job);
    this.schedules = createSchedules({ db, clock, enqueue });
    this.feeders.push(this.schedules.fireDue);
    metrics?.gauge("stoa_jobs_running", "Jobs this process is running.", () => this.runs.size);
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
    return deadJobs(reader, options);
  }

  async replay(tx: Writer, id: string): Promise<boolean> {
    tx.afterCommit(this.bell.ring);
    return await replayJob(tx, id, this.clock.now());
  }

  start(): void {
    const { signal } = this.stopping;
    this.loops = Promise.all([
      this.bell.listen(signal),
      this.work(signal),
      this.runs.keepLeases(this.leasing.signal),
    ]);
  }

  async settle(): Promise<void> {
    for (;;) {
      const took = await this.tickAlone();
      if (took > 0) continue;
      if (this.runs.size === 0 && !this.runs.hasOutcomes()) return;
      await this.runs.anyEnd();
    }
  }

  async stop(deadline: AbortSignal): Promise<void> {
    this.stopping.abort();
    const late = new Promise((resolve) => deadline.addEventListener("abort", resolve));
    const ended = this.ticking.then(() => this.runs.allEnd());
    if (!deadline.aborted) await Promise.race([ended, late]);
    // What a slow tick has taken meanwhile is given back as well, not left to its lease.
    await this.ticking;
    await this.runs.stopAll();
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
    return Math.min(pollEveryMs * (1 - jitter * this.random()), Math.max(untilMs, 1));
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
    const ended = this.runs.takeOutcomes();
    if (ended.length === 0 && free.size === 0) return fed;
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
      this.runs.keepOutcomes(ended);
      throw error;
    }
  }

  private begin(job: store.Taken, leaseUntilMs: number): void {
    const handler = this.handlers.get(job.kind);
    assert(handler, `took a job of kind ${job.kind}, which nobody runs`);
    this.runs.begin(handler, job, leaseUntilMs);
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
    const used = this.runs.countByKind();
    const free = new Map<string, number>();
    for (const [kind, { concurrency = defaultConcurrency }] of this.handlers) {
      const places = Math.min(takenPerKindMax, concurrency - (used.get(kind) ?? 0));
      if (places > 0) free.set(kind, places);
    }
    return free;
  }
}
