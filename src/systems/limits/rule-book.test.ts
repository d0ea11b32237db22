import { afterAll, beforeAll, expect, test } from "bun:test";
import { openTestDb, testDatabase, type TestDatabase } from "../../../test/database.ts";
import type { Principal } from "../../platform/auth/principal.ts";
import { fakeClock, systemClock as clock } from "../../platform/clock/clock.ts";
import { loadConfig } from "../../platform/config/config.ts";
import type { Db } from "../../platform/db/db.ts";
import { silentLog } from "../../platform/log/log.ts";
import { Metrics } from "../../platform/metrics/metrics.ts";
import { RuleEdits, type Wish } from "./edit.ts";
import { limitsMigrations } from "./migrations.ts";
import { ensurePresets, presetsOf } from "./presets.ts";
import { RuleBook } from "./rule-book.ts";
import { listRules, listVersions } from "./store.ts";

/** What each process knows of rules, and how soon. */
let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase(limitsMigrations);
}, 60_000);
afterAll(() => database.drop());

let ids = 0;
const nextId = () => String(++ids);
const known = { tiers: ["free"], hasRoute: () => true };
const edits = new RuleEdits({ clock, nextId, audit: async () => {}, known });
const actor: Principal = {
  ...{ kind: "session", account_id: "1", role: "admin", tier: "free" },
  ...{ scopes: ["*"], credential_id: "1" },
};
const origin = { actor, address: "192.0.2.1", request_id: "r" };
const plain = { algorithm: "fixed_window", limit: 1, window_ms: 1_000, service: true } as const;
const create = (wish: Wish) =>
  database.db.write((tx) => edits.create(tx, { ...plain, ...wish }, origin));
const update = (id: string, wish: Wish) =>
  database.db.write((tx) => edits.update(tx, id, { wish, version: null }, origin));

/** Another process: its own connections, and its own way of hearing or not. */
async function another(change: Partial<Db> = {}, time = clock) {
  const db = openTestDb(database.connection, 3);
  const book = new RuleBook({
    db: { ...db, ...change },
    clock: time,
    log: silentLog,
    metrics: new Metrics(),
  });
  await book.start();
  return { book, stop: () => book.stop().then(() => db.close()) };
}

async function until(isSo: () => boolean): Promise<void> {
  for (const end = performance.now() + 20_000; !isSo(); await Bun.sleep(5)) {
    if (performance.now() > end) throw new Error(`not so: ${String(isSo)}`);
  }
}

const limitIn = (book: RuleBook, name: string) => book.called(name)?.[0]?.rule.limit;

test("every process knows a change within two seconds, also one that hears nothing", async () => {
  const { id } = await create({ name: "t.heard" });
  const time = fakeClock();
  const hearing = await another({}, fakeClock());
  const deaf = await another({ listen: async () => async () => {} }, time);
  await update(id, { limit: 7 });
  // For the one that hears no time passes at all.
  await until(() => limitIn(hearing.book, "t.heard") === 7);
  expect(limitIn(deaf.book, "t.heard")).toBe(1);
  time.advance(1_900);
  await until(() => limitIn(deaf.book, "t.heard") === 7);
  await database.db.write((tx) => edits.remove(tx, id, null, origin));
  time.advance(1_900);
  await until(() => deaf.book.called("t.heard") === undefined);
  await until(() => hearing.book.named("t.heard") === undefined);
  await Promise.all([hearing.stop(), deaf.stop()]);
});

test("whoever made a change knows it once he has asked for it", async () => {
  const process = await another({ listen: async () => async () => {} });
  for (let limit = 1; limit <= 20; limit++) {
    const { id } = await create({ name: `t.own-${limit}`, limit });
    const [, , known2] = await Promise.all([
      process.book.reload(),
      update(id, { limit: limit + 100 }),
      process.book.reload(),
    ]);
    expect(known2).toBeUndefined();
    await process.book.reload();
    expect(limitIn(process.book, `t.own-${limit}`)).toBe(limit + 100);
  }
  await process.stop();
});

test("a policy is all rules under a name; a rule that is off holds nothing", async () => {
  const process = await another();
  await create({ name: "p.one" });
  await create({ name: "p.two" });
  await create({ name: "p.two.more" });
  await create({ name: "p.off", enabled: false });
  await create({ name: "pp" });
  await process.book.reload();
  const names = (name: string) => process.book.named(name)?.map((rule) => rule.name);
  expect(names("p")).toEqual(["p.one", "p.two", "p.two.more"]);
  expect(names("p.two")).toEqual(["p.two", "p.two.more"]);
  expect(names("p.off")).toEqual([]);
  expect(process.book.called("p.off")).toEqual([]);
  expect(process.book.called("p")).toBeUndefined();
  expect(names("p.none")).toBeUndefined();
  await process.stop();
});

test("a definition that cannot be read takes no other rule with it", async () => {
  await create({ name: "t.sound" });
  await database.db.write(
    (tx) => tx.run`
      INSERT INTO limits.rules (id, name, definition, updated_at)
      VALUES (999, 't.broken', '{"name": "t.broken", "enabled": true}', now())`,
  );
  await database.db.write((tx) => tx.run`UPDATE limits.revision SET revision = revision + 1`);
  const process = await another();
  expect(limitIn(process.book, "t.sound")).toBe(1);
  expect(process.book.called("t.broken")).toEqual([]);
  await process.stop();
  await database.db.write((tx) => tx.run`DELETE FROM limits.rules WHERE id = 999`);
});

test("presets are made once by all, and follow the settings until somebody edits", async () => {
  const { db } = database;
  const config = loadConfig({});
  const ensure = (change: Partial<typeof config> = {}) =>
    ensurePresets({ db, clock, nextId }, presetsOf({ ...config, ...change }));
  const presets = async () => (await listRules(db)).filter((row) => row.preset);
  const find = async (name: string) =>
    (await presets()).find((row) => row.definition.name === name)!;
  await Promise.all([ensure(), ensure(), ensure()]);
  const made = await presets();
  expect(made).toHaveLength(presetsOf(config).length);
  expect(made.every((row) => row.version === 1 && row.updated_by === null)).toBe(true);
  const name = "accounts.sign_in.per_account";
  await ensure({ signInsPerAccountPerHour: 5 });
  expect(await find(name)).toMatchObject({ version: 2, definition: { limit: 5 } });
  const { id } = await find(name);
  await update(id, { limit: 9 });
  await ensure({ signInsPerAccountPerHour: 6, linkAliasesPerOwnerMax: 11 });
  expect(await find(name)).toMatchObject({ version: 3, definition: { limit: 9 }, updated_by: "1" });
  expect(await find("links.aliases")).toMatchObject({ version: 2, definition: { limit: 11 } });
  const versions = await listVersions(db, id, { before: null, limit: 10 });
  expect(versions.map((row) => [row.definition.limit, row.changed_by])).toEqual([
    [9, "1"],
    [5, null],
    [20, null],
  ]);
});

test("every preset is a rule that could be edited as it is", async () => {
  for (const row of await listRules(database.db)) {
    if (row.preset) await update(row.id, { description: "Seen." });
  }
});
