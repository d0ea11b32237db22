import type { Db } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import type { Draft, Shorten } from "./shorten.ts";
import type { ListedRow } from "./store.ts";

/**
 * Group commit. Creates that arrive while a transaction is under way share the next one, so that
 * under load a commit's wait for the disk and its round trips are paid once for many. A lone
 * create goes at once and alone. Only drafts that depend on nothing but themselves may join:
 * generated code, no `find_or_create`, no idempotency key.
 */
export type CreateBatches = { add(draft: Draft): Promise<ListedRow> };

type Waiting = { draft: Draft; done: PromiseWithResolvers<ListedRow> };

const batchMax = 200;
/** One waits for the disk while the other is being made. */
const transactionsAtOnce = 2;

export function createBatches(db: Db, shorten: Pick<Shorten, "createMany">): CreateBatches {
  const waiting: Waiting[] = [];
  let running = 0;

  async function write(batch: Waiting[]): Promise<void> {
    try {
      const drafts = batch.map((w) => w.draft);
      const outcomes = await db.write((tx) => shorten.createMany(tx, drafts));
      for (const [i, { done }] of batch.entries()) {
        const outcome = outcomes[i] as ListedRow | AppError;
        if (outcome instanceof AppError) done.reject(outcome);
        else done.resolve(outcome);
      }
    } catch (error) {
      // One bad draft must not fail its neighbours; an outage is everybody's.
      if (batch.length > 1 && !(error instanceof AppError)) {
        for (const one of batch) await write([one]);
      } else {
        for (const { done } of batch) done.reject(error);
      }
    }
  }

  async function work(): Promise<void> {
    running++;
    while (waiting.length > 0) await write(waiting.splice(0, batchMax));
    running--;
  }

  return {
    add(draft) {
      const done = Promise.withResolvers<ListedRow>();
      waiting.push({ draft, done });
      if (running < transactionsAtOnce) void work();
      return done.promise;
    },
  };
}
