import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testDatabase, type TestDatabase } from "../../../test/database.ts";
import { type Clock, systemClock } from "../../platform/clock/clock.ts";
import { openIds } from "../../platform/ids/ids.ts";
import type { Jobs } from "../../platform/jobs/jobs.ts";
import { createJobs } from "../../platform/jobs/queue.ts";
import { silentLog } from "../../platform/log/log.ts";
import { platformMigrations } from "../../platform/platform.ts";
import { openBlocklist } from "./blocklist.ts";
import { linksMigrations } from "./migrations.ts";
import { watchLists } from "./safety-desk.ts";

const folder = mkdtempSync(join(tmpdir(), "stoa-watch-"));
const file = join(folder, "hosts.txt");
let database: TestDatabase;
let ids: Awaited<ReturnType<typeof openIds>>;
beforeAll(async () => {
  database = await testDatabase([...platformMigrations, ...linksMigrations]);
  ids = await openIds({ db: database.db, clock: systemClock, log: silentLog });
});
afterAll(async () => {
  await ids.close();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

/** Wakes when the test says so, and tells when it sleeps again. */
function steppedClock() {
  let wake = () => {};
  let asleep = Promise.withResolvers<void>();
  const clock: Clock = {
    ...systemClock,
    sleep: (_, signal) =>
      new Promise((resolve) => {
        wake = resolve;
        signal?.addEventListener("abort", () => resolve());
        asleep.resolve();
      }),
  };
  const round = async () => {
    await asleep.promise;
    asleep = Promise.withResolvers();
    wake();
    await asleep.promise;
  };
  return { clock, round };
}

async function queued(): Promise<(string | null)[]> {
  const rows = await database.db.all<{ key: string | null }>`
    SELECT key FROM platform.jobs WHERE kind = 'links.recheck'`;
  return rows.map((row) => row.key);
}

test("a changed list is read again and links queued to be checked, once and surely", async () => {
  const { db } = database;
  writeFileSync(file, "one.example\n");
  const blocklist = await openBlocklist({
    ...{ blockFiles: [file], allowFiles: [], log: silentLog, clock: systemClock },
  });
  const real = createJobs({ db, ids, clock: systemClock, log: silentLog });
  let failures = 1;
  const jobs: Jobs = {
    ...real,
    dead: real.dead.bind(real),
    replay: real.replay.bind(real),
    enqueue: async (tx, job) => {
      if (failures-- > 0) throw new Error("the database went away");
      await real.enqueue(tx, job);
    },
  };
  const { clock, round } = steppedClock();
  const stop = new AbortController();
  const deps = { db, log: silentLog, clock, jobs, blocklist };
  const watching = watchLists(deps, stop.signal);
  await round();
  expect(await queued()).toEqual([]);
  await db.write(
    (tx) => tx.run`
      INSERT INTO links.walks VALUES ('recheck after lists changed', 99, now())`,
  );
  writeFileSync(file, "one.example\ntwo.example\n");
  await round();
  expect(blocklist.matches(new URL("https://two.example/"))).not.toBeNull();
  expect(await queued()).toEqual([]);
  await round();
  await round();
  expect(await queued()).toEqual(["recheck after lists changed"]);
  expect(await db.all`SELECT FROM links.walks`).toHaveLength(0);
  stop.abort();
  await watching;
});
