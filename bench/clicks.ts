/**
 * The pipeline of clicks alone: recording them, draining the spool into PostgreSQL, rolling them
 * up, and what each takes on disk; then how fast the numbers of a link answer.
 *
 *   bun bench/clicks.ts [clicks] [links] [clicks of one link, over a month, to ask about]
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../src/platform/clock/clock.ts";
import { type Db, openDb } from "../src/platform/db/db.ts";
import { startEmbedded } from "../src/platform/db/embedded.ts";
import { migrate } from "../src/platform/db/migrate.ts";
import { createLog, silentLog } from "../src/platform/log/log.ts";
import { Metrics } from "../src/platform/metrics/metrics.ts";
import { platformMigrations } from "../src/platform/platform.ts";
import { migrations } from "../src/migrations.ts";
import { SpoolDrain } from "../src/systems/links/clicks/drain.ts";
import { Dictionary, TermNames } from "../src/systems/links/clicks/dictionary.ts";
import { Partitions } from "../src/systems/links/clicks/partitions.ts";
import { latestClicks } from "../src/systems/links/clicks/raw.ts";
import { Recorder } from "../src/systems/links/clicks/recorder.ts";
import { Roller } from "../src/systems/links/clicks/roll.ts";
import { Spool } from "../src/systems/links/clicks/spool.ts";
import { Stats } from "../src/systems/links/clicks/stats.ts";
import { VisitorKeys } from "../src/systems/links/clicks/visitors.ts";
import { statsQuery } from "../src/systems/links/clicks/wire.ts";
import type { Measured } from "./run.ts";

export type ClicksOptions = { recent: number; links: number; history: number };
type Bench = ClicksOptions & { db: Db; root: string };

const visitors = 5_000;
const monthMs = 30 * 86_400_000;
/** As fast as one process redirects. */
const clicksPerSecond = 25_000;
const owner = 42;
const hotLink = 1_000_000_007;

export async function benchClicks(
  folder: string,
  options: ClicksOptions = {
    recent: Number(process.env["BENCH_CLICKS"] ?? 1_000_000),
    links: 100_000,
    history: 0,
  },
): Promise<Measured> {
  const embedded = await startEmbedded({ dataDir: folder, log: silentLog });
  const db = openDb({
    primary: embedded.app,
    poolMax: 4,
    acquireTimeoutMs: 10_000,
    statementTimeoutMs: 120_000,
    clock: systemClock,
    log: createLog({ level: "warn" }),
  });
  try {
    await migrate(db.client, [...platformMigrations, ...migrations], silentLog);
    return await measure({ ...options, db, root: join(folder, "spool") });
  } finally {
    await db.close();
    await embedded.stop();
  }
}

async function measure(bench: Bench): Promise<Measured> {
  await addLinks(bench);
  const spool = new Spool(bench.root, Number.MAX_SAFE_INTEGER);
  spool.open();
  const went = async (run: Run) => {
    record(bench, spool, run);
    return (await drain(bench, spool, run)) + (await roll(bench, run));
  };
  const rush = { clicks: bench.recent, spanMs: (bench.recent / clicksPerSecond) * 1_000 };
  const ms = await went({ name: "", ...rush, hotShare: 0.1 });
  const sizes = await sizesOf(bench.db);
  const month = { name: " a month", spanMs: monthMs, hotShare: 1 };
  if (bench.history > 0) await went({ ...month, clicks: bench.history });
  await went({ name: " one more", clicks: 1, spanMs: 0, hotShare: 1 });
  await ask(bench);
  // One thread does both, so the time of a click is that of both.
  return { clicks_drained_per_s: Math.round(bench.recent / (ms / 1000)), ...sizes };
}

/**
 * What tables and indexes take; the hourly upkeep of a running server has been over them. A rush
 * that is rolled up at once leaves more room behind than rows, which later days fill.
 */
async function sizesOf(db: Db): Promise<Measured> {
  await db.client.unsafe("VACUUM ANALYZE");
  await db.client.unsafe("VACUUM FULL links.click_days");
  const [row] = await db.all<{ click: number; rollup: number }>`
    SELECT (SELECT sum(pg_total_relation_size(relid))
        FROM pg_partition_tree('links.clicks') WHERE isleaf)::float8
        / (SELECT count(*) FROM links.clicks) AS click,
      (pg_total_relation_size('links.click_days') + pg_total_relation_size('links.click_totals'))
        ::float8 / (SELECT count(*) FROM links.click_days) AS rollup`;
  const { click = Number.NaN, rollup = Number.NaN } = row ?? {};
  console.log(`${click.toFixed(1)} bytes a click, ${rollup.toFixed(0)} a link and day`);
  return {
    bytes_per_click_raw: Number(click.toFixed(1)),
    bytes_per_rollup_row: Math.round(rollup),
  };
}

type Run = { name: string; clicks: number; spanMs: number; hotShare: number };

async function addLinks({ db, links }: Bench): Promise<void> {
  await db.write(
    (tx) => tx.run`
    INSERT INTO links.links (id, owner_id, code, url, url_host)
    SELECT 1000000000 + n, ${owner}, 'c' || n, 'https://example.com/' || n, 'example.com'
    FROM generate_series(0, ${links}::int) AS n`,
  );
}

/** 3,000 places, as many as a busy link sees. */
function cityOf(ip: string) {
  const n = Bun.hash.xxHash32(ip) % 3_000;
  return { country: `C${n % 100}`, city: `City ${n}` };
}

