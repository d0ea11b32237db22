import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestDatabase, testDatabase } from "../../../test/database.ts";
import { backup, inspectBackup, type Progress } from "./backup.ts";
import { restore } from "./restore.ts";

const schema = `
CREATE SCHEMA shop;
CREATE TYPE shop.mood AS ENUM ('sad', 'ok');
CREATE SEQUENCE shop.blocks;
CREATE TABLE shop.settings (name text PRIMARY KEY, value text);
INSERT INTO shop.settings VALUES ('made by', 'the migration');
CREATE TABLE shop."Odd ""Name" (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  "a column" text, twice bigint GENERATED ALWAYS AS (id * 2) STORED,
  b bytea, n numeric, f float8, r real, t timestamptz, d date, i interval, j jsonb, u uuid,
  tags text[], ints int4[], addr inet, yes boolean, mood shop.mood, during tstzrange, c "char",
  parent bigint REFERENCES shop."Odd ""Name", dropped int
);
ALTER TABLE shop."Odd ""Name" DROP COLUMN dropped;
-- Keys in a circle, and a constraint that only holds at the end.
CREATE TABLE shop.a (id int PRIMARY KEY, b int, place int UNIQUE DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE shop.b (id int PRIMARY KEY, a int NOT NULL REFERENCES shop.a ON DELETE CASCADE);
ALTER TABLE shop.a ADD CONSTRAINT back FOREIGN KEY (b) REFERENCES shop.b DEFERRABLE;
CREATE FUNCTION shop.forbid() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE 'a trigger fired'; END $$;
CREATE TRIGGER forbid BEFORE INSERT ON shop.b FOR EACH ROW EXECUTE FUNCTION shop.forbid();
CREATE TABLE shop.clicks (at timestamptz NOT NULL, kind text NOT NULL, n int)
  PARTITION BY RANGE (at);
CREATE INDEX ON shop.clicks (n);
CREATE TABLE shop.accounts (id int PRIMARY KEY, balance int NOT NULL);
`;
const migrations = [{ id: "shop_1", sql: schema }];

let folder: string;
const databases: TestDatabase[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stoa-backup-"));
  source = await filled();
});

afterAll(async () => {
  for (const made of databases) await made.drop();
  await rm(folder, { recursive: true, force: true });
});

async function database(list = migrations) {
  const made = await testDatabase(list);
  databases.push(made);
  return made.db.client;
}

/** For tests that only read it. */
let source: TestDatabase["db"]["client"];

async function filled() {
  const client = await database();
  const session = await client.reserve();
  await session`SET default_transaction_read_only = off`;
  await session
    .unsafe(
      `INSERT INTO shop."Odd ""Name"
         ("a column", b, n, f, r, t, d, i, j, u, tags, ints, addr, yes, mood, during, c, parent)
       VALUES (E'tab\\tnew\\nline\\\\.\\\\N é 🎉', '\\x00ff', '12345678901234567890.000000001',
         0.1 + 0.2, 'NaN', '2026-02-28 23:59:59.999999+05:30', 'infinity', '1 mon -2 days 3.5 s',
         '{"a": [1, "\\u00e9", null]}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
         ARRAY['', NULL, 'a,b', '"q"'], '{{1,2},{3,4}}', '2001:db8::1/64', true, 'sad',
         '[2026-01-01,)', 'x', 2), (NULL, '', NULL, 'Infinity', NULL, NULL, NULL, NULL,
         'null', NULL, '{}', NULL, NULL, NULL, NULL, 'empty', NULL, 1);
       BEGIN; ALTER TABLE shop.b DISABLE TRIGGER forbid; INSERT INTO shop.a VALUES (1, NULL, 2),
         (2, NULL, 1); INSERT INTO shop.b VALUES (1, 1); UPDATE shop.a SET b = 1;
       ALTER TABLE shop.b ENABLE TRIGGER forbid; COMMIT;
       CREATE TABLE shop.clicks_1 PARTITION OF shop.clicks
         FOR VALUES FROM ('2026-01-01+00') TO ('2026-01-02+00');
       CREATE TABLE shop.clicks_2 PARTITION OF shop.clicks
         FOR VALUES FROM ('2026-01-02+00') TO ('2026-01-03+00') PARTITION BY LIST (kind);
       CREATE TABLE shop.clicks_2_bot PARTITION OF shop.clicks_2 FOR VALUES IN ('bot', 'it''s');
       CREATE TABLE shop.clicks_2_rest PARTITION OF shop.clicks_2 DEFAULT;
       INSERT INTO shop.clicks SELECT '2026-01-01+00'::timestamptz + n * interval '1 second',
         CASE n % 3 WHEN 0 THEN 'bot' ELSE 'human' END, n FROM generate_series(0, 172799) n;
       INSERT INTO shop.accounts SELECT n, 100 FROM generate_series(1, 100) n;
       SELECT setval('shop.blocks', 4711);`,
    )
    .simple();
  await session`RESET default_transaction_read_only`;
  session.release();
  return client;
}

