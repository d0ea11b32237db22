import { afterAll, beforeAll, expect, test } from "bun:test";
import { SQL } from "bun";
import { fakeClock } from "../../platform/clock/clock.ts";
import { platformMigrations } from "../../platform/platform.ts";
import { testDatabase, type TestDatabase } from "../../../test/database.ts";
import { migrations } from "../../migrations.ts";
import { Targets } from "./targets.ts";

/** What memory does while the database hangs. The rest is tested through redirects. */
let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase([...platformMigrations, ...migrations]);
  await database.db.write(
    (tx) => tx.run`INSERT INTO links.links (id, owner_id, code, url, url_host)
      VALUES (1, 1, 'abc', 'https://example.com/', 'example.com')`,
  );
});
afterAll(() => database.drop());

test("a known code does not wait for a database that hangs, and catches up after it", async () => {
  const clock = fakeClock();
  const targets = new Targets({ db: database.db, clock, entriesMax: 100 });
  await targets.find("0", "abc");
  await using holder = new SQL(database.connection as string, { max: 1 });
  const lock = await holder.reserve();
  await lock`BEGIN`;
  await lock`UPDATE links.links SET url = 'https://example.com/new' WHERE id = 1`;
  await lock`LOCK TABLE links.links IN ACCESS EXCLUSIVE MODE`;
  clock.advance(2_000);
  const began = performance.now();
  expect(await targets.find("0", "abc")).toMatchObject({ url: "https://example.com/" });
  // It hangs for ten seconds; a busy machine for less.
  expect(performance.now() - began).toBeLessThan(8_000);
  const after = performance.now();
  for (let n = 0; n < 20; n++) {
    clock.advance(100);
    expect(await targets.find("0", "abc")).toMatchObject({ url: "https://example.com/" });
  }
  // Who waited each time would take five seconds.
  expect(performance.now() - after).toBeLessThan(3_000);
  await lock`COMMIT`;
  lock.release();
  const until = performance.now() + 20_000;
  for (let url = ""; url !== "https://example.com/new"; await Bun.sleep(10)) {
    expect(performance.now()).toBeLessThan(until);
    clock.advance(100);
    url = (await targets.find("0", "abc"))?.url ?? "";
  }
});
