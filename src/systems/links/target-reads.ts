import { type Reader, withDeadline } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import { findTarget, findTargets, type TargetPlace, type TargetRow } from "./store.ts";

/**
 * Group reads. A lone miss goes to the database at once and alone; misses that come while reads
 * are under way share the next one, so that a flood of them, which is what somebody who guesses
 * codes makes, costs a round trip a batch and not a code.
 */
type Waiting = {
  place: TargetPlace;
  answer: PromiseWithResolvers<TargetRow | null>;
  timer: ReturnType<typeof setTimeout>;
};

/** So few that a batch which the database must fetch from its disk delays few visitors. */
const batchMax = 100;
/** One is made while the other is answered; more would only make the batches smaller. */
const readsAtOnce = 2;
/** Past this, a visitor is told at once to come back. */
const waitingMax = 20_000;

export class TargetReads {
  /** Statements sent. */
  sent = 0;
  private readonly reader: Reader;
  private readonly timeoutMs: number;
  private readonly waiting: Waiting[] = [];
  private running = 0;

  /** Nobody waits longer than `timeoutMs`. */
  constructor(reader: Reader, timeoutMs: number) {
    this.reader = reader;
    this.timeoutMs = timeoutMs;
  }

  /** What the database says at some moment after this call. Rejects as each query does. */
  find(place: TargetPlace): Promise<TargetRow | null> {
    if (this.waiting.length >= waitingMax) {
      const message = "Too many visitors wait for the database.";
      return Promise.reject(new AppError("server.busy", message, { retryAfterSeconds: 2 }));
    }
    const answer = Promise.withResolvers<TargetRow | null>();
    const timer = setTimeout(() => answer.reject(late()), this.timeoutMs);
    this.waiting.push({ place, answer, timer });
    if (this.running < readsAtOnce) void this.work();
    return answer.promise;
  }

  private async work(): Promise<void> {
    this.running++;
    while (this.waiting.length > 0) await this.read(this.waiting.splice(0, batchMax));
    this.running--;
  }

  private async read(batch: Waiting[]): Promise<void> {
    this.sent++;
    try {
      const found = await withDeadline(this.query(batch), this.timeoutMs);
      for (const [i, { answer, timer }] of batch.entries()) {
        clearTimeout(timer);
        answer.resolve(found[i] ?? null);
      }
    } catch (error) {
      refuse(batch, error);
      // An outage is everybody's: whoever came since would wait as long for the same database.
      if (error instanceof AppError) refuse(this.waiting.splice(0), error);
    }
  }

  private async query(batch: Waiting[]): Promise<(TargetRow | null)[]> {
    const places = batch.map(({ place }) => place);
    // A statement for one is quicker than one for many of which there is one.
    const [lone] = places;
    if (lone && places.length === 1) return [await findTarget(this.reader, lone)];
    return await findTargets(this.reader, places);
  }
}

function refuse(batch: Waiting[], error: unknown): void {
  for (const { answer, timer } of batch) {
    clearTimeout(timer);
    answer.reject(error);
  }
}

function late(): AppError {
  const message = "The database did not answer in time.";
  return new AppError("server.database_unavailable", message, { retryAfterSeconds: 2 });
}
