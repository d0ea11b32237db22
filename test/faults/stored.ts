import type { SQL } from "bun";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { ClickCounts, StoredLink } from "./checks.ts";
import { until } from "./stage.ts";
import type { Stoa } from "./stoa.ts";

/** What the database holds, read past Stoa. */
export async function storedLinks(sql: SQL): Promise<StoredLink[]> {
  return await sql`
    SELECT id::text, code, url, coalesce(title, '') AS title, deleted_at IS NOT NULL AS deleted,
      clicks_used
    FROM links.links ORDER BY id`;
}

export async function storedClicks(sql: SQL): Promise<ClickCounts> {
  const raw =
    await sql`SELECT link_id::text AS id, count(*)::int AS n FROM links.clicks GROUP BY 1`;
  const rolled = await sql`SELECT link_id::text AS id, clicks::int AS n FROM links.click_totals`;
  const mapped = (rows: { id: string; n: number }[]) => new Map(rows.map((r) => [r.id, r.n]));
  return { raw: mapped(raw), rolled: mapped(rolled) };
}

const drainedWithinMs = 45_000;

/** Waits until every spooled click, those of dead processes too, is stored and rolled up. */
export async function drained(sql: SQL, living: Stoa[]): Promise<void> {
  await until("all clicks are drained and rolled up", () => isDrained(sql, living), {
    withinMs: drainedWithinMs,
    everyMs: 100,
  });
}

async function isDrained(sql: SQL, living: Stoa[]): Promise<boolean> {
  const folders = new Set(living.map((stoa) => stoa.dataDir));
  for (const dataDir of folders) {
    const alive = living.filter((stoa) => stoa.dataDir === dataDir).length;
    if (spoolsOf(dataDir).length > alive) return false;
  }
  for (const stoa of living) {
    if ((await stoa.metric("stoa_links_click_lag_seconds")) > 0) return false;
  }
  const [row] = await sql`SELECT count(*)::int AS n FROM links.click_batches`;
  return row.n === 0;
}

export function spoolsOf(dataDir: string): string[] {
  const root = join(dataDir, "spool/clicks");
  return existsSync(root) ? readdirSync(root) : [];
}
