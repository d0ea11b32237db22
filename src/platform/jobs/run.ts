import type { Clock } from "../clock/clock.ts";
import { type Log, maskSecrets } from "../log/log.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Job, JobHandler } from "./jobs.ts";
import type { Outcome, Taken } from "./store.ts";

/** One run of one job: how long it may take, and what its end means for the job. */
export const defaultBackoffSeconds = [1, 5, 30, 120, 600, 3_600];
const defaultTimeoutMs = 60_000;
const errorLengthMax = 2_000;
/** Runs that ended with their process; a job that keeps killing it must not do so for ever. */
export const lostMax = 5;
/** Waits are up to this much longer, so that jobs that failed together do not return together. */
export const jitter = 0.2;

export type RunDeps = {
  clock: Clock;
  log: Log;
  random: () => number;
  metrics?: Metrics | undefined;
};

/** Why a run was given up from outside, as the reason of its abort signal. */
export class StoppedRun extends Error {
  readonly why: "stopping" | "lease lost";
  constructor(why: "stopping" | "lease lost") {
    super(`the run was given up: ${why}`);
    this.why = why;
  }
}

/** Never throws. Null: the lease was lost, so the outcome is another run's to write. */
export async function runJob(
  deps: RunDeps,
  handler: JobHandler,
  taken: Taken,
  abort: AbortController,
): Promise<Outcome | null> {
  const { id, run, kind, attempt } = taken;
  const began = deps.clock.monotonic();
  let outcome: Outcome;
  try {
    if (taken.lost > lostMax) throw new Error(`its process ended during ${taken.lost} runs`);
    await runInTime(deps.clock, handler, taken, abort);
    outcome = { id, run, end: "done" };
  } catch (error) {
    if (error instanceof StoppedRun && error.why === "lease lost") return null;
    if (error instanceof StoppedRun) return { id, run, end: "returned" };
    outcome = failure(deps, handler, taken, error);
    deps.log.warn("a job failed", { job_id: id, kind, attempt, end: outcome.end, error });
  }
  measure(deps.metrics, kind, outcome.end, (deps.clock.monotonic() - began) / 1000);
  return outcome;
}

/** A handler that does not heed its signal is left behind, so that it holds no place. */
async function runInTime(
  clock: Clock,
  handler: JobHandler,
  taken: Taken,
  abort: AbortController,
): Promise<void> {
  const { id, kind, payload, attempt, key } = taken;
  const job: Job = { id, kind, payload, attempt, key };
  const over = new AbortController();
  const timeoutMs = handler.timeoutMs ?? defaultTimeoutMs;
  const aborted = new Promise<never>((_, reject) => {
    abort.signal.addEventListener("abort", () => reject(abort.signal.reason as Error));
  });
  void clock.sleep(timeoutMs, over.signal).then(() => {
    if (!over.signal.aborted) abort.abort(new Error(`no end after ${timeoutMs} ms`));
  });
  try {
    await Promise.race([(async () => await handler.run(job, abort.signal))(), aborted]);
  } finally {
    over.abort();
  }
}

function failure(deps: RunDeps, handler: JobHandler, taken: Taken, cause: unknown): Outcome {
  const { id, run, attempt, lost } = taken;
  const error = describe(cause);
  const waits = handler.backoffSeconds ?? defaultBackoffSeconds;
  const seconds = lost > lostMax ? undefined : waits[attempt - 1];
  const now = deps.clock.now();
  if (seconds === undefined) return { id, run, end: "dead", at: now, error };
  const waitMs = seconds * 1000 * (1 + jitter * deps.random());
  return { id, run, end: "retry", runAt: Math.ceil(now + waitMs), error };
}

/** Text that PostgreSQL surely takes: one bad outcome would hold up all that go with it. */
function describe(cause: unknown): string {
  const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : Bun.inspect(cause);
  return maskSecrets(text).replaceAll("\0", "").slice(0, errorLengthMax).toWellFormed();
}

function measure(metrics: Metrics | undefined, kind: string, end: string, seconds: number): void {
  if (!metrics) return;
  metrics.histogram("stoa_job_seconds", "Time one run took.", { kind }).observe(seconds);
  metrics.counter("stoa_jobs_total", "Runs by how they ended.", { kind, end }).add();
}
