import { afterAll, beforeAll, expect, test } from "bun:test";
import { SQL } from "bun";
import { fakeClock } from "../../platform/clock/clock.ts";
import type { Db } from "../../platform/db/db.ts";
import { platformMigrations } from "../../platform/platform.ts";
import { testDatabase, type TestDatabase } from "../../../test/database.ts";
import { migrations } from "../../migrations.ts";
import { Targets } from "./targets.ts";

/** Codes missed at once share their reads, and get the answers that each alone would get. */
const links = 150;
let database: TestDatabase;

beforeAll(async () => {
  database = await testDatabase([...platformMigrations, ...migrations]);
  await database.db.write(async (tx) => {
    await tx.run`INSERT INTO links.links (id, owner_id, code, url, url_host)
      SELECT n, 1, 'code' || n, 'https://example.com/' || n, 'example.com'
      FROM generate_series(1, ${links}::int) AS n`;
    await tx.run`INSERT INTO links.links (id, owner_id, domain_id, code, skeleton, url, url_host)
      VALUES (1001, 2, 0, 'Spring-Fair', 'sprlngfalr', 'https://example.com/alias', 'example.com'),
        (1002, 1, 0, 'Menu', 'menu', 'https://example.com/menu', 'example.com'),
        (1003, 1, 0, 'MENU', NULL, 'https://example.com/code', 'example.com'),
        (1004, 1, 7, 'code1', NULL, 'https://other.example.com/1', 'other.example.com')`;
    await tx.run`INSERT INTO links.quarantined_owners (owner_id, reason) VALUES (2, 'spam')`;
  });
});
afterAll(() => database.drop());

function open(options: { db?: Db; readTimeoutMs?: number } = {}) {
  const clock = fakeClock();
  const targets = new Targets({ db: database.db, clock, entriesMax: 10_000, ...options });
  targets.trust(true);
  const url = async (code: string, domainId = "0") => {
    return (await targets.find(domainId, code))?.url ?? null;
  };
  return { targets, url };
}

/** Answers of the real database, held back until the gate is open. */
function gated() {
  const gate = Promise.withResolvers<void>();
  let answered = 0;
  async function hold<T>(answer: Promise<T>): Promise<T> {
    const held = await answer;
    answered++;
    await gate.promise;
    return held;
  }
  const { db: real } = database;
  const db: Db = {
    ...real,
    all: (strings, ...values) => hold(real.all(strings, ...values)),
    one: (strings, ...values) => hold(real.one(strings, ...values)),
  };
  async function read(count: number): Promise<void> {
    while (answered < count) await Bun.sleep(1);
  }
  return { db, open: gate.resolve, read };
}

test("codes missed at once are read together, each once, and told apart", async () => {
  const { targets, url } = open();
  const known = Array.from({ length: links }, (_, i) => i + 1);
  const asked = [
    ...known.map((n) => url(`code${n}`)),
    ...known.map((n) => url(`nothing${n}`)),
    url("springfair"),
    url("menu"),
    url("MENU"),
    url("code1", "7"),
    url("code2", "7"),
  ];
  const again = known.map((n) => url(`code${n}`));
  expect(await Promise.all(asked)).toEqual([
    ...known.map((n) => `https://example.com/${n}`),
    ...known.map(() => null),
    "https://example.com/alias",
    "https://example.com/menu",
    "https://example.com/code",
    "https://other.example.com/1",
    null,
  ]);
  expect(await Promise.all(again)).toEqual(known.map((n) => `https://example.com/${n}`));
  const { reads, queries } = targets.counts();
  expect(reads).toBe(asked.length);
  // Two go at once and alone, the others by the hundred.
  expect(queries).toBe(2 + Math.ceil((asked.length - 2) / 100));
  expect((await targets.find("0", "springfair"))?.more?.quarantined).toBe("owner");
  expect(await url("nothing1")).toBeNull();
  expect(targets.counts()).toMatchObject({ reads, queries });
});

test("a lone miss waits for nobody", async () => {
  const { db, open: release } = gated();
  const { targets, url } = open({ db });
  const first = url("code1");
  expect(targets.counts().queries).toBe(1);
  const second = url("code2");
  expect(targets.counts().queries).toBe(2);
  release();
  expect(await Promise.all([first, second])).toEqual([
    "https://example.com/1",
    "https://example.com/2",
  ]);
});

test("a database that hangs is told to everybody in time, and asked no more for them", async () => {
  const { targets, url } = open({ readTimeoutMs: 300 });
  await using holder = new SQL(database.connection as string, { max: 1 });
  const lock = await holder.reserve();
  await lock`BEGIN`;
  await lock`LOCK TABLE links.links IN ACCESS EXCLUSIVE MODE`;
  const began = performance.now();
  const failed = await Promise.allSettled(
    Array.from({ length: 250 }, (_, n) => url(`code${n % links}-${n}`)),
  );
  // It hangs for ten seconds; a busy machine for less.
  expect(performance.now() - began).toBeLessThan(8_000);
  expect(targets.counts().queries).toBe(2);
  for (const { status, reason } of failed as PromiseRejectedResult[]) {
    expect(status).toBe("rejected");
    expect(reason).toMatchObject({ code: "server.database_unavailable" });
  }
  await lock`COMMIT`;
  lock.release();
  expect(await url("code3")).toBe("https://example.com/3");
});

test("an error is told to those whom it concerns, and not remembered", async () => {
  const { url } = open();
  await database.db.write((tx) => tx.run`ALTER TABLE links.links RENAME TO mislaid`);
  const failed = await Promise.allSettled(
    Array.from({ length: links }, (_, n) => url(`code${n + 1}`)),
  );
  await database.db.write((tx) => tx.run`ALTER TABLE links.mislaid RENAME TO links`);
  expect(failed.map(({ status }) => status)).toEqual(failed.map(() => "rejected"));
  expect(await url("code5")).toBe("https://example.com/5");
});

test("an edit while a batch is read is seen by whoever asks after it", async () => {
  const { db, open: release, read } = gated();
  const { targets, url } = open({ db });
  // Two are sent, and their answers are on the way; the others wait for a place.
  const before = Array.from({ length: 20 }, (_, n) => url(`code${n + 100}`));
  const edited = ["code100", "code101", "code110"];
  await read(2);
  await database.db.write(
    (tx) => tx.run`UPDATE links.links SET url = url || '/new'
      WHERE domain_id = 0 AND code = ANY(${tx.array(edited, "text")})`,
  );
  for (const code of edited) targets.forget("0", code);
  const after = url("code101");
  release();
  expect((await Promise.all(before)).slice(0, 3)).toEqual([
    "https://example.com/100",
    "https://example.com/101",
    "https://example.com/102",
  ]);
  expect(await after).toBe("https://example.com/101/new");
  expect(await Promise.all(edited.map((code) => url(code)))).toEqual([
    "https://example.com/100/new",
    "https://example.com/101/new",
    "https://example.com/110/new",
  ]);
});
