import type { Clock } from "../clock/clock.ts";
import type { Db, Reader, Writer } from "../db/db.ts";
import type { Ids } from "../ids/ids.ts";
import type { Log } from "../log/log.ts";
import type { Metrics } from "../metrics/metrics.ts";

/** One unit of background work. Runs at least once: the handler must bear a repeat. */
export type Job = {
  id: string;
  kind: string;
  payload: unknown;
  attempt: number;
  key: string | null;
};

export type JobHandler = {
  kind: string;
  /**
   * Seconds to wait, at least, before try 2, 3, ...; after the last one the job is dead and
   * listed. A try that its process did not survive is not counted.
   */
  backoffSeconds?: readonly number[];
  timeoutMs?: number;
  /** How many of this kind one process runs at once. */
  concurrency?: number;
  run(job: Job, signal: AbortSignal): Promise<void>;
};

/** A job that is queued by the clock, once per due time across all processes. */
export type Schedule = { kind: string; /** Five fields, UTC. */ cron: string; payload?: unknown };

export interface Jobs {
  /**
   * Queues a job in the caller's transaction. `key` makes it unique among unfinished jobs of
   * its kind: queued again while it waits it is the same job, queued again while it runs it
   * runs once more afterwards, so that no change is missed. `runAt` is milliseconds since 1970.
   */
  enqueue(
    tx: Writer,
    job: { kind: string; payload: unknown; key?: string; runAt?: number },
  ): Promise<void>;
  /** Dead jobs, newest first. `cursor` is the id of the last one seen. */
  dead(
    reader: Reader,
    options: { kind?: string; limit: number; cursor?: string },
  ): Promise<DeadJob[]>;
  /** Puts a dead job back into the queue. False: no such dead job. */
  replay(tx: Writer, id: string): Promise<boolean>;
}

export type DeadJob = {
  id: string;
  kind: string;
  payload: unknown;
  attempts: number;
  error: string;
  died_at: Date;
};

/** The jobs block as the composition root and other blocks see it. */
export type JobRunner = Jobs & {
  register(handlers: JobHandler[], schedules: Schedule[]): void;
  /**
   * Called before each look for due jobs, to turn what waits elsewhere into jobs. Returns how
   * much it moved; the next call follows at once when that is not 0.
   */
  feedBy(feeder: () => Promise<number>): void;
  /** Wakes the loops of all processes. */
  ring(): void;
  /** Queues many jobs without keys in one statement. */
  enqueueAll(tx: Writer, jobs: { kind: string; payload: unknown }[]): Promise<void>;
  start(): void;
  /** Runs everything that is due until nothing is. For tests; works without `start`. */
  settle(): Promise<void>;
  /** Takes nothing more; what still runs at the deadline goes back into the store. */
  stop(deadline: AbortSignal): Promise<void>;
};

export type JobsOptions = {
  db: Db;
  clock: Clock;
  log: Log;
  ids: Ids;
  metrics?: Metrics | undefined;
  /** For the jitter of waits. */
  random?: () => number;
};
