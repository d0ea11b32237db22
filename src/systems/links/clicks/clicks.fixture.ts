import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testDatabase, type TestDatabase } from "../../../../test/database.ts";
import { systemClock } from "../../../platform/clock/clock.ts";
import { loadConfig, type Config } from "../../../platform/config/config.ts";
import { silentLog } from "../../../platform/log/log.ts";
import { Metrics } from "../../../platform/metrics/metrics.ts";
import { presetLimits } from "../../limits/preset-limits.fixture.ts";
import type { Geo } from "../geo.ts";
import schema from "../schema.sql" with { type: "text" };
import { createClicks, type Clicks, type Hit } from "./clicks.ts";
import { latestClicks } from "./raw.ts";
import clicksSchema from "./clicks.sql" with { type: "text" };

/** What the tests of clicks share: a database with links, a folder, visitors. */
export const clicksMigrations = [
  { id: "links/1", sql: schema },
  { id: "links/clicks/1", sql: clicksSchema },
];

export const owner = "7001";
export const links = { spring: "9007199254740993", summer: "9007199254740994" };
export const foreign = { owner: "7002", link: "9007199254741993" };

export const agents = {
  chrome:
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 " +
    "(KHTML, like Gecko) Chrome/125.0.0.0 Safari/537.36",
  iphone:
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 " +
    "(KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1",
  slack: "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
  curl: "curl/8.9.1",
};

/**
 * Of days past. Under a random key 30 visitors in the 4,096 registers of HyperLogLog count as 29
 * or fewer one time in ten; under this one none of those that tests count share a register. The
 * key of today is shared through the database and random here too.
 */
const visitorKey = new Uint8Array(32).fill(1);

/** 192.0.2.x is Berlin, 198.51.100.x is Paris, everything else is nowhere. */
export const geo: Geo = {
  available: true,
  lookup(ip) {
    if (ip.startsWith("192.0.2.")) return { country: "DE", city: "Berlin" };
    if (ip.startsWith("198.51.100.")) return { country: "FR", city: "Paris" };
    return null;
  },
  close() {},
};

export function hit(change: Partial<Hit> & { link?: string } = {}): Hit {
  const { link = links.spring, ...rest } = change;
  const id = BigInt(link);
  return {
    idHigh: Number(id >> 32n),
    idLow: Number(id & 0xffff_ffffn),
    at: Date.now(),
    address: "192.0.2.1",
    userAgent: agents.chrome,
    referrer: "",
    query: "",
    purpose: "",
    doNotTrack: false,
    method: "GET",
    ...rest,
  };
}

export type Place = TestDatabase & { dataDir: string; remove(): Promise<void> };

export async function openPlace(): Promise<Place> {
  const database = await testDatabase(clicksMigrations);
  const dataDir = await mkdtemp(join(tmpdir(), "stoa-clicks-"));
  await database.db.write(
    (tx) => tx.run`
    INSERT INTO links.links (id, owner_id, code, url, url_host) VALUES
      (${links.spring}, ${owner}, 'spring', 'https://example.com/', 'example.com'),
      (${links.summer}, ${owner}, 'summer', 'https://example.com/', 'example.com'),
      (${foreign.link}, ${foreign.owner}, 'other', 'https://example.com/', 'example.com')`,
  );
  return {
    ...database,
    dataDir,
    async remove() {
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

export function openClicks(
  place: Place,
  change: Partial<Config> = {},
  metrics = new Metrics(),
): Clicks {
  return createClicks({
    db: place.db,
    connection: place.connection,
    dataDir: place.dataDir,
    config: { ...loadConfig({}), ...change },
    clock: systemClock,
    log: silentLog,
    metrics,
    limits: presetLimits(),
    geo,
    visitorKey: () => visitorKey,
  });
}

/** Waits until something holds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 25_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within 25 s: ${what}`);
    await Bun.sleep(10);
  }
}

export async function counted(place: Place): Promise<{ raw: number; rolled: number }> {
  const row = await place.db.one<{ raw: string; rolled: string }>`
    SELECT (SELECT count(*) FROM links.clicks) AS raw,
      (SELECT coalesce(sum(clicks), 0) FROM links.click_totals) AS rolled`;
  return { raw: Number(row?.raw), rolled: Number(row?.rolled) };
}

export async function clicksOf(place: Place, clicks: Clicks, linkId: string) {
  const query = { limit: 100, linkId, now: Date.now() + 1_000 };
  return (await latestClicks(place.db, clicks.names, query)).items;
}
