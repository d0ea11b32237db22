import type { Db, Writer } from "../../../platform/db/db.ts";
import { Day, type PackedDay } from "./day.ts";
import { clicksPartition } from "./partitions.ts";
import { dayMs, kindShift, newVisitorBit } from "./traits.ts";

/**
 * Rolls stored batches up into links.click_days and links.click_totals. One process does it at a
 * time; the batches leave the queue in the same transaction, so each is rolled up exactly once.
 * The whole of it is one statement over the batches' rows; the larger they are together, the
 * fewer rows of the same link it writes.
 */
export const rollClicksMax = 500_000;
const batchesMax = 5_000;
const rollLock = 7_311_000_003;
const rollTimeoutMs = 300_000;
const sortMemory = "64MB";
/** Packed when the log has outgrown both this and half of what it would be packed into. */
const logBytesMin = 16_384;
const logBytesMax = 65_536;
/** A busy link's clicks leave pages that no index range describes; more of them cost time. */
const summariseClicks = 50_000;
export const liveChannel = "links_live";
const liveLinksMax = 20;

export type Rolled = { clicks: number; batches: number };

type Batch = { id: string; clicks: number; first_at: Date; last_at: Date };

export class Roller {
  private readonly db: Db;
  private unsummarised = 0;

  constructor(db: Db) {
    this.db = db;
  }

  /** Rolls up what is there, up to a limit; null when another process is at it. */
  async roll(): Promise<Rolled | null> {
    const days = new Set<number>();
    const rolled = await this.db.write(
      async (tx) => {
        const lock = await tx.one<{ got: boolean }>`
          SELECT pg_try_advisory_xact_lock(${rollLock}) AS got`;
        if (!lock?.got) return null;
        const batches = await takeBatches(tx);
        if (batches.length === 0) return { clicks: 0, batches: 0 };
        const grown = await rollBatches(tx, batches);
        for (const row of grown) await pack(tx, row);
        for (const { first_at, last_at } of batches) {
          const last = Math.floor(last_at.getTime() / dayMs);
          for (let day = Math.floor(first_at.getTime() / dayMs); day <= last; day++) days.add(day);
        }
        return { clicks: batches.reduce((sum, b) => sum + b.clicks, 0), batches: batches.length };
      },
      { statementTimeoutMs: rollTimeoutMs, timeoutMs: rollTimeoutMs },
    );
    this.unsummarised += rolled?.clicks ?? 0;
    if (this.unsummarised >= summariseClicks) {
      this.unsummarised = 0;
      for (const day of days) await this.summarise(day);
    }
    return rolled;
  }

  /** Describes the pages written since in the block range index. */
  private async summarise(day: number): Promise<void> {
    await this.db.write(
      (tx) => tx.run`
        SELECT brin_summarize_new_values(i.indexrelid)
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indrelid = to_regclass(${clicksPartition(day)})
          AND c.relam = (SELECT oid FROM pg_am WHERE amname = 'brin')`,
      { statementTimeoutMs: rollTimeoutMs, timeoutMs: rollTimeoutMs },
    );
  }
}

async function takeBatches(tx: Writer): Promise<Batch[]> {
  return await tx.all<Batch>`
    DELETE FROM links.click_batches WHERE id IN (
      SELECT id FROM (
        SELECT id, clicks, sum(clicks) OVER (ORDER BY id) AS so_far
        FROM (SELECT id, clicks FROM links.click_batches ORDER BY id LIMIT ${batchesMax}) oldest
      ) counted
      WHERE so_far - clicks < ${rollClicksMax})
    RETURNING id, clicks, first_at, last_at`;
}

type Grown = { subject_id: string; day: string };

