import { afterEach, beforeEach, expect, test, setDefaultTimeout } from "bun:test";
import type { Clicks } from "./clicks.ts";
import { foreign, hit, links, openClicks, openPlace, type Place } from "./clicks.fixture.ts";
import { dayName, Partitions } from "./partitions.ts";
import { dayMs } from "./traits.ts";

// The first test of a run starts the database.
setDefaultTimeout(60_000);

let place: Place;
let clicks: Clicks;
const today = Math.floor(Date.now() / dayMs);
const keep = 30;

beforeEach(async () => {
  place = await openPlace();
  clicks = openClicks(place, { clickRetentionDays: 36_500 });
  await clicks.start();
});
afterEach(async () => {
  await clicks.stop(AbortSignal.timeout(5_000));
  await place.remove();
});

async function recordAged(...ages: number[]): Promise<void> {
  for (const age of ages) {
    for (const link of [links.spring, links.summer, foreign.link]) {
      clicks.record(hit({ at: (today - age) * dayMs + 1, link }));
    }
    clicks.recordOrphan("gone", hit({ at: (today - age) * dayMs + 1 }));
  }
  await clicks.settle();
}

/** Ages of the raw clicks that are left, by link. */
async function left(): Promise<Record<string, number[]>> {
  const rows = await place.db.all<{ link_id: string; day: string }>`
    SELECT link_id, (at AT TIME ZONE 'UTC')::date::text AS day FROM links.clicks ORDER BY at DESC`;
  const out: Record<string, number[]> = {};
  for (const { link_id, day } of rows) {
    (out[link_id] ??= []).push(today - Date.parse(day) / dayMs);
  }
  return out;
}

test("days past the retention are dropped, and what was counted stays", async () => {
  await recordAged(0, 29, 30, 31, 400);
  const partitions = new Partitions(place.db);
  const dropped = await partitions.prune(today * dayMs + 5, keep);
  expect(dropped).toEqual([dayName(today - 400), dayName(today - 31)]);
  expect((await left())[links.spring]).toEqual([0, 29, 30]);
  const totals = await place.db.all<{ clicks: string }>`SELECT clicks FROM links.click_totals`;
  expect(totals.map((row) => row.clicks)).toEqual(["5", "5", "5"]);
  const orphans = await place.db.one<{ n: string }>`SELECT count(*) AS n FROM links.orphans`;
  expect(orphans?.n).toBe("3");
  // A late click of a dropped day makes its partition again.
  await recordAged(31);
  expect((await left())[links.spring]).toEqual([0, 29, 30, 31]);
});

test("a link may have a retention of its own, shorter or longer", async () => {
  await place.db.write(
    (tx) => tx.run`
    UPDATE links.links SET click_retention_days =
      CASE id WHEN ${links.summer}::bigint THEN 7 ELSE 60 END
    WHERE id IN (${links.summer}, ${foreign.link})`,
  );
  await recordAged(0, 7, 8, 30, 31, 60, 61);
  const partitions = new Partitions(place.db);
  expect(await partitions.prune(today * dayMs + 5, keep)).toEqual([dayName(today - 61)]);
  expect(await left()).toEqual({
    [links.spring]: [0, 7, 8, 30],
    [links.summer]: [0, 7],
    [foreign.link]: [0, 7, 8, 30, 31, 60],
  });
});

test("clicks that are not rolled up yet are never dropped", async () => {
  await recordAged(40);
  await place.db.write(
    (tx) => tx.run`
    INSERT INTO links.click_batches (clicks, first_at, last_at)
    SELECT 1, at, at FROM links.clicks LIMIT 1`,
  );
  const partitions = new Partitions(place.db);
  expect(await partitions.prune(today * dayMs + 5, keep)).toEqual([]);
  expect((await left())[links.spring]).toEqual([40]);
});

test("partitions may be made by many at once", async () => {
  const many = Array.from({ length: 8 }, () => new Partitions(place.db));
  await Promise.all(many.map((partitions) => partitions.ensure([1, 2, 3])));
  const rows = await place.db.all`
    SELECT FROM pg_inherits WHERE inhparent = 'links.clicks'::regclass
      AND inhrelid::regclass::text LIKE 'links.clicks_1970010%'`;
  expect(rows).toHaveLength(3);
});
