/**
 * PostgreSQL, rolling it up; then how fast the numbers of a link answer.
 *
 *   bun bench/clicks.ts [clicks] [links] [clicks of one link, over a month, to ask about]
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../src/platform/clock/clock.ts";
import { openDb } from "../src/platform/db/db.ts";
import { startEmbedded } from "../src/platform/db/embedded.ts";
import { migrate } from "../src/platform/db/migrate.ts";
import { createLog, silentLog } from "../src/platform/log/log.ts";
import { Metrics } from "../src/platform/metrics/metrics.ts";
import { SpoolDrain } from "../src/systems/links/clicks/drain.ts";
import { Dictionary, TermNames } from "../src/systems/links/clicks/dictionary.ts";
import { Partitions } from "../src/systems/links/clicks/partitions.ts";
import { latestClicks } from "../src/systems/links/clicks/raw.ts";
import { Recorder } from "../src/systems/links/clicks/recorder.ts";
import { Roller } from "../src/systems/links/clicks/roll.ts";
import { Spool } from "../src/systems/links/clicks/spool.ts";
import { Stats } from "../src/systems/links/clicks/stats.ts";
import { VisitorKeys } from "../src/systems/links/clicks/visitors.ts";
import clicksSchema from "../src/systems/links/clicks/clicks.sql" with { type: "text" };
import schema from "../src/systems/links/schema.sql" with { type: "text" };
import { statsQuery } from "../src/systems/links/wire.ts";

const recent = Number(process.argv[2] ?? 1_000_000);
const links = Number(process.argv[3] ?? 100_000);
const history = Number(process.argv[4] ?? 0);
const visitors = 5_000;
const monthMs = 30 * 86_400_000;
const owner = 42;
const hotLink = 1_000_000_007;

const dataDir = await mkdtemp(join(tmpdir(), "stoa-bench-"));
const embedded = await startEmbedded({ dataDir, log: silentLog });
const db = openDb({
  primary: embedded.app,
  poolMax: 4,
  acquireTimeoutMs: 10_000,
  statementTimeoutMs: 120_000,
  clock: systemClock,
  log: createLog({ level: "warn" }),
});
const root = join(dataDir, "spool");

try {
  await migrate(
    db.client,
    [
      { id: "links/1", sql: schema },
      { id: "links/clicks/1", sql: clicksSchema },
    ],
    silentLog,
  );
  await addLinks();
  const spool = new Spool(root, Number.MAX_SAFE_INTEGER);
  spool.open();
  for (const run of [
    { name: "", clicks: recent, spanMs: 0 },
    { name: " a month", clicks: history, spanMs: monthMs },
  ]) {
    if (run.clicks === 0) continue;
    record(spool, run);
    await drain(spool, run);
    await roll(run);
  }
  const one = { name: " one more", clicks: 1, spanMs: 0 };
  record(spool, one);
  await drain(spool, one);
  await roll(one);
  await ask();
} finally {
  await db.close();
  await embedded.stop();
  await rm(dataDir, { recursive: true, force: true });
}

type Run = { name: string; clicks: number; spanMs: number };

async function addLinks(): Promise<void> {
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

/** Zipf by inversion, a tenth of all clicks on one link; headers are new strings each time. */
function record(spool: Spool, { name, clicks, spanMs }: Run): void {
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
      idLow: spanMs > 0 || i % 10 === 0 ? hotLink : 1_000_000_000 + rank,
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

async function drain(spool: Spool, { name, clicks }: Run): Promise<void> {
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
  say(`drain${name}`, clicks, performance.now() - before);
  console.log(`  of which here ${((user + system) / clicks).toFixed(3)} us of CPU a click`);
}

async function roll({ name }: Run): Promise<void> {
  const roller = new Roller(db);
  const before = performance.now();
  let rolled = 0;
  for (;;) {
    const step = await roller.roll();
    if (!step?.batches) break;
    rolled += step.clicks;
  }
  say(`roll up${name}`, rolled, performance.now() - before);
}

async function ask(): Promise<void> {
  const names = new TermNames();
  await askLatest(names);
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

async function askLatest(names: TermNames): Promise<void> {
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