async function rollBatches(tx: Writer, batches: Batch[]): Promise<Grown[]> {
  const ids = batches.map((batch) => BigInt(batch.id)).toSorted((a, b) => (a < b ? -1 : 1));
  const from = new Date(Math.min(...batches.map((b) => b.first_at.getTime())));
  const to = new Date(Math.max(...batches.map((b) => b.last_at.getTime())));
  const kind = (index: number) => tx.sql`
    count(*) FILTER (WHERE (traits >> ${kindShift}) & 3 = ${index})`;
  await tx.run`SELECT set_config('work_mem', ${sortMemory}, true),
    set_config('enable_seqscan', 'off', true)`;
  return await tx.all<Grown>`
    WITH per_link AS MATERIALIZED (
      SELECT link_id AS subject_id, (at AT TIME ZONE 'UTC')::date AS day,
        count(*) AS clicks, ${kind(0)} AS humans, ${kind(1)} AS bots, ${kind(2)} AS unfurlers,
        ${kind(3)} AS prefetches,
        count(*) FILTER (WHERE traits & ${newVisitorBit} <> 0) AS new_visitors,
        max(at) AS last_at,
        string_agg(int8send((geo_id::bigint << 32) | client_id)
          || int8send((source_id::bigint << 32) | traits), ''::bytea) AS log
      FROM links.clicks
      WHERE batch_id BETWEEN ${String(ids[0])}::bigint AND ${String(ids.at(-1))}::bigint
        AND batch_id = ANY(${tx.array(ids.map(String), "int8")})
        AND at BETWEEN ${from} AND ${to}
      GROUP BY 1, 2),
    owned AS MATERIALIZED (
      SELECT p.*, l.owner_id FROM per_link p JOIN links.links l ON l.id = p.subject_id),
    totals AS (
      INSERT INTO links.click_totals AS t (link_id, owner_id, clicks, humans, last_click_at)
      SELECT subject_id, min(owner_id), sum(clicks), sum(humans), max(last_at)
      FROM owned GROUP BY subject_id ORDER BY subject_id
      ON CONFLICT (link_id) DO UPDATE SET clicks = t.clicks + excluded.clicks,
        humans = t.humans + excluded.humans,
        last_click_at = greatest(t.last_click_at, excluded.last_click_at)),
    days AS (
      INSERT INTO links.click_days AS d (subject_id, day, clicks, humans, bots, unfurlers,
        prefetches, new_visitors, log)
      SELECT subject_id, day, clicks, humans, bots, unfurlers, prefetches, new_visitors, log
      FROM per_link
      UNION ALL
      SELECT -owner_id, day, sum(clicks), sum(humans), sum(bots), sum(unfurlers),
        sum(prefetches), sum(new_visitors), string_agg(log, ''::bytea)
      FROM owned GROUP BY owner_id, day
      ORDER BY 1, 2
      ON CONFLICT (subject_id, day) DO UPDATE SET clicks = d.clicks + excluded.clicks,
        humans = d.humans + excluded.humans, bots = d.bots + excluded.bots,
        unfurlers = d.unfurlers + excluded.unfurlers,
        prefetches = d.prefetches + excluded.prefetches,
        new_visitors = d.new_visitors + excluded.new_visitors, log = d.log || excluded.log
      RETURNING subject_id, day, octet_length(log) AS log_bytes,
        coalesce(octet_length(hourly), 0) AS packed_bytes),
    watched AS (
      SELECT o.owner_id, o.subject_id, sum(clicks) AS clicks, sum(humans) AS humans,
        row_number() OVER (PARTITION BY o.owner_id ORDER BY sum(clicks) DESC) AS place
      FROM owned o
      WHERE owner_id IN (SELECT owner_id FROM links.click_watchers WHERE until > now())
      GROUP BY 1, 2)
    SELECT subject_id, day::text AS day FROM days
    WHERE log_bytes > least(${logBytesMax}, greatest(${logBytesMin}, packed_bytes / 2))
    UNION ALL
    SELECT NULL, pg_notify(${liveChannel}, json_build_object(
        'owner_id', owner_id::text, 'clicks', sum(clicks), 'humans', sum(humans),
        'links', json_agg(json_build_object('id', subject_id::text, 'clicks', clicks,
          'humans', humans) ORDER BY place) FILTER (WHERE place <= ${liveLinksMax}))::text)::text
    FROM watched GROUP BY owner_id`;
}

/** Moves a day's log into its packed columns. */
async function pack(tx: Writer, { subject_id, day }: Grown): Promise<void> {
  if (subject_id === null) return;
  const row = await tx.one<PackedDay & { log: Uint8Array }>`
    SELECT log, hours, geos, clients, sources, hourly, visitors, hourly_visitors
    FROM links.click_days WHERE subject_id = ${subject_id} AND day = ${day}::date`;
  if (!row) return;
  const unpacked = new Day(row);
  unpacked.addLog(row.log);
  const packed = unpacked.pack();
  await tx.run`
    UPDATE links.click_days SET log = ''::bytea, hours = ${packed.hours}, geos = ${packed.geos},
      clients = ${packed.clients}, sources = ${packed.sources}, hourly = ${packed.hourly},
      visitors = ${packed.visitors}, hourly_visitors = ${packed.hourly_visitors}
    WHERE subject_id = ${subject_id} AND day = ${day}::date`;
}
