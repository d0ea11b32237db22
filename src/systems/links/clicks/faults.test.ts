import { afterEach, beforeEach, expect, test, setDefaultTimeout } from "bun:test";
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copyCluster } from "../../../../test/data-folder.ts";
import { openTestDb } from "../../../../test/database.ts";
import { startEmbedded } from "../../../platform/db/embedded.ts";
import { migrate } from "../../../platform/db/migrate.ts";
import { silentLog } from "../../../platform/log/log.ts";
import { statsQuery } from "./wire.ts";
import { clicksMigrations, counted, hit, links } from "./clicks.fixture.ts";
import { openClicks, openPlace, until, type Place } from "./clicks.fixture.ts";
import type { ChildOrder } from "./clicks.child.ts";
import type { Clicks } from "./clicks.ts";
import { SegmentReader } from "./reading.ts";
import { segmentPath, segmentsOf, spoolsIn } from "./spool-folder.ts";

/** Real processes, killed. What is counted is compared with what was recorded. */
// The first test of a run starts the database.
setDefaultTimeout(60_000);

let place: Place;
const opened: Clicks[] = [];
const children: Bun.Subprocess[] = [];

beforeEach(async () => {
  place = await openPlace();
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const clicks of opened.splice(0)) await clicks.stop(AbortSignal.timeout(5_000));
  await place.remove();
});

async function start(): Promise<Clicks> {
  const clicks = openClicks(place);
  opened.push(clicks);
  await clicks.start();
  return clicks;
}

const root = () => join(place.dataDir, "spool", "clicks");

function spawn(mode: ChildOrder["mode"], spool = "") {
  const order = { mode, connection: place.connection, dataDir: place.dataDir, spool };
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, "clicks.child.ts"), JSON.stringify(order)],
    { stdout: "pipe", stderr: "inherit" },
  );
  children.push(child);
  let said = "";
  const reading = (async () => {
    for await (const chunk of child.stdout) said += new TextDecoder().decode(chunk);
  })();
  return {
    said: () => said,
    alive: () => child.exitCode === null && child.signalCode === null,
    async kill(): Promise<string> {
      child.kill("SIGKILL");
      await child.exited;
      await reading;
      return said;
    },
  };
}

/** Whole clicks in what a dead process left. */
function spooled(spool: string): number {
  let count = 0;
  const folder = join(root(), spool);
  for (const segment of segmentsOf(folder)) {
    const reader = new SegmentReader(folder, segment);
    for (let stretch = reader.peek(1_000); stretch; stretch = reader.peek(1_000)) {
      count += stretch.clicks;
      reader.take(stretch);
    }
    reader.close();
  }
  return count;
}

test("kill -9 while recording loses at most the last 50 ms and doubles nothing", async () => {
  for (let round = 1; round <= 3; round++) {
    const before = (await counted(place)).raw;
    const child = spawn("record");
    await until("it records", () => child.said().split("\n").length > 50);
    await Bun.sleep(Math.random() * 400);
    const lines = (await child.kill()).split("\n").slice(0, -1);
    const [last, killedAt] = lines.at(-1)!.split(" ").map(Number) as [number, number];
    const safe = lines.map((line) => line.split(" ").map(Number) as [number, number]);
    // One that was not given the processor has not had its 50 ms; some turns tell that it had.
    const [owed] = safe.slice(0, -5).findLast(([, at]) => at <= killedAt - 50) ?? [0];
    const [spool] = spoolsIn(root());
    const onDisk = spooled(spool!);
    expect(onDisk).toBeGreaterThanOrEqual(owed);
    // One more turn of its loop may have gone by before it could say so.
    expect(onDisk).toBeLessThanOrEqual(last + 20);
    const clicks = await start();
    await clicks.settle();
    expect(await counted(place)).toEqual({ raw: before + onDisk, rolled: before + onDisk });
    await opened.pop()?.stop(AbortSignal.timeout(5_000));
    expect(spoolsIn(root())).toEqual([]);
  }
});

/** A spool whose process is gone, with so many clicks in it. */
async function deadSpool(count: number): Promise<string> {
  const admin = place.connection;
  // Started against a database that is not there, so nothing is drained.
  const away = typeof admin === "string" ? `${admin}_away` : { ...admin, database: "away" };
  const clicks = openClicks({ ...place, connection: away });
  await clicks.start();
  const [spool] = spoolsIn(root());
  const one = hit();
  for (let i = 0; i < count; i++) {
    one.address = `192.0.2.${i % 250}`;
    one.query = i % 100 === 0 ? `?utm_source=${i}` : "";
    clicks.record(one);
    if (i % 50 === 0) clicks.flush();
  }
  await clicks.stop(AbortSignal.abort());
  return spool!;
}

