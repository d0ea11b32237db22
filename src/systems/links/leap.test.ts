import { expect, test } from "bun:test";
import { platformMigrations } from "../../platform/platform.ts";
import { testDatabase } from "../../../test/database.ts";
import { migrations } from "../../migrations.ts";
import { leapAhead } from "./leap.ts";

test("after a restore no block is leased that may have been leased since the backup", async () => {
  const { db, drop } = await testDatabase([...platformMigrations, ...migrations]);
  const next = async (alphabet: string) => {
    const row = await db.write(
      (tx) => tx.one<{ n: string }>`
        SELECT nextval(${`links.${alphabet}_blocks`}::regclass) AS n`,
    );
    return Number(row?.n);
  };
  const before = { base62: await next("base62"), people: await next("people") };
  await leapAhead(db);
  expect(await next("base62")).toBe(before.base62 + 100_001);
  expect(await next("people")).toBe(before.people + 100_001);
  await drop();
});
