import type { Principal } from "../../platform/auth/principal.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Reader, Writer } from "../../platform/db/db.ts";
import { AppError, assert } from "../../platform/errors/errors.ts";
import type { Ids } from "../../platform/ids/ids.ts";
import type { Jobs } from "../../platform/jobs/jobs.ts";
import { type Outbound, OutboundError } from "../../platform/outbound/outbound.ts";
import type { Accounts } from "../accounts/contract.ts";
import { webhookTestType } from "./contract.ts";
import { wakeDelivery } from "./deliveries.ts";
import * as deliveries from "./delivery-store.ts";
import { bodyOf } from "./fan-out.ts";
import { isLocalhost } from "./receiver-url.ts";
import { newSecret } from "./signing.ts";
import * as store from "./store.ts";

/** What owners do with their webhooks. A foreign id answers exactly as an unknown one. */
export const previousSecretHours = 24;

export type WebhooksDeps = {
  clock: Clock;
  ids: Ids;
  jobs: Pick<Jobs, "enqueue">;
  outbound: Pick<Outbound, "check">;
  accounts: Pick<Accounts, "audit">;
  webhooksPerOwnerMax: number;
  outboundAllowPrivate: boolean;
};

export type Wish = { url: string; description: string; event_types: string[]; enabled: boolean };

/** Who asked, for the audit log. */
export type Origin = { actor: Principal; address: string; request_id: string };

export class Webhooks {
  private readonly deps: WebhooksDeps;

  constructor(deps: WebhooksDeps) {
    this.deps = deps;
  }

  /** To be called before the transaction, as it may ask the name servers. */
  async checkUrl(url: string): Promise<void> {
    const { outbound, outboundAllowPrivate } = this.deps;
    if (isLocalhost(url) && !outboundAllowPrivate) throw urlRefused("must not lead to localhost");
    try {
      await outbound.check(url);
    } catch (error) {
      // A name that does not resolve now may do so later; every delivery is checked again.
      if (!(error instanceof OutboundError) || error.code !== "outbound.refused") return;
      throw urlRefused(error.message, error);
    }
  }

  async create(tx: Writer, wish: Wish, origin: Origin): Promise<store.WebhookRow> {
    const { ids, webhooksPerOwnerMax } = this.deps;
    const owner_id = origin.actor.account_id;
    if ((await store.lockOwner(tx, owner_id)) >= webhooksPerOwnerMax) {
      const message = `An account may have ${webhooksPerOwnerMax} webhooks; delete one first.`;
      throw new AppError("webhooks.limit", message);
    }
    const created = { ...wish, id: ids.next(), owner_id, secret: newSecret() };
    const row = await store.insertWebhook(tx, created, this.now());
    await this.audit(tx, origin, "created", row);
    return row;
  }

  async update(
    tx: Writer,
    id: string,
    wish: Partial<Wish>,
    origin: Origin,
  ): Promise<store.WebhookRow> {
    const before = await lockOwned(tx, id, origin);
    let row = { ...before, ...wish, updated_at: this.now() };
    if (wish.enabled !== undefined || row.url !== before.url) {
      // A receiver that was put right starts with a clean slate.
      row = store.withHealth(row, { failures: 0, failingSince: null, pausedUntil: null });
    }
    if (row.enabled) row.disabled_reason = null;
    await store.updateWebhook(tx, row);
    if (row.enabled) await wakeDelivery(this.deps.jobs, tx, id);
    await this.audit(tx, origin, "updated", row);
    return row;
  }

  async remove(tx: Writer, id: string, origin: Origin): Promise<void> {
    const row = await lockOwned(tx, id, origin);
    await store.deleteWebhook(tx, id);
    await this.audit(tx, origin, "deleted", row);
  }

  /** The old secret signs too for a day, so that the receiver can change over in between. */
  async rotateSecret(tx: Writer, id: string, origin: Origin): Promise<store.WebhookRow> {
    const before = await lockOwned(tx, id, origin);
    const now = this.now();
    const row = {
      ...before,
      secret: newSecret(),
      previous_secret: before.secret,
      previous_secret_until: new Date(now.getTime() + previousSecretHours * 3_600_000),
      updated_at: now,
    };
    await store.updateWebhook(tx, row);
    await this.audit(tx, origin, "secret_rotated", row);
    return row;
  }

  /** Sends a test event to this webhook alone, whatever types it has. */
  async test(tx: Writer, id: string, origin: Origin): Promise<deliveries.DeliveryRow> {
    requireEnabled(await lockOwned(tx, id, origin));
    const { ids, jobs } = this.deps;
    const now = this.now();
    const event = {
      id: ids.next(),
      type: webhookTestType,
      owner_id: origin.actor.account_id,
      occurred_at: now.toISOString(),
      data: { webhook_id: id },
    };
    const row = { id: ids.next(), webhook_id: id, event_id: event.id, event_type: event.type };
    await deliveries.insertDelivery(tx, { ...row, body: bodyOf(event) }, now);
    await wakeDelivery(jobs, tx, id);
    const made = await deliveries.findDelivery(tx, row.id);
    assert(made, "a delivery with a new id is inserted");
    return made;
  }

  async replay(
    tx: Writer,
    of: { id: string; deliveryId: string },
    origin: Origin,
  ): Promise<deliveries.DeliveryRow> {
    requireEnabled(await lockOwned(tx, of.id, origin));
    const again = { id: of.deliveryId, webhookId: of.id, now: this.now() };
    const row = await deliveries.restartDelivery(tx, again);
    if (!row) throw new AppError("webhooks.not_found", "This webhook has no such delivery.");
    await wakeDelivery(this.deps.jobs, tx, of.id);
    return row;
  }

  private now(): Date {
    return new Date(this.deps.clock.now());
  }

  private async audit(tx: Writer, origin: Origin, done: string, row: store.WebhookRow) {
    await this.deps.accounts.audit(tx, {
      ...origin,
      account_id: row.owner_id,
      action: `webhooks.${done}`,
      target: row.id,
      detail: { url: row.url, event_types: row.event_types, enabled: row.enabled },
    });
  }
}

function urlRefused(message: string, cause?: OutboundError): AppError {
  const fields = [{ field: "url", message }];
  return new AppError("webhooks.url_refused", `url: ${message}`, { cause, fields });
}

/** A webhook of the caller's own, which nobody else changes until the commit. */
async function lockOwned(tx: Writer, id: string, origin: Origin): Promise<store.WebhookRow> {
  const row = await store.lockWebhook(tx, id);
  if (row?.owner_id !== origin.actor.account_id) throw unknownWebhook();
  return row;
}

export async function requireOwned(reader: Reader, id: string, principal: Principal) {
  const row = await store.findOwned(reader, { id, ownerId: principal.account_id });
  if (!row) throw unknownWebhook();
  return row;
}

function unknownWebhook(): AppError {
  return new AppError("webhooks.not_found", "You have no webhook with this id.");
}

function requireEnabled(row: store.WebhookRow): void {
  if (row.enabled) return;
  throw new AppError("request.conflict", "The webhook is disabled; enable it first.");
}
