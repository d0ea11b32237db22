import { afterAll, beforeAll, expect, test } from "bun:test";
import { testDatabase, type TestDatabase } from "../../../test/database.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase([]);
});
afterAll(() => database.drop());

test("what takes too long is given up by the server, and the connection is as before", async () => {
  const { db } = database;
  const slow = await db.within(50, (reader) => reader.all`SELECT pg_sleep(30)`);
  expect(slow).toBeNull();
  expect(await db.within(5_000, (reader) => reader.one`SELECT 1 AS one`)).toEqual({ one: 1 });
  const running = await db.all`
    SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()
      AND state = 'active' AND datname = current_database()`;
  expect(running).toHaveLength(0);
  // Neither the limit nor the refusal to write is left behind on any connection of the pool.
  const timeouts = await Promise.all(
    Array.from({ length: 8 }, () => db.one<{ ms: string }>`SHOW statement_timeout`),
  );
  expect(new Set(timeouts.map((row) => row && Object.values(row)[0]))).toEqual(new Set(["10s"]));
});

test("other errors stay what they are, and nothing can be written", async () => {
  const { db } = database;
  const failing = db.within(5_000, (reader) => reader.all`SELECT 1 / 0`);
  expect(failing).rejects.toMatchObject({ errno: "22012" });
  const writing = db.within(5_000, (reader) => reader.all`CREATE TABLE written (id int)`);
  expect(writing).rejects.toThrow();
  await Promise.allSettled([failing, writing]);
  expect(await db.one`SELECT to_regclass('written')::text AS name`).toEqual({ name: null });
});
