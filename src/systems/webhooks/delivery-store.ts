import type { Reader, Writer } from "../../platform/db/db.ts";

/** The SQL of webhooks.deliveries. */
export type DeliveryStatus = "pending" | "delivered" | "dead";

export type DeliveryRow = {
  id: string;
  webhook_id: string;
  event_id: string;
  event_type: string;
  body: string;
  status: DeliveryStatus;
  attempts: number;
  next_attempt_at: Date | null;
  last_attempt_at: Date | null;
  duration_ms: number | null;
  response_status: number | null;
  response_body: string | null;
  error: string | null;
  created_at: Date;
};

export type NewDelivery = Pick<
  DeliveryRow,
  "id" | "webhook_id" | "event_id" | "event_type" | "body"
>;

/** False when this event was queued for this webhook before. */
export async function insertDelivery(tx: Writer, row: NewDelivery, now: Date): Promise<boolean> {
  const inserted = await tx.run`
    INSERT INTO webhooks.deliveries (id, webhook_id, event_id, event_type, body, status,
      next_attempt_at, created_at)
    VALUES (${row.id}, ${row.webhook_id}, ${row.event_id}, ${row.event_type}, ${row.body},
      'pending', ${now}, ${now})
    ON CONFLICT (webhook_id, event_id) DO NOTHING`;
  return inserted > 0;
}

export async function findDelivery(reader: Reader, id: string): Promise<DeliveryRow | null> {
  return await reader.one<DeliveryRow>`SELECT * FROM webhooks.deliveries WHERE id = ${id}`;
}

/** The longest due first. */
export async function listDue(
  reader: Reader,
  { webhookId, now, limit }: { webhookId: string; now: Date; limit: number },
): Promise<DeliveryRow[]> {
  return await reader.all<DeliveryRow>`
    SELECT * FROM webhooks.deliveries
    WHERE webhook_id = ${webhookId} AND status = 'pending' AND next_attempt_at <= ${now}
    ORDER BY next_attempt_at, id LIMIT ${limit}`;
}

export async function nextAttemptAt(reader: Reader, webhookId: string): Promise<Date | null> {
  const row = await reader.one<{ at: Date | null }>`
    SELECT min(next_attempt_at) AS at FROM webhooks.deliveries
    WHERE webhook_id = ${webhookId} AND status = 'pending'`;
  return row?.at ?? null;
}

export type Attempt = Pick<
  DeliveryRow,
  | "status"
  | "next_attempt_at"
  | "last_attempt_at"
  | "duration_ms"
  | "response_status"
  | "response_body"
  | "error"
>;

export async function recordAttempt(tx: Writer, id: string, attempt: Attempt): Promise<void> {
  await tx.run`
    UPDATE webhooks.deliveries SET attempts = attempts + 1, status = ${attempt.status},
      next_attempt_at = ${attempt.next_attempt_at}, last_attempt_at = ${attempt.last_attempt_at},
      duration_ms = ${attempt.duration_ms}, response_status = ${attempt.response_status},
      response_body = ${attempt.response_body}, error = ${attempt.error}
    WHERE id = ${id}`;
}

/** Gives up one that waits; nothing was sent. */
export async function bury(tx: Writer, id: string, error: string): Promise<void> {
  await tx.run`
    UPDATE webhooks.deliveries SET status = 'dead', next_attempt_at = NULL, error = ${error}
    WHERE id = ${id} AND status = 'pending'`;
}

/** Gives up everything that still waits. */
export async function buryPending(tx: Writer, webhookId: string, error: string): Promise<void> {
  await tx.run`
    UPDATE webhooks.deliveries SET status = 'dead', next_attempt_at = NULL, error = ${error}
    WHERE webhook_id = ${webhookId} AND status = 'pending'`;
}

/** From the first attempt again. Null: this webhook has no such delivery. */
export async function restartDelivery(
  tx: Writer,
  { id, webhookId, now }: { id: string; webhookId: string; now: Date },
): Promise<DeliveryRow | null> {
  return await tx.one<DeliveryRow>`
    UPDATE webhooks.deliveries SET status = 'pending', attempts = 0, next_attempt_at = ${now}
    WHERE id = ${id} AND webhook_id = ${webhookId} RETURNING *`;
}

/** Newest first. */
export async function listDeliveries(
  reader: Reader,
  webhookId: string,
  page: { status: DeliveryStatus | null; before: string | null; limit: number },
): Promise<DeliveryRow[]> {
  return await reader.all<DeliveryRow>`
    SELECT * FROM webhooks.deliveries
    WHERE webhook_id = ${webhookId} AND (${page.before}::int8 IS NULL OR id < ${page.before}::int8)
      AND (${page.status}::text IS NULL OR status = ${page.status})
    ORDER BY id DESC LIMIT ${page.limit}`;
}

/** Webhooks with something due: what `deliver` jobs should exist for. */
export async function webhooksWithDue(reader: Reader, now: Date): Promise<string[]> {
  const rows = await reader.all<{ id: string }>`
    SELECT id FROM webhooks.webhooks AS w WHERE enabled AND EXISTS (
      SELECT FROM webhooks.deliveries
      WHERE webhook_id = w.id AND status = 'pending' AND next_attempt_at <= ${now})`;
  return rows.map((row) => row.id);
}

/** Deletes at most `limit` finished deliveries with an id below `before`. Returns how many. */
export async function deleteFinished(tx: Writer, before: string, limit: number): Promise<number> {
  return await tx.run`
    DELETE FROM webhooks.deliveries WHERE id = ANY(ARRAY(
      SELECT id FROM webhooks.deliveries WHERE id < ${before} AND status <> 'pending'
      ORDER BY id LIMIT ${limit}))`;
}
