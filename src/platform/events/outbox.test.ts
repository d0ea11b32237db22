import { afterAll, beforeEach, expect, test } from "bun:test";
import { z } from "zod";
import { openTestDb, testDatabase, type TestDatabase } from "../../../test/database.ts";
import { fakeClock, systemClock } from "../clock/clock.ts";
import { type Ids, idsMigration, openIds } from "../ids/ids.ts";
import type { JobRunner } from "../jobs/jobs.ts";
import { createJobs, jobsMigration } from "../jobs/queue.ts";
import { silentLog } from "../log/log.ts";
import { matchesType, type Outbox, type StoaEvent, type Subscription } from "./events.ts";
import { createEvents, eventRetentionDays, eventsMigration } from "./outbox.ts";

const created = { type: "links.created", schema: z.object({ code: z.string() }), summary: "" };
const signedIn = { type: "accounts.signed_in", schema: z.object({}), summary: "" };

const databases: TestDatabase[] = [];
let database: TestDatabase;
let ids: Ids;
let clock = fakeClock();

beforeEach(async () => {
  database = await testDatabase([idsMigration, jobsMigration, eventsMigration]);
  databases.push(database);
  clock = fakeClock(Date.now());
  ids = await openIds({ db: database.db, clock: systemClock, log: silentLog });
});
afterAll(async () => {
  for (const each of databases) await each.drop();
});

function open(subscriptions: Subscription[], options = {}): { jobs: JobRunner; events: Outbox } {
  const deps = { db: database.db, clock, log: silentLog, ids, random: () => 0, ...options };
  const jobs = createJobs(deps);
  const events = createEvents({ ...deps, jobs });
  events.register(subscriptions);
  return { jobs, events };
}

function recording(name: string, types: string[], more: Partial<Subscription> = {}) {
  const got: StoaEvent[] = [];
  const handle = async (event: StoaEvent) => void got.push(event);
  return { got, subscription: { name, types, handle, ...more } };
}

const publish = (events: Outbox, code: string, owner: string | null = "7") =>
  database.db.write((tx) => events.publish(tx, created, { owner_id: owner, data: { code } }));

test("an event reaches every subscription of its type, whole", async () => {
  const all = recording("all", ["*"]);
  const links = recording("links", ["links.*"]);
  const other = recording("other", ["accounts.signed_in"]);
  const { events } = open([all.subscription, links.subscription, other.subscription]);
  const id = await publish(events, "abc");
  await events.settle();
  const occurredAt = new Date(clock.now()).toISOString();
  const fact = { type: "links.created", owner_id: "7", data: { code: "abc" } };
  const event = { id, ...fact, occurred_at: occurredAt };
  expect(all.got).toEqual([event]);
  expect(links.got).toEqual([event]);
  expect(other.got).toEqual([]);
});

test("an event of a change that was rolled back does not exist", async () => {
  const { got, subscription } = recording("all", ["*"]);
  const { events } = open([subscription]);
  const change = database.db.write(async (tx) => {
    events.publish(tx, created, { owner_id: null, data: { code: "x" } });
    throw new Error("changed my mind");
  });
  await expect(change).rejects.toThrow();
  await events.settle();
  expect(got).toEqual([]);
  expect(await events.list(database.db, { limit: 10 })).toEqual([]);
});

test("data must fit the event's schema, and unknown fields go no further", async () => {
  const { got, subscription } = recording("all", ["*"]);
  const { events } = open([subscription]);
  const publishRaw = (data: unknown) =>
    database.db.write((tx) =>
      events.publish(tx, created, { owner_id: null, data: data as { code: string } }),
    );
  await expect(publishRaw({ code: 5 })).rejects.toThrow();
  await expect(publishRaw({ code: "x".repeat(70_000) })).rejects.toThrow("bytes");
  await publishRaw({ code: "ok", password: "hunter2" });
  await events.settle();
  expect(got.map((event) => event.data)).toEqual([{ code: "ok" }]);
});

