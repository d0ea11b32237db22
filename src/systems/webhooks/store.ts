import type { Reader, Writer } from "../../platform/db/db.ts";
import type { Health } from "./health.ts";

/** The SQL of webhooks.webhooks. */
export type WebhookRow = {
  id: string;
  owner_id: string;
  url: string;
  description: string;
  event_types: string[];
  enabled: boolean;
  disabled_reason: "gone" | "failing" | null;
  secret: string;
  previous_secret: string | null;
  previous_secret_until: Date | null;
  failures: number;
  failing_since: Date | null;
  paused_until: Date | null;
  created_at: Date;
  updated_at: Date;
};

export type NewWebhook = Pick<
  WebhookRow,
  "id" | "owner_id" | "url" | "description" | "event_types" | "enabled" | "secret"
>;

export async function insertWebhook(tx: Writer, row: NewWebhook, now: Date): Promise<WebhookRow> {
  const inserted = await tx.one<WebhookRow>`
    INSERT INTO webhooks.webhooks (id, owner_id, url, description, event_types, enabled, secret,
      created_at, updated_at)
    VALUES (${row.id}, ${row.owner_id}, ${row.url}, ${row.description},
      ${tx.array(row.event_types, "text")}, ${row.enabled}, ${row.secret}, ${now}, ${now})
    RETURNING *`;
  return inserted as WebhookRow;
}

/** Makes the caller the only one to count and add this owner's webhooks until it commits. */
export async function lockOwner(tx: Writer, ownerId: string): Promise<number> {
  await tx.all`SELECT pg_advisory_xact_lock(hashtextextended('webhooks ' || ${ownerId}::text, 0))`;
  const row = await tx.one<{ count: number }>`
    SELECT count(*)::int AS count FROM webhooks.webhooks WHERE owner_id = ${ownerId}`;
  return row?.count ?? 0;
}

export async function findWebhook(reader: Reader, id: string): Promise<WebhookRow | null> {
  return await reader.one<WebhookRow>`SELECT * FROM webhooks.webhooks WHERE id = ${id}`;
}

export async function findOwned(
  reader: Reader,
  { id, ownerId }: { id: string; ownerId: string },
): Promise<WebhookRow | null> {
  return await reader.one<WebhookRow>`
    SELECT * FROM webhooks.webhooks WHERE id = ${id} AND owner_id = ${ownerId}`;
}

export async function lockWebhook(tx: Writer, id: string): Promise<WebhookRow | null> {
  return await tx.one<WebhookRow>`
    SELECT * FROM webhooks.webhooks WHERE id = ${id} FOR NO KEY UPDATE`;
}

/** Newest first. */
export async function listOwned(
  reader: Reader,
  ownerId: string,
  page: { before: string | null; limit: number },
): Promise<WebhookRow[]> {
  return await reader.all<WebhookRow>`
    SELECT * FROM webhooks.webhooks
    WHERE owner_id = ${ownerId} AND (${page.before}::int8 IS NULL OR id < ${page.before}::int8)
    ORDER BY id DESC LIMIT ${page.limit}`;
}

export async function listEnabled(reader: Reader, owners: string[]): Promise<WebhookRow[]> {
  return await reader.all<WebhookRow>`
    SELECT * FROM webhooks.webhooks
    WHERE owner_id = ANY(${reader.array(owners, "text")}::text[]) AND enabled ORDER BY id`;
}

/** Whose enabled webhooks have one of these among their types. */
export async function ownersWanting(reader: Reader, patterns: string[]): Promise<string[]> {
  const rows = await reader.all<{ owner_id: string }>`
    SELECT DISTINCT owner_id FROM webhooks.webhooks
    WHERE enabled AND event_types && ${reader.array(patterns, "text")}::text[]`;
  return rows.map((row) => row.owner_id);
}

/** Those of the given owners who have an enabled webhook. */
export async function ownersWithWebhooks(reader: Reader, owners: string[]): Promise<Set<string>> {
  const rows = await reader.all<{ owner_id: string }>`
    SELECT DISTINCT owner_id FROM webhooks.webhooks
    WHERE enabled AND owner_id = ANY(${reader.array(owners, "text")}::text[])`;
  return new Set(rows.map((row) => row.owner_id));
}

/** Writes everything that can change. */
export async function updateWebhook(tx: Writer, row: WebhookRow): Promise<void> {
  await tx.run`
    UPDATE webhooks.webhooks SET url = ${row.url}, description = ${row.description},
      event_types = ${tx.array(row.event_types, "text")}, enabled = ${row.enabled},
      disabled_reason = ${row.disabled_reason}, secret = ${row.secret},
      previous_secret = ${row.previous_secret},
      previous_secret_until = ${row.previous_secret_until}, failures = ${row.failures},
      failing_since = ${row.failing_since}, paused_until = ${row.paused_until},
      updated_at = ${row.updated_at}
    WHERE id = ${row.id}`;
}

export async function deleteWebhook(tx: Writer, id: string): Promise<void> {
  await tx.run`DELETE FROM webhooks.webhooks WHERE id = ${id}`;
}

/** Their deliveries go with them. */
export async function deleteWebhooksOf(tx: Writer, ownerId: string): Promise<void> {
  await tx.run`DELETE FROM webhooks.webhooks WHERE owner_id = ${ownerId}`;
}

export function healthOf(row: WebhookRow): Health {
  return {
    failures: row.failures,
    failingSince: row.failing_since?.getTime() ?? null,
    pausedUntil: row.paused_until?.getTime() ?? null,
  };
}

export function withHealth(row: WebhookRow, health: Health): WebhookRow {
  const dateOf = (ms: number | null) => (ms === null ? null : new Date(ms));
  return {
    ...row,
    failures: health.failures,
    failing_since: dateOf(health.failingSince),
    paused_until: dateOf(health.pausedUntil),
  };
}
