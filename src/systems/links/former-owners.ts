import { z } from "zod";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Db, Writer } from "../../platform/db/db.ts";
import type { Subscription } from "../../platform/events/events.ts";
import type { JobHandler, Jobs } from "../../platform/jobs/jobs.ts";
import { accountDeleted, type Accounts } from "../accounts/contract.ts";
import { domainsChannel } from "./domain.ts";
import type { Domains } from "./domains.ts";
import * as store from "./former-owner-store.ts";
import type { Targets } from "./targets.ts";

/**
 * What becomes of the links and domains of an account that was deleted. They go to the heir that
 * was named, and go on redirecting; without one they end as deleted links do, and what they said
 * is erased. Everything is done in short steps, each its own transaction, and doing one again
 * changes nothing.
 *
 * A request that was let in just before the deletion may still be making a link. So the work is
 * done a second time, after any such request has ended.
 */
export type FormerOwnerDeps = {
  db: Db;
  clock: Clock;
  jobs: Pick<Jobs, "enqueue">;
  accounts: Pick<Accounts, "findAccount">;
  domains: Pick<Domains, "reload">;
  targets: Pick<Targets, "forget">;
};

const settleKind = "links.settle_former_owner";
const againAfterMs = 300_000;
/** For a million links. */
const settleTimeoutMs = 2 * 3_600_000;

const payloadSchema = z.object({
  id: z.string(),
  transfer_to: z.string().nullable(),
  last: z.boolean(),
});

export function formerOwners(deps: FormerOwnerDeps): {
  subscription: Subscription;
  job: JobHandler;
} {
  const { db, clock, jobs } = deps;
  return {
    subscription: {
      name: "links.former_owners",
      types: [accountDeleted.type],
      async handle(event) {
        const { id, transfer_to } = accountDeleted.schema.parse(event.data);
        const settle = (last: boolean) => ({
          ...{ kind: settleKind, key: `${id} ${last}` },
          payload: { id, transfer_to, last },
        });
        await db.write(async (tx) => {
          await jobs.enqueue(tx, settle(false));
          await jobs.enqueue(tx, { ...settle(true), runAt: clock.now() + againAfterMs });
        });
      },
    },
    job: {
      kind: settleKind,
      concurrency: 1,
      timeoutMs: settleTimeoutMs,
      async run(job, signal) {
        const { id: from, transfer_to: to, last } = payloadSchema.parse(job.payload);
        // The heir may have gone since, and then there is nobody to hand over to.
        const heir = to !== null && (await deps.accounts.findAccount(db, to)) !== null;
        if (heir) await handOver(deps, { from, to }, signal);
        else await erase(deps, from, signal);
        signal.throwIfAborted();
        await db.write(async (tx) => {
          await store.forgetOwner(tx, from);
          if (last) await store.releaseOwner(tx, from);
        });
      },
    },
  };
}

async function handOver(deps: FormerOwnerDeps, heir: store.Heir, signal: AbortSignal) {
  const { db } = deps;
  await changeDomains(deps, (tx) => store.moveDomains(tx, heir));
  let after: string | null = "0";
  while (after !== null && !signal.aborted) {
    const place: store.Step = { ...heir, after };
    after = await db.write((tx) => store.moveLinks(tx, place, heir.to));
  }
  await untilNone(db, signal, (tx) => store.moveFound(tx, heir));
  await untilNone(db, signal, (tx) => store.moveTotals(tx, heir));
}

async function erase(deps: FormerOwnerDeps, from: string, signal: AbortSignal) {
  const { db, clock, targets } = deps;
  let after: string | null = "0";
  while (after !== null && !signal.aborted) {
    const place: store.Step = { from, after };
    const erased = await db.write((tx) => store.eraseLinks(tx, place, new Date(clock.now())));
    for (const link of erased) targets.forget(link.domain_id, link.code);
    after = store.lastOf(erased);
  }
  // After the links, so that until then their visitors are told that they are gone.
  await changeDomains(deps, (tx) => store.eraseDomains(tx, from));
  await untilNone(db, signal, (tx) => store.eraseFound(tx, from));
}

async function changeDomains(
  { db, domains }: FormerOwnerDeps,
  change: (tx: Writer) => Promise<void>,
): Promise<void> {
  await db.write(async (tx) => {
    await change(tx);
    await tx.all`SELECT pg_notify(${domainsChannel}, '')`;
  });
  await domains.reload();
}

async function untilNone(
  db: Db,
  signal: AbortSignal,
  step: (tx: Writer) => Promise<number>,
): Promise<void> {
  while (!signal.aborted && (await db.write(step)) > 0);
}
