import { isLockTimeout } from "../../../platform/db/sqlstate.ts";
import { AppError } from "../../../platform/errors/errors.ts";

/**
 * Group commit that keeps the order within each conversation. What waits shares the next
 * transaction, whichever conversations it is for, but a conversation is in one transaction at a
 * time: a second one would only wait for its row, with half of the messages that a later one can
 * take. Two transactions at once let one wait for the disk while the other is made. Rejected: the
 * batches of platform/http, which know no conversations.
 *
 * Where a batch fails as a whole, each conversation tries alone, and then each message, so that a
 * bad one refuses only itself.
 */
export type LanesOptions<In, Out> = {
  laneOf(one: In): string;
  /** Makes all durable or none. */
  write(batch: In[], lockTimeoutMs: number): Promise<Written<Out>>;
};

/** The answer to each in its place, and what tells others before the answers; it does not throw. */
export type Written<Out> = { outcomes: (Out | AppError)[]; tell(): void };

type Waiting<In, Out> = { one: In; done: PromiseWithResolvers<Out> };

const batchMax = 256;
const transactionsAtOnce = 2;
/** Fewer wait for the transaction under way: small ones cost more than they save. */
const secondFrom = 96;
const waitingMax = 20_000;
/** Longest that messages of many conversations wait for the row of one of them. */
const sharedLockMsMax = 100;
const aloneLockMsMax = 2_000;

export class Lanes<In, Out extends object> {
  private readonly options: LanesOptions<In, Out>;
  private readonly waiting = new Map<string, Waiting<In, Out>[]>();
  private readonly busy = new Set<string>();
  private count = 0;
  /** How many wait whose conversation is in no transaction. */
  private ready = 0;
  private running = 0;

  constructor(options: LanesOptions<In, Out>) {
    this.options = options;
  }

  async add(one: In): Promise<Out> {
    if (this.count >= waitingMax) throw busy("Too many messages wait to be stored; try again.");
    const lane = this.options.laneOf(one);
    const done = Promise.withResolvers<Out>();
    const others = this.waiting.get(lane);
    if (others) others.push({ one, done });
    else this.waiting.set(lane, [{ one, done }]);
    this.count++;
    if (!this.busy.has(lane)) this.ready++;
    this.work();
    return await done.promise;
  }

  private work(): void {
    while (this.running < transactionsAtOnce) {
      if (this.ready < (this.running === 0 ? 1 : secondFrom)) return;
      this.running++;
      void this.attempt(this.take()).finally(() => {
        // Those just answered may have more to say: one turn of the loop lets them join.
        setImmediate(() => this.work());
      });
    }
  }

  private take(): Map<string, Waiting<In, Out>[]> {
    const batch = new Map<string, Waiting<In, Out>[]>();
    let room = batchMax;
    for (const [lane, each] of this.waiting) {
      if (room === 0) break;
      if (this.busy.has(lane)) continue;
      this.ready -= each.length;
      const taken = each.splice(0, room);
      room -= taken.length;
      if (each.length === 0) this.waiting.delete(lane);
      batch.set(lane, taken);
      this.busy.add(lane);
    }
    this.count -= batchMax - room;
    return batch;
  }

  /** Never rejects: each of the batch is told what became of it. */
  private async attempt(batch: Map<string, Waiting<In, Out>[]>): Promise<void> {
    const all = [...batch.values()].flat();
    let written: Written<Out>;
    try {
      written = await this.write(all, sharedLockMsMax);
    } catch (error) {
      this.running--;
      // An outage is everybody's, and asking again for each would only add to it.
      if (!(error instanceof AppError)) return this.apart(batch);
      rejectAll(all, error);
      for (const lane of batch.keys()) this.free(lane);
      return;
    }
    this.running--;
    for (const lane of batch.keys()) this.free(lane);
    // To tell a crowd takes milliseconds, which the next transaction has for its first statements.
    if (this.ready >= all.length / 2) this.work();
    settle(all, written);
  }

  private free(lane: string): void {
    this.busy.delete(lane);
    this.ready += this.waiting.get(lane)?.length ?? 0;
  }

  /** Beside the others: one conversation whose row is held must not hold up the rest. */
  private apart(batch: Map<string, Waiting<In, Out>[]>): void {
    for (const [lane, each] of batch) {
      void this.alone(each).finally(() => {
        this.free(lane);
        this.work();
      });
    }
  }

  private async alone(each: Waiting<In, Out>[]): Promise<void> {
    try {
      settle(each, await this.write(each, aloneLockMsMax));
    } catch (error) {
      if (isLockTimeout(error)) rejectAll(each, busy("The conversation is being changed."));
      else if (each.length === 1 || error instanceof AppError) rejectAll(each, error);
      else for (const one of each) await this.alone([one]);
    }
  }

  private async write(each: Waiting<In, Out>[], lockTimeoutMs: number): Promise<Written<Out>> {
    return await this.options.write(
      each.map((waiting) => waiting.one),
      lockTimeoutMs,
    );
  }
}

function settle<In, Out>(each: Waiting<In, Out>[], { outcomes, tell }: Written<Out>): void {
  tell();
  for (const [i, { done }] of each.entries()) {
    const outcome = outcomes[i] as Out | AppError;
    if (outcome instanceof AppError) done.reject(outcome);
    else done.resolve(outcome);
  }
}

function rejectAll<In, Out>(each: Waiting<In, Out>[], why: unknown): void {
  for (const { done } of each) done.reject(why);
}

function busy(message: string): AppError {
  return new AppError("server.busy", message, { retryAfterSeconds: 1 });
}
