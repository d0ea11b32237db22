import type { Reader, Writer } from "../db/db.ts";
import type { EventFilter, StoaEvent } from "./events.ts";

/** The SQL of platform.outbox and platform.events. */
type EventRow = {
  id: string;
  type: string;
  owner_id: string | null;
  data: unknown;
  occurred_at: Date;
};

export function insertEvents(tx: Writer, events: EventRow[]): void {
  tx.send`
    INSERT INTO platform.outbox (id, type, owner_id, data, occurred_at)
    SELECT id, type, owner_id, data, occurred_at
    FROM jsonb_populate_recordset(NULL::platform.outbox, ${tx.json(events)})`;
}

/** Moves the oldest events from the outbox to the record and returns them. */
export async function takeEvents(tx: Writer, limit: number): Promise<StoaEvent[]> {
  const rows = await tx.all<EventRow>`
    WITH oldest AS MATERIALIZED (
      SELECT id FROM platform.outbox ORDER BY id LIMIT ${limit} FOR UPDATE SKIP LOCKED
    ), taken AS (
      DELETE FROM platform.outbox AS o USING oldest WHERE o.id = oldest.id
      RETURNING o.id, o.type, o.owner_id, o.data, o.occurred_at
    ), kept AS (
      INSERT INTO platform.events (id, type, owner_id, data, occurred_at) SELECT * FROM taken
    )
    SELECT id, type, owner_id, data, occurred_at FROM taken ORDER BY id`;
  return rows.map(eventOf);
}

/** Newest first. */
export async function listEvents(reader: Reader, filter: EventFilter): Promise<StoaEvent[]> {
  const { type = null, owner_id: ownerId = null, cursor = null, limit } = filter;
  const typed = type === null ? reader.sql`` : reader.sql`AND type = ${type}`;
  const owned = ownerId === null ? reader.sql`` : reader.sql`AND owner_id = ${ownerId}`;
  const before = cursor === null ? reader.sql`` : reader.sql`AND id < ${cursor}`;
  const rows = await reader.all<EventRow>`
    SELECT id, type, owner_id, data, occurred_at FROM platform.events
    WHERE true ${typed} ${owned} ${before}
    ORDER BY id DESC LIMIT ${limit}`;
  return rows.map(eventOf);
}

export async function findEvent(reader: Reader, id: string): Promise<StoaEvent | null> {
  const row = await reader.one<EventRow>`
    SELECT id, type, owner_id, data, occurred_at FROM platform.events WHERE id = ${id}`;
  return row && eventOf(row);
}

/** Deletes at most `limit` events with an id below `before`. Returns how many. */
export async function deleteEvents(tx: Writer, before: string, limit: number): Promise<number> {
  return await tx.run`
    DELETE FROM platform.events WHERE id = ANY(ARRAY(
      SELECT id FROM platform.events WHERE id < ${before} ORDER BY id LIMIT ${limit}))`;
}

function eventOf(row: EventRow): StoaEvent {
  return { ...row, occurred_at: row.occurred_at.toISOString() };
}
