import { AppError } from "../../platform/errors/errors.ts";

/**
 * Group commit. Creates that arrive while a transaction is under way share the next one, so that
 * under load a commit's wait for the disk and its round trips are paid once for many. A lone
 * create goes at once and alone. Only drafts that depend on nothing but themselves may join:
 * generated code, no `find_or_create`, no idempotency key.
 */
export type Batches<In, Out> = { add(one: In): Promise<Out> };

type Waiting<In, Out> = { one: In; done: PromiseWithResolvers<Out> };

const batchMax = 200;
/** One waits for the disk while the other is being made. */
const transactionsAtOnce = 2;

/** `write` makes all of a batch durable, and answers each in its place. */
export function createBatches<In, Out extends object>(
  write: (batch: In[]) => Promise<(Out | AppError)[]>,
): Batches<In, Out> {
  const waiting: Waiting<In, Out>[] = [];
  let running = 0;

  async function attempt(batch: Waiting<In, Out>[]): Promise<void> {
    try {
      const outcomes = await write(batch.map((w) => w.one));
      for (const [i, { done }] of batch.entries()) {
        const outcome = outcomes[i] as Out | AppError;
        if (outcome instanceof AppError) done.reject(outcome);
        else done.resolve(outcome);
      }
    } catch (error) {
      // One bad draft must not fail its neighbours; an outage is everybody's.
      if (batch.length > 1 && !(error instanceof AppError)) {
        for (const one of batch) await attempt([one]);
      } else {
        for (const { done } of batch) done.reject(error);
      }
    }
  }

  async function work(): Promise<void> {
    running++;
    while (waiting.length > 0) await attempt(waiting.splice(0, batchMax));
    running--;
  }

  return {
    add(one) {
      const done = Promise.withResolvers<Out>();
      waiting.push({ one, done });
      if (running < transactionsAtOnce) void work();
      return done.promise;
    },
  };
}
