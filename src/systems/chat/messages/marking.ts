import type { Clock } from "../../../platform/clock/clock.ts";
import type { Db } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import type { Events } from "../../../platform/events/events.ts";
import type { Live } from "../live.ts";
import type { Marking } from "../ports.ts";
import { markBatch, type Mark } from "./mark-batch.ts";
import type { ReceiptTelling } from "./receipts.ts";

/**
 * Marks wait a moment for others, as many come at once when a message reaches a group: all of that
 * moment are one transaction, and of one device the furthest counts.
 */
const togetherMs = 50;
const batchMax = 1_000;
const waitingMax = 50_000;
/** Tries for rows that somebody else has; each waits for the next batch. */
const triesMax = 40;

export type MarkingDeps = {
  db: Db;
  clock: Clock;
  events: Events;
  live: Live;
  telling: ReceiptTelling;
};

type Waiting = Mark & { tries: number; done: PromiseWithResolvers<void>[] };

export class Marks implements Marking {
  private readonly deps: MarkingDeps;
  private readonly waiting = new Map<string, Waiting>();
  private readonly stopping = new AbortController();
  private running: Promise<void> | null = null;

  constructor(deps: MarkingDeps) {
    this.deps = deps;
  }

  async mark(
    by: Parameters<Marking["mark"]>[0],
    what: Parameters<Marking["mark"]>[1],
  ): Promise<void> {
    const { conversation_id, delivered_seq = 0, read_seq = 0 } = what;
    const done = Promise.withResolvers<void>();
    this.add({ ...by, conversation_id, delivered_seq, read_seq, tries: 0, done: [done] });
    this.running ??= this.run();
    return await done.promise;
  }

  private add(one: Waiting): void {
    const key = `${one.conversation_id}:${one.account_id}:${one.device_id}`;
    const same = this.waiting.get(key);
    if (!same && this.waiting.size >= waitingMax) {
      throw busy("Too many receipts wait to be stored; try again.");
    }
    this.waiting.set(key, {
      ...one,
      delivered_seq: Math.max(one.delivered_seq, same?.delivered_seq ?? 0),
      read_seq: Math.max(one.read_seq, same?.read_seq ?? 0),
      tries: Math.max(one.tries, same?.tries ?? 0),
      done: [...(same?.done ?? []), ...one.done],
    });
  }

  private async run(): Promise<void> {
    while (this.waiting.size > 0) {
      await this.deps.clock.sleep(togetherMs, this.stopping.signal);
      const batch = [...this.waiting].slice(0, batchMax);
      for (const [key] of batch) this.waiting.delete(key);
      await this.store(batch.map(([, one]) => one));
    }
    this.running = null;
  }

  /** Never rejects: each of the batch is told what became of it. */
  private async store(batch: Waiting[]): Promise<void> {
    const { db, live, telling } = this.deps;
    try {
      const { outcomes, told, own } = await db.write((tx) => markBatch(tx, this.deps, batch));
      if (own.length > 0) live.own(own);
      telling.tell(told);
      for (const [i, one] of batch.entries()) this.settle(one, outcomes[i] as (typeof outcomes)[0]);
    } catch (error) {
      for (const one of batch) for (const { reject } of one.done) reject(error);
    }
  }

  private settle(one: Waiting, outcome: "marked" | "later" | AppError): void {
    if (outcome === "marked") for (const { resolve } of one.done) resolve();
    else if (outcome instanceof AppError) for (const { reject } of one.done) reject(outcome);
    else if (one.tries < triesMax) this.add({ ...one, tries: one.tries + 1 });
    else for (const { reject } of one.done) reject(busy("Receipts are being changed; try again."));
  }

  /** Stores what waits, without waiting for more. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }
}

function busy(message: string): AppError {
  return new AppError("server.busy", message, { retryAfterSeconds: 1 });
}
