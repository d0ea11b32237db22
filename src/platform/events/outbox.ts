import type { Clock } from "../clock/clock.ts";
import type { Db, Writer } from "../db/db.ts";
import type { Migration } from "../db/migrate.ts";
import { AppError, assert } from "../errors/errors.ts";
import { firstIdAt, type Ids } from "../ids/ids.ts";
import type { JobHandler, JobRunner } from "../jobs/jobs.ts";
import type { Log } from "../log/log.ts";
import type { Counter, Metrics } from "../metrics/metrics.ts";
import {
  type EventType,
  matchesType,
  type NewEvent,
  type Outbox,
  type StoaEvent,
  type Subscription,
} from "./events.ts";
import * as store from "./store.ts";
import schema from "./schema.sql" with { type: "text" };

/**
 * A transactional outbox. An event is a row written with the change it tells of. The job loop
 * moves rows in batches: in one transaction each becomes one job per subscription that wants it,
 * and leaves the outbox. Retries, dead letters and their replay are the jobs' own, so there is
 * one such machinery. Every process registers all subscriptions, as any of them may hand out.
 */
export const eventsMigration: Migration = { id: "platform/events/1", sql: schema };

const batchMax = 500;
const eventBytesMax = 64 * 1024;
export const eventRetentionDays = 7;
const dayMs = 86_400_000;
const sweepBatch = 10_000;
const handledAtOnce = 20;
/** Each look for events takes several statements, which under load are better shared by many. */
const ringEveryMs = 25;

export type EventsOptions = {
  db: Db;
  ids: Ids;
  jobs: JobRunner;
  clock: Clock;
  log: Log;
  metrics?: Metrics;
};

export function createEvents(options: EventsOptions): Outbox {
  const { jobs } = options;
  const outbox = new JobOutbox(options);
  jobs.feedBy(() => outbox.handOut());
  jobs.register(
    [{ kind: "platform.sweep_events", run: (_, signal) => outbox.sweep(signal) }],
    [{ kind: "platform.sweep_events", cron: "41 * * * *" }],
  );
  return outbox;
}

class JobOutbox implements Outbox {
  readonly list = store.listEvents;
  private readonly options: EventsOptions;
  private readonly subscriptions: Subscription[] = [];
  private readonly handedOut: Counter | undefined;
  private ringing = false;
  private rangAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: EventsOptions) {
    this.options = options;
    this.handedOut = options.metrics?.counter("stoa_events_total", "Events handed out.");
  }

  publish<T>(tx: Writer, type: EventType<T>, event: NewEvent<T>): string {
    const [id] = this.publishAll(tx, type, [event]);
    return id as string;
  }

  publishAll<T>(tx: Writer, type: EventType<T>, events: NewEvent<T>[]): string[] {
    const { clock, ids } = this.options;
    const occurred_at = new Date(clock.now());
    const rows = events.map(({ owner_id, data }) => {
      const checked: unknown = type.schema.parse(data);
      const bytes = Buffer.byteLength(JSON.stringify(checked));
      assert(bytes <= eventBytesMax, `${type.type} has ${bytes} bytes; ${eventBytesMax} may be`);
      return { id: ids.next(), type: type.type, owner_id, data: checked, occurred_at };
    });
    store.insertEvents(tx, rows);
    tx.afterCommit(() => this.ring());
    return rows.map((row) => row.id);
  }

  /** At once after a pause, else when the interval is over, for all that came meanwhile. */
  private ring(): void {
    if (this.ringing) return;
    const { clock, jobs } = this.options;
    const dueInMs = this.rangAtMs + ringEveryMs - clock.monotonic();
    const ringNow = () => {
      this.ringing = false;
      this.rangAtMs = clock.monotonic();
      jobs.ring();
    };
    if (dueInMs <= 0) return ringNow();
    this.ringing = true;
    void clock.sleep(dueInMs).then(ringNow);
  }

  register(more: Subscription[]): void {
    for (const subscription of more) {
      const { name } = subscription;
      assert(!this.subscriptions.some((s) => s.name === name), `two subscriptions named ${name}`);
      this.subscriptions.push(subscription);
    }
    this.options.jobs.register(more.map(handlerOf), []);
  }

  async replay(tx: Writer, id: string, subscription?: string): Promise<number> {
    const event = await store.findEvent(tx, id);
    const to = this.subscriptions.filter((s) => {
      return s.name === (subscription ?? s.name) && event && matchesType(s.types, event.type);
    });
    if (!event || (subscription !== undefined && to.length === 0)) {
      throw new AppError("events.not_found", "There is no such event, or none of its type there.");
    }
    await this.options.jobs.enqueueAll(
      tx,
      to.map((s) => ({ kind: kindOf(s), payload: event })),
    );
    return to.length;
  }

  async settle(): Promise<void> {
    await this.options.jobs.settle();
  }

  async handOut(): Promise<number> {
    const { db, jobs, log } = this.options;
    const count = await db.write(async (tx) => {
      const events = await store.takeEvents(tx, batchMax);
      if (events.length === 0) return 0;
      const wanted = await Promise.all(this.subscriptions.map((s) => wantedBy(s, events, log)));
      await jobs.enqueueAll(tx, wanted.flat());
      return events.length;
    });
    this.handedOut?.add(count);
    return count;
  }

  async sweep(signal: AbortSignal): Promise<void> {
    const { clock, db } = this.options;
    const before = firstIdAt(clock.now() - eventRetentionDays * dayMs);
    let deleted = sweepBatch;
    while (deleted === sweepBatch && !signal.aborted) {
      deleted = await db.write((tx) => store.deleteEvents(tx, before, sweepBatch));
    }
  }
}

const kindOf = (subscription: Subscription) => `event ${subscription.name}`;

function handlerOf(subscription: Subscription): JobHandler {
  const { backoffSeconds } = subscription;
  return {
    kind: kindOf(subscription),
    concurrency: handledAtOnce,
    ...(backoffSeconds && { backoffSeconds }),
    run: (job, signal) => subscription.handle(job.payload as StoaEvent, signal),
  };
}

/** A subscription that cannot tell what it wants gets everything; it must not stop the others. */
async function wantedBy(subscription: Subscription, events: StoaEvent[], log: Log) {
  let wanted = events.filter((event) => matchesType(subscription.types, event.type));
  if (subscription.narrow && wanted.length > 0) {
    try {
      wanted = await subscription.narrow(wanted);
    } catch (error) {
      log.warn("a subscription could not narrow events", { name: subscription.name, error });
    }
  }
  return wanted.map((event) => ({ kind: kindOf(subscription), payload: event }));
}
