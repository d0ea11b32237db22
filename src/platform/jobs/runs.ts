import type { Db } from "../db/db.ts";
import type { JobHandler } from "./jobs.ts";
import { type RunDeps, runJob, StoppedRun } from "./run.ts";
import { type Outcome, renewLeases, type Taken } from "./store.ts";

/** The runs of this process: their leases, and what came of them until it is written down. */
export const leaseMs = 9_000;
const renewEveryMs = 3_000;

type Running = {
  taken: Taken;
  abort: AbortController;
  leaseUntilMs: number;
  finished: Promise<void>;
};

export class Runs {
  private readonly deps: RunDeps & { db: Db; ended(): void };
  private readonly running = new Map<string, Running>();
  private outcomes: Outcome[] = [];

  constructor(deps: RunDeps & { db: Db; ended(): void }) {
    this.deps = deps;
  }

  get size(): number {
    return this.running.size;
  }

  countByKind(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { taken } of this.running.values()) {
      counts.set(taken.kind, (counts.get(taken.kind) ?? 0) + 1);
    }
    return counts;
  }

  begin(handler: JobHandler, taken: Taken, leaseUntilMs: number): void {
    const abort = new AbortController();
    // A run of the same job that lost its lease may still be winding down.
    this.running.get(taken.id)?.abort.abort(new StoppedRun("lease lost"));
    const finished = runJob(this.deps, handler, taken, abort).then((outcome) => {
      if (this.running.get(taken.id) === entry) this.running.delete(taken.id);
      if (outcome) this.outcomes.push(outcome);
      this.deps.ended();
    });
    const entry: Running = { taken, abort, leaseUntilMs, finished };
    this.running.set(taken.id, entry);
  }

  hasOutcomes(): boolean {
    return this.outcomes.length > 0;
  }

  takeOutcomes(): Outcome[] {
    return this.outcomes.splice(0);
  }

  /** Those that could not be written down yet. */
  keepOutcomes(outcomes: Outcome[]): void {
    this.outcomes.unshift(...outcomes);
  }

  async anyEnd(): Promise<void> {
    if (this.running.size === 0) return;
    await Promise.race([...this.running.values()].map((entry) => entry.finished));
  }

  async allEnd(): Promise<void> {
    await Promise.all([...this.running.values()].map((entry) => entry.finished));
  }

  /** Gives everything up that still runs; it goes back into the queue. */
  async stopAll(): Promise<void> {
    for (const entry of this.running.values()) entry.abort.abort(new StoppedRun("stopping"));
    await this.allEnd();
  }

  async keepLeases(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.deps.clock.sleep(renewEveryMs, signal);
      const held = [...this.running.values()];
      if (held.length > 0 && !signal.aborted) await this.renew(held);
    }
  }

  /** Gives up the runs whose job another process may be running by now. */
  private async renew(held: Running[]): Promise<void> {
    const { db, clock, log } = this.deps;
    const leaseUntilMs = clock.monotonic() + leaseMs;
    let lost: Running[];
    try {
      const runs = held.map(({ taken }) => ({ id: taken.id, run: taken.run }));
      const kept = await renewLeases(db, runs, leaseMs);
      for (const entry of held) if (kept.has(entry.taken.id)) entry.leaseUntilMs = leaseUntilMs;
      lost = held.filter((entry) => !kept.has(entry.taken.id));
    } catch (error) {
      log.warn("the leases of running jobs could not be renewed", { error });
      lost = held.filter((entry) => clock.monotonic() >= entry.leaseUntilMs);
    }
    for (const entry of lost) entry.abort.abort(new StoppedRun("lease lost"));
  }
}