/** Zipf by inversion, but for one link's share; headers are new strings each time. */
function record({ links }: Bench, spool: Spool, { name, clicks, spanMs, hotShare }: Run): void {
  const counter = () => new Metrics().counter("n", "n");
  const recorder = new Recorder({
    spool,
    keys: new VisitorKeys(),
    geo: { available: true, lookup: cityOf, close() {} },
    visitors: true,
    honourDoNotTrack: true,
    recorded: { human: counter(), bot: counter(), unfurler: counter(), prefetch: counter() },
    dropped: counter(),
    orphansDropped: counter(),
    waiting() {},
  });
  const agents = Array.from({ length: 200 }, (_, i) => {
    const engine = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36";
    return `${engine} (KHTML, like Gecko) Chrome/${100 + (i % 30)}.0.${i}.0 Safari/537.36`;
  });
  const referrers = ["", "", "", "https://news.example.com/a", "https://www.example.org/"];
  const start = Date.now() - spanMs;
  const hits = Array.from({ length: 50_000 }, (_, i) => {
    const visitor = Math.floor(Math.random() * visitors);
    const rank = Math.floor(Math.exp(Math.random() * Math.log(links)));
    return {
      idHigh: 0,
      idLow: i % 10 < hotShare * 10 ? hotLink : 1_000_000_000 + rank,
      at: 0,
      address: `10.0.${visitor >> 8}.${visitor & 255}`,
      userAgent: agents[visitor % agents.length]!,
      referrer: referrers[visitor % referrers.length]!,
      query: "",
      purpose: "",
      doNotTrack: false,
      method: "GET",
    };
  });
  const fresh = (text: string) => Buffer.from(text).toString("latin1");
  let spent = 0;
  hits.length = Math.min(hits.length, clicks);
  for (let done = 0; done < clicks; done += hits.length) {
    for (const [i, hit] of hits.entries()) {
      hit.at = start + Math.floor(((done + i) / clicks) * spanMs);
      hit.address = fresh(hit.address);
      hit.userAgent = fresh(hit.userAgent);
      hit.referrer = fresh(hit.referrer);
    }
    const before = performance.now();
    for (const hit of hits) recorder.record(hit);
    spool.flush();
    spent += performance.now() - before;
  }
  say(`record${name}`, clicks, spent);
}

/** Milliseconds that it took, as of `roll`. */
async function drain({ db }: Bench, spool: Spool, { name, clicks }: Run): Promise<number> {
  const deps = {
    db,
    log: createLog({ level: "warn" }),
    dictionary: new Dictionary(db),
    partitions: new Partitions(db),
  };
  const drainer = new SpoolDrain(deps, spool.folder, spool.id);
  const cpu = process.cpuUsage();
  const before = performance.now();
  while (await drainer.step(false));
  const { user, system } = process.cpuUsage(cpu);
  const ms = performance.now() - before;
  say(`drain${name}`, clicks, ms);
  console.log(`  of which here ${((user + system) / clicks).toFixed(3)} us of CPU a click`);
  return ms;
}

async function roll({ db }: Bench, { name }: Run): Promise<number> {
  const roller = new Roller(db);
  const before = performance.now();
  let rolled = 0;
  for (;;) {
    const step = await roller.roll();
    if (!step?.batches) break;
    rolled += step.clicks;
  }
  const ms = performance.now() - before;
  say(`roll up${name}`, rolled, ms);
  return ms;
}

async function ask(bench: Bench): Promise<void> {
  const { db } = bench;
  const names = new TermNames();
  await askLatest(bench, names);
  const stats = new Stats(systemClock, names);
  for (const group_by of ["time", "country", "browser", "referrer"] as const) {
    const query = statsQuery.parse({ group_by });
    for (const subject of ["link", "owner"] as const) {
      const times: number[] = [];
      let total = 0;
      for (let i = 0; i < 11; i++) {
        const before = performance.now();
        const reply =
          subject === "link"
            ? await stats.ofLink(db, String(hotLink), query)
            : await stats.ofOwner(db, String(owner), query);
        times.push(performance.now() - before);
        total = reply.totals.clicks;
      }
      const median = times.toSorted((a, b) => a - b)[5]!;
      console.log(`stats of ${total} clicks by ${group_by} (${subject}): ${median.toFixed(1)} ms`);
    }
  }
}

async function askLatest({ db, links }: Bench, names: TermNames): Promise<void> {
  for (const linkId of [hotLink, 1_000_000_000 + links - 1]) {
    const before = performance.now();
    const query = { limit: 100, linkId: String(linkId), now: Date.now() };
    const { items } = await latestClicks(db, names, query);
    const ms = (performance.now() - before).toFixed(1);
    console.log(`latest ${items.length} clicks of link ${linkId}: ${ms} ms`);
  }
}

function say(what: string, count: number, ms: number): void {
  const each = (ms * 1000) / count;
  const rate = Math.round(count / (ms / 1000)).toLocaleString("en");
  console.log(`${what}: ${rate}/s, ${each.toFixed(3)} us each`);
}

if (import.meta.main) {
  const [recent = 1_000_000, links = 100_000, history = 0] = process.argv.slice(2).map(Number);
  const folder = await mkdtemp(join(tmpdir(), "stoa-bench-"));
  try {
    await benchClicks(folder, { recent, links, history });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
