import { AppError } from "../errors/errors.ts";

/**
 * Group commit. Writes that arrive while a transaction is under way share the next one, so that
 * under load a commit's wait for the disk and its round trips are paid once for many. A lone
 * write goes at once. What makes a batch fail as a whole is tried once more by each of its
 * members alone, outside of the queue, so that a bad one neither fails its neighbours nor holds
 * up those who come after. Rejected: waiting a moment for company, which a lone caller pays for.
 */
export type Batches<In, Out> = { add(one: In): Promise<Out> };

type Waiting<In, Out> = { one: In; done: PromiseWithResolvers<Out> };

const batchMax = 200;
/** One waits for the disk while the other is being made. */
const transactionsAtOnce = 2;
/** Fewer wait for the one that is under way: small transactions cost more than they save. */
const secondFrom = 32;

/**
 * `write` makes all of a batch durable, and answers each in its place. `shared` says that others
 * wait for it, so that it must not wait long for anybody.
 */
export function createBatches<In, Out extends object>(
  write: (batch: In[], shared: boolean) => Promise<(Out | AppError)[]>,
): Batches<In, Out> {
  const waiting: Waiting<In, Out>[] = [];
  let running = 0;

  async function attempt(batch: Waiting<In, Out>[], shared: boolean): Promise<void> {
    try {
      const each = batch.map((w) => w.one);
      const outcomes = await write(each, shared);
      for (const [i, { done }] of batch.entries()) {
        const outcome = outcomes[i] as Out | AppError;
        if (outcome instanceof AppError) done.reject(outcome);
        else done.resolve(outcome);
      }
    } catch (error) {
      // An outage is everybody's, and asking again for each would only add to it.
      if (shared && !(error instanceof AppError)) {
        for (const one of batch) void attempt([one], false);
      } else {
        for (const { done } of batch) done.reject(error);
      }
    }
  }

  const enough = (others: number) => waiting.length >= (others === 0 ? 1 : secondFrom);

  async function work(): Promise<void> {
    running++;
    while (enough(running - 1)) await attempt(waiting.splice(0, batchMax), true);
    running--;
  }

  return {
    add(one) {
      const done = Promise.withResolvers<Out>();
      waiting.push({ one, done });
      if (running < transactionsAtOnce && enough(running)) void work();
      return done.promise;
    },
  };
}