test("a drainer killed again and again counts every click once", async () => {
  const count = 30_000;
  const spool = await deadSpool(count);
  expect(spooled(spool)).toBe(count);
  let between = 0;
  for (let kills = 0; kills < 12; kills++) {
    const before = (await counted(place)).raw;
    const child = spawn("drain", spool);
    await until("it drains", () => child.said().includes("draining"));
    // Some are killed anywhere, the others once they have begun.
    const begun = async () => child.said().includes("done") || (await counted(place)).raw > before;
    if (kills % 3 === 2) await Bun.sleep(Math.random() * 120);
    else await until("it has begun", begun);
    await child.kill();
    const { raw } = await counted(place);
    if (raw > before && raw < count) between++;
  }
  expect(between).toBeGreaterThan(0);
  const clicks = await start();
  await clicks.settle();
  expect(await counted(place)).toEqual({ raw: count, rolled: count });
  const { totals } = await clicks.stats.ofLink(place.db, links.spring, statsQuery.parse({}));
  expect(totals.clicks).toBe(count);
  expect(Math.abs(totals.unique_visitors - 250)).toBeLessThan(10);
});

test("processes that drain one spool at once count every click once", async () => {
  const count = 10_000;
  const spool = await deadSpool(count);
  const racing = Array.from({ length: 3 }, () => spawn("drain", spool));
  await until("one is done", () => racing.some((child) => child.said().includes("done")));
  for (const child of racing) await child.kill();
  const clicks = await start();
  await clicks.settle();
  expect(await counted(place)).toEqual({ raw: count, rolled: count });
});

test("of two processes that start, one adopts what a dead one left", async () => {
  await deadSpool(2_000);
  await deadSpool(3_000);
  const [a, b] = await Promise.all([start(), start()]);
  await Promise.all([a.settle(), b.settle()]);
  await until("all counted", async () => (await counted(place)).rolled === 5_000);
  expect(await counted(place)).toEqual({ raw: 5_000, rolled: 5_000 });
  expect(spoolsIn(root())).toHaveLength(2);
});

test("a torn tail is left out and the rest counted", async () => {
  const spool = await deadSpool(1_000);
  const folder = join(root(), spool);
  // The whole file once more, but for one byte of its first frame: all headers are right.
  const path = segmentPath(folder, 0);
  const again = readFileSync(path);
  again[60]! ^= 1;
  appendFileSync(path, again);
  const clicks = await start();
  await clicks.settle();
  expect(await counted(place)).toEqual({ raw: 1_000, rolled: 1_000 });
});

test("what a stop with no time leaves is counted by the next start", async () => {
  const first = await start();
  for (let i = 0; i < 500; i++) first.record(hit());
  await first.stop(AbortSignal.abort());
  const second = await start();
  await second.settle();
  expect(await counted(place)).toEqual({ raw: 500, rolled: 500 });
});

test("a stop in good time drains everything and leaves no spool", async () => {
  const clicks = await start();
  for (let i = 0; i < 5_000; i++) clicks.record(hit());
  await clicks.stop(AbortSignal.timeout(10_000));
  expect((await counted(place)).raw).toBe(5_000);
  expect(spoolsIn(root())).toEqual([]);
  const spools = await place.db.all`SELECT spool FROM links.click_spools`;
  expect(spools).toHaveLength(0);
});

test("clicks wait on disk while the database is killed, twice, and are counted once", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "stoa-clicks-pg-"));
  copyCluster(dataDir);
  const embedded = await startEmbedded({ dataDir, log: silentLog });
  const db = openTestDb(embedded.app);
  try {
    await migrate(db.client, clicksMigrations, silentLog);
    await db.write(
      (tx) => tx.run`
      INSERT INTO links.links (id, owner_id, code, url, url_host)
      VALUES (${links.spring}, 1, 'a', 'https://example.com/', 'example.com')`,
    );
    const clicks = openClicks({ ...place, db, connection: embedded.app, dataDir });
    await clicks.start();
    let recorded = 0;
    let going = true;
    const recording = (async () => {
      while (going) {
        for (let i = 0; i < 100; i++, recorded++) clicks.record(hit());
        await Bun.sleep(1);
      }
    })();
    for (let kill = 1; kill <= 2; kill++) {
      await until("some are drained", async () => {
        const row = await db.one<{ n: string }>`SELECT count(*) AS n FROM links.clicks`;
        return Number(row?.n) > kill * 1_000;
      });
      process.kill(embedded.pid(), "SIGKILL");
      await until("it is back", async () => {
        return embedded.restarts() >= kill && (await db.healthy(500));
      });
    }
    going = false;
    await recording;
    await until("no lag", () => clicks.lagSeconds() === 0);
    await clicks.settle();
    const counts = await counted({ ...place, db });
    expect(counts).toEqual({ raw: recorded, rolled: recorded });
    await clicks.stop(AbortSignal.timeout(5_000));
  } finally {
    await db.close();
    await embedded.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
});
