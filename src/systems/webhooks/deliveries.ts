import type { Clock } from "../../platform/clock/clock.ts";
import type { Db, Writer } from "../../platform/db/db.ts";
import type { Audience, Events } from "../../platform/events/events.ts";
import type { Jobs } from "../../platform/jobs/jobs.ts";
import type { Metrics } from "../../platform/metrics/metrics.ts";
import { type Outbound, OutboundError } from "../../platform/outbound/outbound.ts";
import { webhookDisabled } from "./contract.ts";
import * as deliveries from "./delivery-store.ts";
import { afterAttempt, breakerFailures, failedTooLong, nextAttempt } from "./health.ts";
import { signedHeaders } from "./signing.ts";
import * as store from "./store.ts";
import { isWithheld } from "./told.ts";

/**
 * Sends what is due, one job per webhook. The job's key makes it the only one of its webhook over
 * all processes, so the limit per receiver is exact and a slow receiver holds up only itself. A
 * run lasts a bounded time and then queues itself again, so that nobody keeps a place for ever.
 */
export const deliverKind = "webhooks.deliver";
/** Requests to one receiver at once. */
const perReceiverMax = 2;
const batchMax = 20;
const sliceMs = 20_000;
export const deliveryTimeoutMs = 10_000;
export const responseBytesMax = 2_048;

export type DeliveryDeps = {
  db: Db;
  clock: Clock;
  jobs: Pick<Jobs, "enqueue">;
  events: Events;
  outbound: Pick<Outbound, "fetch">;
  metrics?: Metrics;
  audiences?: readonly Audience[];
  random?: () => number;
};

type Answer = { status: number | null; body: string | null; error: string | null };

/** Queues the job that sends what is due to one webhook, or makes the running one go on. */
export async function wakeDelivery(
  jobs: Pick<Jobs, "enqueue">,
  tx: Writer,
  webhookId: string,
  runAt?: number,
): Promise<void> {
  const payload = { webhook_id: webhookId };
  const job = { kind: deliverKind, payload, key: webhookId };
  await jobs.enqueue(tx, runAt === undefined ? job : { ...job, runAt });
}

export function createDeliveries(deps: DeliveryDeps) {
  const { db, clock, jobs } = deps;

  /** Sends until nothing is due, the receiver is paused or the slice is over. */
  async function deliverDue(webhookId: string, signal: AbortSignal): Promise<void> {
    const endsAt = clock.monotonic() + sliceMs;
    let again: number | null = null;
    while (again === null) {
      const webhook = await store.findWebhook(db, webhookId);
      if (!webhook?.enabled) return;
      const now = clock.now();
      const pausedUntil = webhook.paused_until?.getTime() ?? 0;
      const limit = webhook.failures >= breakerFailures ? 1 : batchMax;
      const due =
        pausedUntil > now
          ? []
          : await deliveries.listDue(db, { webhookId, now: new Date(now), limit });
      if (due.length === 0) {
        const next = await deliveries.nextAttemptAt(db, webhookId);
        if (next === null) return;
        again = Math.max(next.getTime(), pausedUntil);
      } else {
        await sendAll(deps, webhook, due, { endsAt, signal });
        signal.throwIfAborted();
        if (clock.monotonic() >= endsAt) again = clock.now();
      }
    }
    const runAt = again;
    await db.write((tx) => wakeDelivery(jobs, tx, webhookId, runAt));
  }

  return { deliverDue };
}

/** A few at a time; stops early when the receiver is paused or disabled, or the time is up. */
async function sendAll(
  deps: DeliveryDeps,
  webhook: store.WebhookRow,
  due: deliveries.DeliveryRow[],
  until: { endsAt: number; signal: AbortSignal },
): Promise<void> {
  const queue = [...due];
  let open = true;
  const send = async () => {
    while (open && !until.signal.aborted && deps.clock.monotonic() < until.endsAt) {
      const delivery = queue.shift();
      if (!delivery) return;
      if (await isWithheld(deps, webhook, delivery)) continue;
      const began = deps.clock.monotonic();
      const answer = await post(deps, webhook, delivery, until.signal);
      // Nobody knows whether it arrived; it is sent again, with the same id.
      if (until.signal.aborted) return;
      const durationMs = Math.round(deps.clock.monotonic() - began);
      open = (await record(deps, delivery, answer, durationMs)) && open;
    }
  };
  await Promise.all(Array.from({ length: perReceiverMax }, send));
}