/** Everything a table shows, as text, so that no client conversion can hide a difference. */
async function contents(client: TestDatabase["db"]["client"]) {
  const [row] = await client.unsafe(`SELECT json_build_array(
    (SELECT json_agg(x::text ORDER BY id) FROM shop."Odd ""Name" x),
    (SELECT json_agg(x::text ORDER BY id) FROM shop.a x),
    (SELECT json_agg(x::text ORDER BY id) FROM shop.b x),
    (SELECT json_agg(x::text ORDER BY name) FROM shop.settings x),
    (SELECT json_agg(x::text ORDER BY id) FROM shop.accounts x),
    (SELECT json_agg(y::text ORDER BY p) FROM (SELECT tableoid::regclass::text AS p, count(*),
      sum(n), min(at), max(at) FROM shop.clicks GROUP BY 1) y)) AS all`);
  return row.all;
}

async function structure(client: TestDatabase["db"]["client"]) {
  return await client
    .unsafe(
      `SELECT conrelid::regclass::text || ' ' || conname || ' ' || pg_get_constraintdef(oid) AS it
         FROM pg_constraint WHERE connamespace = 'shop'::regnamespace
       UNION ALL SELECT tgrelid::regclass || ' ' || tgname || ' ' || tgenabled::text FROM pg_trigger
         WHERE NOT tgisinternal
       UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'shop' ORDER BY 1`,
    )
    .values();
}

test("a backup restores every type, partition, key, trigger and sequence", async () => {
  const path = join(folder, "round-trip.stoa");
  const heard: Progress[] = [];
  const written = await backup(source, path, { onProgress: (p) => heard.push(p) });
  expect(written.rows).toBe(172_800 + 2 + 2 + 1 + 1 + 100);
  expect(heard.at(-1)).toEqual({ phase: "copying", at: "", fraction: 1 });
  expect(heard.map((p) => p.fraction)).toEqual(heard.map((p) => p.fraction).sort((a, b) => a - b));
  expect((await stat(path)).mode & 0o777).toBe(0o600);

  const target = await database();
  const restored = await restore(target, path, { onProgress: (p) => heard.push(p) });
  expect(restored).toEqual(written);
  expect(new Set(heard.map((p) => p.phase))).toEqual(new Set(["copying", "checking", "restoring"]));
  expect(await contents(target)).toEqual(await contents(source));
  expect(await structure(target)).toEqual(await structure(source));
  await target.begin("READ WRITE", async (tx) => {
    const [next] = await tx`SELECT nextval('shop.blocks')::int AS block`;
    expect(next.block).toBe(4712);
    const odd = tx.unsafe(`INSERT INTO shop."Odd ""Name" (f) VALUES (1) RETURNING id::int`);
    expect((await odd)[0].id).toBe(3);
  });
});

test("a backup under writes holds one instant", async () => {
  const live = await filled();
  const path = join(folder, "consistent.stoa");
  let writing = true;
  let transfers = 0;
  const transfer = async (seed: number) => {
    for (let n = seed; writing; n++) {
      const [from, to] = [1 + (n % 100), 1 + ((n * 7 + 13) % 100)];
      await live.begin("READ WRITE", async (tx) => {
        await tx`UPDATE shop.accounts SET balance = balance - 1 WHERE id = ${Math.min(from, to)}`;
        await tx`UPDATE shop.accounts SET balance = balance + 1 WHERE id = ${Math.max(from, to)}`;
        await tx`INSERT INTO shop.clicks VALUES ('2026-01-01+00', 'human', nextval('shop.blocks'))`;
      });
      transfers++;
    }
  };
  const writers = [1, 2, 3].map(transfer);
  while (transfers < 50) await Bun.sleep(1);
  const before = transfers;
  await backup(live, path);
  expect(transfers).toBeGreaterThan(before);
  writing = false;
  await Promise.all(writers);

  const target = await database();
  await restore(target, path);
  const [row] = await target`SELECT sum(balance)::int AS total FROM shop.accounts`;
  expect(row.total).toBe(100 * 100);
  const [ahead] = await target`SELECT max(n) <= (SELECT last_value FROM shop.blocks) AS ahead
    FROM shop.clicks WHERE n > 4711 AND kind = 'human' AND at = '2026-01-01+00'`;
  expect(ahead.ahead).toBe(true);
});