test("what a crash leaves undispatched is handed out later, by anybody", async () => {
  const { got, subscription } = recording("all", ["*"]);
  const { events } = open([]);
  const id = await publish(events, "abc");
  // Another process, that comes up later.
  const later = open([subscription]);
  await later.events.settle();
  expect(got.map((event) => event.id)).toEqual([id]);
});

test("a batch that cannot be handed out stays in the outbox as a whole", async () => {
  const { got, subscription } = recording("all", ["*"]);
  const { events, jobs } = open([subscription]);
  await publish(events, "abc");
  await database.db.write((tx) => tx.run`ALTER TABLE platform.jobs RENAME TO jobs_away`);
  await jobs.settle().catch(() => {});
  expect(got).toEqual([]);
  expect(await events.list(database.db, { limit: 10 })).toEqual([]);
  await database.db.write((tx) => tx.run`ALTER TABLE platform.jobs_away RENAME TO jobs`);
  await events.settle();
  expect(got).toHaveLength(1);
});

test("a failing subscription is retried, then dead, with one id; others are spared", async () => {
  const seen: string[] = [];
  let broken = true;
  const failing: Subscription = {
    name: "failing",
    types: ["*"],
    backoffSeconds: [10],
    async handle(event) {
      seen.push(event.id);
      if (broken) throw new Error("not today");
    },
  };
  const { got, subscription } = recording("fine", ["*"]);
  const { events, jobs } = open([failing, subscription]);
  const id = await publish(events, "abc");
  await events.settle();
  clock.advance(10_000);
  await events.settle();
  expect(seen).toEqual([id, id]);
  expect(got).toHaveLength(1);
  const [dead] = await jobs.dead(database.db, { limit: 5 });
  expect(dead).toMatchObject({ kind: "event failing", payload: { id }, attempts: 2 });
  broken = false;
  await database.db.write((tx) => jobs.replay(tx, dead?.id as string));
  await events.settle();
  expect(seen).toEqual([id, id, id]);
});

test("events are listed by type and owner in pages, and replayed", async () => {
  const first = recording("first", ["links.*"]);
  const second = recording("second", ["*"]);
  const { events } = open([first.subscription, second.subscription]);
  for (let n = 0; n < 5; n++) {
    clock.advance(1);
    await publish(events, `c${n}`, n % 2 === 0 ? "even" : "odd");
  }
  await database.db.write((tx) => events.publish(tx, signedIn, { owner_id: "odd", data: {} }));
  await events.settle();
  const codes = (list: StoaEvent[]) => list.map((event) => (event.data as { code: string }).code);
  const { db } = database;
  const page = await events.list(db, { type: "links.created", limit: 2 });
  expect(codes(page)).toEqual(["c4", "c3"]);
  const rest = { type: "links.created", limit: 9, cursor: page[1]?.id };
  expect(codes(await events.list(db, rest))).toEqual(["c2", "c1", "c0"]);
  expect(codes(await events.list(db, { owner_id: "even", limit: 9 }))).toEqual(["c4", "c2", "c0"]);

  const id = page[0]?.id as string;
  const replay = (to?: string) => db.write((tx) => events.replay(tx, id, to));
  expect(await replay()).toBe(2);
  expect(await replay("first")).toBe(1);
  await events.settle();
  expect(first.got.filter((event) => event.id === id)).toHaveLength(3);
  expect(second.got.filter((event) => event.id === id)).toHaveLength(2);
  await expect(replay("unknown")).rejects.toThrow("no such event");
  await expect(db.write((tx) => events.replay(tx, "1"))).rejects.toThrow("no such event");
});

test("a subscription may narrow a batch, and gets everything when it cannot", async () => {
  let broken = false;
  const { got, subscription } = recording("narrow", ["*"], {
    async narrow(events) {
      if (broken) throw new Error("cannot tell");
      return events.filter((event) => event.owner_id === "1");
    },
  });
  const { events } = open([subscription]);
  for (const owner of ["1", "2", null]) await publish(events, "x", owner);
  await events.settle();
  expect(got.map((event) => event.owner_id)).toEqual(["1"]);
  broken = true;
  await publish(events, "y", "2");
  await events.settle();
  expect(got.map((event) => event.owner_id)).toEqual(["1", "2"]);
});