async function post(
  { clock, outbound }: DeliveryDeps,
  webhook: store.WebhookRow,
  delivery: deliveries.DeliveryRow,
  signal: AbortSignal,
): Promise<Answer> {
  const now = clock.now();
  const { previous_secret: previous, previous_secret_until: until } = webhook;
  const secrets = [webhook.secret];
  if (previous !== null && until !== null && until.getTime() > now) secrets.push(previous);
  const { event_id: id, body } = delivery;
  const signed = signedHeaders({ id, timestampSeconds: Math.floor(now / 1000), body }, secrets);
  try {
    const response = await outbound.fetch({
      url: webhook.url,
      method: "POST",
      headers: { "content-type": "application/json", "user-agent": "Stoa-Webhooks", ...signed },
      body,
      timeoutMs: deliveryTimeoutMs,
      bytesMax: responseBytesMax,
      truncate: true,
      redirectsMax: 0,
      signal,
    });
    return { status: response.status, body: textOf(response.body), error: null };
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error;
    return { status: null, body: null, error: error.message };
  }
}

/** Text that PostgreSQL takes, whatever the receiver sent. */
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes).replaceAll("\0", "\uFFFD");

/** Returns whether the receiver may be sent more. */
async function record(
  deps: DeliveryDeps,
  delivery: deliveries.DeliveryRow,
  answer: Answer,
  durationMs: number,
): Promise<boolean> {
  const { clock, random = Math.random } = deps;
  const now = clock.now();
  const succeeded = answer.status !== null && answer.status >= 200 && answer.status < 300;
  const next = succeeded ? null : nextAttempt(delivery.attempts + 1, now, random());
  const status = succeeded ? "delivered" : next === null ? "dead" : "pending";
  deps.metrics
    ?.counter("stoa_webhook_attempts_total", "Attempts by what became of them.", { status })
    .add();
  return await deps.db.write(async (tx) => {
    const webhook = await store.lockWebhook(tx, delivery.webhook_id);
    if (!webhook) return false;
    await deliveries.recordAttempt(tx, delivery.id, {
      status,
      next_attempt_at: next === null ? null : new Date(next),
      last_attempt_at: new Date(now),
      duration_ms: durationMs,
      response_status: answer.status,
      response_body: answer.body,
      error: answer.error ?? (succeeded ? null : `the receiver answered ${answer.status}`),
    });
    const health = afterAttempt(store.healthOf(webhook), succeeded, now);
    const changed = store.withHealth(webhook, health);
    const gone = answer.status === 410;
    if (webhook.enabled && (gone || failedTooLong(health, now))) {
      await disable(deps, tx, changed, gone ? "gone" : "failing");
      return false;
    }
    // Most attempts succeed and change nothing here.
    if (!succeeded || webhook.failures > 0) await store.updateWebhook(tx, changed);
    return webhook.enabled && health.pausedUntil === null;
  });
}

async function disable(
  { events, clock }: DeliveryDeps,
  tx: Writer,
  webhook: store.WebhookRow,
  reason: "gone" | "failing",
): Promise<void> {
  const updated_at = new Date(clock.now());
  const disabled = { ...webhook, enabled: false, disabled_reason: reason, updated_at };
  await store.updateWebhook(tx, disabled);
  await deliveries.buryPending(tx, webhook.id, "the webhook was disabled");
  events.publish(tx, webhookDisabled, {
    owner_id: webhook.owner_id,
    data: { webhook_id: webhook.id, url: webhook.url, reason },
  });
}