test("a file that was cut short or changed anywhere is refused, and nothing changes", async () => {
  const path = join(folder, "whole.stoa");
  await backup(source, path);
  const whole = await Bun.file(path).bytes();
  const target = await database();
  const before = await contents(target);
  const damaged = join(folder, "damaged.stoa");
  const refused = async (bytes: Uint8Array) => {
    await Bun.write(damaged, bytes);
    await expect(restore(target, damaged)).rejects.toMatchObject({ name: "BackupError" });
    await expect(inspectBackup(damaged)).rejects.toMatchObject({ name: "BackupError" });
  };
  const header = whole.indexOf(10);
  for (const length of [0, 10, header, header + 1, whole.length >> 1, whole.length - 1]) {
    await refused(whole.subarray(0, length));
  }
  for (const at of [3, header - 5, header + 2, whole.length >> 1, whole.length - 1]) {
    const flipped = Uint8Array.from(whole);
    flipped[at]! ^= 1;
    await refused(flipped);
  }
  await refused(new Uint8Array([...whole, 0]));
  await refused(new TextEncoder().encode("-- PostgreSQL database dump\n".repeat(100)));
  expect(await contents(target)).toEqual(before);
});

test("a database with data is refused unless forced; forced, it becomes the backup", async () => {
  const live = await filled();
  const path = join(folder, "force.stoa");
  await backup(live, path);
  const wanted = await contents(live);
  await live.begin("READ WRITE", async (tx) => {
    await tx`UPDATE shop.settings SET value = 'changed'`;
    await tx`INSERT INTO shop.accounts VALUES (7777, 1)`;
    await tx`SELECT setval('shop.blocks', 9000)`;
  });
  await expect(restore(live, path)).rejects.toThrow("is not empty");
  expect(await contents(live)).not.toEqual(wanted);
  await restore(live, path, { force: true });
  expect(await contents(live)).toEqual(wanted);
  // Numbers handed out since the backup are not handed out again.
  await live.begin("READ WRITE", async (tx) => {
    const [next] = await tx`SELECT nextval('shop.blocks')::int AS block`;
    expect(next.block).toBe(9001);
  });
});

test("a database of another schema is refused, with the difference", async () => {
  const path = join(folder, "schema.stoa");
  await backup(source, path);
  expect((await inspectBackup(path)).migrations.map((m) => m.id)).toContain("shop_1");
  const more = { id: "shop_2", sql: "CREATE TABLE shop.more (id int)" };
  const newer = await database([...migrations, more]);
  await expect(restore(newer, path)).rejects.toThrow("Only in the database: shop_2");
});

test("a backup of the first format, which had no files, is restored", async () => {
  const path = join(folder, "first-format.stoa");
  await backup(source, path);
  const whole = await Bun.file(path).bytes();
  const end = whole.indexOf(10);
  const { files: _, ...header } = JSON.parse(Buffer.from(whole.subarray(0, end)).toString());
  const rewritten = (version: number) => {
    const line = Buffer.from(JSON.stringify({ ...header, version }));
    const body = Buffer.concat([line, whole.subarray(end, -32)]);
    return Buffer.concat([body, new Bun.CryptoHasher("sha256").update(body).digest()]);
  };
  await Bun.write(path, rewritten(1));
  const target = await database();
  expect(await restore(target, path)).toMatchObject({ files: 0, elsewhere: 0, unreadable: 0 });
  expect(await contents(target)).toEqual(await contents(source));
  await Bun.write(path, rewritten(3));
  await expect(restore(target, path)).rejects.toThrow(
    "has format 3, and this Stoa reads formats 1",
  );
});

test("a backup that fails leaves no file, and keeps the one before", async () => {
  const path = join(folder, "kept.stoa");
  await backup(source, path);
  const before = await Bun.file(path).bytes();
  const stopAt = (p: Progress) => {
    if (p.at === "shop.clicks_1") throw new Error("the disk went away");
  };
  await expect(backup(source, path, { onProgress: stopAt })).rejects.toThrow("the disk went away");
  expect(await Bun.file(path).bytes()).toEqual(before);
  expect((await readdir(folder)).filter((name) => name.endsWith(".partial"))).toEqual([]);
  expect(await source`SELECT 1 AS n`.values()).toEqual([[1]]);
});