test("events are swept after their time and not before", async () => {
  const { events } = open([]);
  await publish(events, "old");
  await events.settle();
  clock.set(clock.now() + (eventRetentionDays - 1) * 86_400_000);
  await events.settle();
  expect(await events.list(database.db, { limit: 5 })).toHaveLength(1);
  clock.set(clock.now() + 2 * 86_400_000);
  await events.settle();
  expect(await events.list(database.db, { limit: 5 })).toHaveLength(0);
});

test("two processes hand 10,000 events out, each once, about as fast as writing them", async () => {
  const total = 10_000;
  await database.db.write(
    (tx) => tx.run`
      INSERT INTO platform.outbox (id, type, owner_id, data, occurred_at)
      SELECT n, 'links.created', n::text, '{"code":"abc"}', now()
      FROM generate_series(1, ${total}) AS n`,
  );
  const own = openTestDb(database.connection, 4);
  // Nobody in this test handles the jobs: only their hand-out is measured.
  const quiet = { name: "quiet", types: ["links.*"], handle: () => new Promise<void>(() => {}) };
  const deps = { clock: systemClock, log: silentLog };
  const processes = await Promise.all(
    [database.db, own].map(async (db) => {
      const processIds = await openIds({ db, ...deps });
      return open([quiet], { db, ids: processIds, clock: systemClock });
    }),
  );
  const began = performance.now();
  for (const { jobs } of processes) jobs.start();
  const left = async () =>
    Number((await database.db.one<{ n: string }>`SELECT count(*) AS n FROM platform.outbox`)?.n);
  while ((await left()) > 0) await Bun.sleep(5);
  const handedOutMs = performance.now() - began;
  for (const { jobs } of processes) await jobs.stop(AbortSignal.timeout(50));
  const jobs = await database.db.one<{ all: string; distinct: string }>`
    SELECT count(*) AS all, count(DISTINCT payload->>'id') AS distinct FROM platform.jobs`;
  expect(jobs).toEqual({ all: String(total), distinct: String(total) });
  // What this machine takes at this moment to write as many, one of the two processes alone.
  const [{ events }] = processes as [(typeof processes)[0]];
  const writing = performance.now();
  for (let batch = 0; batch < 20; batch++) {
    const wish = { owner_id: "7", data: { code: "abc" } };
    const many = Array.from({ length: total / 20 }, () => wish);
    await database.db.write((tx) => events.publishAll(tx, created, many));
  }
  expect(handedOutMs).toBeLessThan(10 * (performance.now() - writing));
  await own.close();
}, 60_000);

test("patterns match types", () => {
  expect(matchesType(["links.created"], "links.created")).toBe(true);
  expect(matchesType(["links.*"], "links.domain.verified")).toBe(true);
  expect(matchesType(["links.*"], "linksx.created")).toBe(false);
  expect(matchesType(["links.*"], "links")).toBe(false);
  expect(matchesType([], "links.created")).toBe(false);
  expect(matchesType(["*"], "anything.at_all")).toBe(true);
});

test("a burst of events rings at once and once more when it is over, not for each", async () => {
  const deps = { db: database.db, clock, log: silentLog, ids };
  let rings = 0;
  const jobs: JobRunner = Object.assign(Object.create(createJobs(deps)), { ring: () => rings++ });
  const events = createEvents({ ...deps, jobs });
  await publish(events, "first");
  expect(rings).toBe(1);
  for (let n = 0; n < 20; n++) await publish(events, `more ${n}`);
  expect(rings).toBe(1);
  clock.advance(1_000);
  await Promise.resolve();
  expect(rings).toBe(2);
  clock.advance(1_000);
  await publish(events, "later");
  expect(rings).toBe(3);
});
