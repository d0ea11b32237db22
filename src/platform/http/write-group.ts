import type { Db, Writer } from "../db/db.ts";
import { AppError } from "../errors/errors.ts";
import { createBatches } from "./batches.ts";
import { writeClaimed, type Claim, type Outcome } from "./idempotency.ts";
import type { Reply } from "./route.ts";

/**
 * How a route's change becomes durable: in a transaction of its own, or in one shared with what
 * comes at the same time. Either way the idempotency key is claimed and answered in that very
 * transaction.
 */
export type Grouped<In> = {
  input: In;
  /** What will be answered unless `make` answers otherwise; stored together with the claim. */
  reply: Reply;
};

export type WriteGroup<In> = { write(one: Grouped<In>, claim: Claim | null): Promise<Reply> };

/** Longest a shared transaction waits for the row of a transaction of somebody else. */
const lockWaitMsMax = 100;

/**
 * `make` writes many inputs in one transaction, in the order given, and answers each in its
 * place: by its own `reply` where all went as foreseen, by another, or by why that one is refused.
 * It may be called again with the same inputs, so it leaves them as they are.
 */
export function createWriteGroup<In>(
  db: Db,
  make: (tx: Writer, asked: Grouped<In>[]) => Promise<Outcome[]>,
): WriteGroup<In> {
  type Asked = Grouped<In> & { claim: Claim | null };
  const batches = createBatches<Asked, Reply>((batch, shared) =>
    db.write(
      (tx) => writeClaimed(tx, batch, (mine) => make(tx, mine)),
      shared ? { lockTimeoutMs: lockWaitMsMax } : {},
    ),
  );
  return { write: (one, claim) => batches.add({ ...one, claim }) };
}

export async function writeAlone(
  db: Db,
  claim: Claim | null,
  work: (tx: Writer) => Promise<Reply>,
): Promise<Reply> {
  return await db.write(async (tx) => {
    const asked = [{ claim, reply: null }];
    const [outcome] = await writeClaimed(tx, asked, async () => [await work(tx)]);
    if (outcome instanceof AppError) throw outcome;
    return outcome as Reply;
  });
}
