import { afterAll, beforeEach, expect, test } from "bun:test";
import { openTestDb, testDatabase, type TestDatabase } from "../../../test/database.ts";
import { type Clock, fakeClock, systemClock } from "../clock/clock.ts";
import type { Db } from "../db/db.ts";
import { type Ids, idsMigration, openIds } from "../ids/ids.ts";
import { silentLog } from "../log/log.ts";
import type { Job, JobHandler, JobRunner } from "./jobs.ts";
import { createJobs, deadRetentionDays, jobsMigration } from "./queue.ts";
import { lostMax } from "./run.ts";

const databases: TestDatabase[] = [];
let database: TestDatabase;
let ids: Ids;
let clock = fakeClock();

beforeEach(async () => {
  database = await testDatabase([idsMigration, jobsMigration]);
  databases.push(database);
  clock = fakeClock(Date.UTC(2026, 5, 1, 12));
  ids = await openIds({ db: database.db, clock: systemClock, log: silentLog });
});
afterAll(async () => {
  for (const each of databases) await each.drop();
});

/** A process: without a clock of its own it stands on the fake one. */
function runner(handlers: JobHandler[], options: { db?: Db; clock?: Clock } = {}): JobRunner {
  const deps = { db: database.db, clock, log: silentLog, ids, random: () => 0, ...options };
  const jobs = createJobs(deps);
  jobs.register(handlers, []);
  return jobs;
}

function recording(kind: string, options: Partial<JobHandler> = {}) {
  const ran: Job[] = [];
  const handler: JobHandler = { kind, run: async (job) => void ran.push(job), ...options };
  return { ran, handler };
}

const enqueue = (jobs: JobRunner, job: Parameters<JobRunner["enqueue"]>[1]) =>
  database.db.write((tx) => jobs.enqueue(tx, job));
const count = async () =>
  Number((await database.db.one<{ n: string }>`SELECT count(*) AS n FROM platform.jobs`)?.n);

async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  const until = Date.now() + 20_000;
  while (!(await condition())) {
    if (Date.now() > until) throw new Error("the condition did not come true in time");
    await Bun.sleep(2);
  }
}

test("a job runs once and is gone; one that was rolled back never runs", async () => {
  const { ran, handler } = recording("greet");
  const jobs = runner([handler]);
  await enqueue(jobs, { kind: "greet", payload: { name: "Ada" } });
  const rolledBack = database.db.write(async (tx) => {
    await jobs.enqueue(tx, { kind: "greet", payload: { name: "nobody" } });
    throw new Error("no");
  });
  await expect(rolledBack).rejects.toThrow("no");
  await jobs.settle();
  expect(ran).toMatchObject([{ kind: "greet", payload: { name: "Ada" }, attempt: 1, key: null }]);
  expect(await count()).toBe(0);
});

test("a job is not run before its time", async () => {
  const { ran, handler } = recording("later");
  const jobs = runner([handler]);
  await enqueue(jobs, { kind: "later", payload: 1, runAt: clock.now() + 60_000 });
  clock.advance(59_000);
  await jobs.settle();
  expect(ran).toHaveLength(0);
  clock.advance(1_000);
  await jobs.settle();
  expect(ran).toHaveLength(1);
});

test("a failing job waits as its handler says, then is dead, listed and replayed", async () => {
  let broken = true;
  const attempts: number[] = [];
  const run = async (job: Job) => {
    attempts.push(job.attempt);
    if (broken) throw new Error("no \0 luck with stoa_key_0123456789abcdef");
  };
  const jobs = runner([{ kind: "fragile", backoffSeconds: [10, 100], run }]);
  await enqueue(jobs, { kind: "fragile", payload: { n: 1 } });
  await jobs.settle();
  clock.advance(9_999);
  await jobs.settle();
  expect(attempts).toEqual([1]);
  clock.advance(1);
  await jobs.settle();
  clock.advance(100_000);
  await jobs.settle();
  expect(attempts).toEqual([1, 2, 3]);
  clock.advance(1e9);
  await jobs.settle();
  expect(attempts).toHaveLength(3);

  const [dead] = await jobs.dead(database.db, { limit: 10 });
  expect(dead).toMatchObject({ kind: "fragile", payload: { n: 1 }, attempts: 3 });
  expect(dead?.error).toBe("Error: no  luck with stoa_key_[secret]");
  expect(await jobs.dead(database.db, { kind: "other", limit: 10 })).toEqual([]);

  broken = false;
  expect(await database.db.write((tx) => jobs.replay(tx, dead?.id as string))).toBe(true);
  expect(await database.db.write((tx) => jobs.replay(tx, dead?.id as string))).toBe(false);
  await jobs.settle();
  expect(attempts).toEqual([1, 2, 3, 1]);
  expect(await count()).toBe(0);
});

test("dead jobs come in pages, newest first, and are swept after their time", async () => {
  const fail = { kind: "fail", backoffSeconds: [], run: () => Promise.reject(new Error("no")) };
  const jobs = runner([fail]);
  for (let n = 0; n < 5; n++) {
    await enqueue(jobs, { kind: "fail", payload: n });
    await jobs.settle();
    clock.advance(1_000);
  }
  const first = await jobs.dead(database.db, { limit: 3 });
  const rest = await jobs.dead(database.db, { limit: 3, cursor: first[2]?.id as string });
  expect([...first, ...rest].map((job) => job.payload)).toEqual([4, 3, 2, 1, 0]);
  clock.advance((deadRetentionDays - 1) * 86_400_000);
  await jobs.settle();
  expect(await count()).toBe(5);
  clock.advance(2 * 86_400_000);
  await jobs.settle();
  expect(await count()).toBe(0);
});

test("a key is unique while unfinished, and queued again while running it runs again", async () => {
  const seen: string[] = [];
  let during: ((job: Job) => Promise<void>) | null = null;
  const run = async (job: Job) => {
    seen.push(job.payload as string);
    await during?.(job);
  };
  const jobs = runner([{ kind: "refresh", run }]);
  await Promise.all(
    [1, 2, 3, 4].map(() => enqueue(jobs, { kind: "refresh", payload: "a", key: "k" })),
  );
  await enqueue(jobs, { kind: "refresh", payload: "b", key: "other" });
  during = async (job) => {
    during = null;
    await enqueue(jobs, { kind: "refresh", payload: "a later one", key: job.key as string });
  };
  await jobs.settle();
  const again = seen[0] as string;
  expect(seen.toSorted()).toEqual(["a", "b", again].toSorted());
  expect(await count()).toBe(0);
});

test("a handler that hangs, or ignores its signal, holds up nobody", async () => {
  const { ran, handler } = recording("healthy");
  let aborted = false;
  const hanging: JobHandler = {
    kind: "hang",
    timeoutMs: 1_000,
    concurrency: 1,
    backoffSeconds: [],
    run: (_, signal) => {
      signal.addEventListener("abort", () => {
        aborted = true;
      });
      return new Promise<void>(() => {});
    },
  };
  const jobs = runner([hanging, handler]);
  await enqueue(jobs, { kind: "hang", payload: 0 });
  for (let n = 0; n < 30; n++) await enqueue(jobs, { kind: "healthy", payload: n });
  const settled = jobs.settle();
  await eventually(() => ran.length === 30);
  clock.advance(1_000);
  await settled;
  expect(aborted).toBe(true);
  expect((await jobs.dead(database.db, { limit: 1 }))[0]?.error).toContain("no end after 1000 ms");
});

test("at most `concurrency` of a kind run at once", async () => {
  let now = 0;
  let most = 0;
  const run = async () => {
    most = Math.max(most, ++now);
    await Bun.sleep(1);
    now--;
  };
  const jobs = runner([{ kind: "narrow", concurrency: 3, run }]);
  await database.db.write((tx) =>
    jobs.enqueueAll(
      tx,
      Array.from({ length: 20 }, (_, n) => ({ kind: "narrow", payload: n })),
    ),
  );
  await jobs.settle();
  expect(most).toBe(3);
  expect(await count()).toBe(0);
});

test("processes share the work and no job runs twice", async () => {
  const ran: unknown[] = [];
  const own = [openTestDb(database.connection, 4), openTestDb(database.connection, 4)];
  const run = async (job: Job) => void ran.push(job.payload);
  const processes = own.map((db) => runner([{ kind: "share", run }], { db, clock: systemClock }));
  for (const each of processes) each.start();
  for (let batch = 0; batch < 10; batch++) {
    const rows = Array.from({ length: 100 }, (_, n) => ({
      kind: "share",
      payload: batch * 100 + n,
    }));
    await database.db.write((tx) => (processes[batch % 2] as JobRunner).enqueueAll(tx, rows));
  }
  await eventually(async () => (await count()) <= 2);
  expect(ran).toHaveLength(1_000);
  expect(new Set(ran).size).toBe(1_000);
  await Promise.all(processes.map((each) => each.stop(AbortSignal.timeout(1_000))));
  await Promise.all(own.map((db) => db.close()));
});

test("an idle process starts a job of another process within milliseconds", async () => {
  let ranAt = 0;
  const run = async () => {
    ranAt = performance.now();
  };
  const idle = runner([{ kind: "quick", run }], { clock: systemClock });
  const producer = runner([], { clock: systemClock });
  idle.start();
  const latencies: number[] = [];
  for (let n = 0; n < 9; n++) {
    ranAt = 0;
    await enqueue(producer, { kind: "quick", payload: n });
    const queued = performance.now();
    await eventually(() => ranAt > 0);
    latencies.push(ranAt - queued);
  }
  // The poll would take two seconds, a bell that rings a few milliseconds or what is busy adds.
  expect(latencies.toSorted((a, b) => a - b)[4]).toBeLessThan(500);
  await idle.stop(AbortSignal.timeout(1_000));
});

test("a job of a killed process is taken again when its lease ends", async () => {
  const { ran, handler } = recording("orphan");
  const jobs = runner([handler]);
  await enqueue(jobs, { kind: "orphan", payload: 1 });
  // What a process leaves behind that took the job and was killed.
  await database.db.write(
    (tx) => tx.run`UPDATE platform.jobs SET run = 1, attempt = 1,
                   lease_until = clock_timestamp() + interval '1 hour'`,
  );
  await jobs.settle();
  expect(ran).toHaveLength(0);
  await database.db.write((tx) => tx.run`UPDATE platform.jobs SET lease_until = clock_timestamp()`);
  await jobs.settle();
  expect(ran).toHaveLength(1);
  // The try that ended with its process does not count as one of the handler's.
  expect(ran).toMatchObject([{ attempt: 1 }]);
});

test("a job that keeps killing its process ends as dead", async () => {
  const { ran, handler } = recording("killer");
  const jobs = runner([handler]);
  await enqueue(jobs, { kind: "killer", payload: 1 });
  await database.db.write(
    (tx) => tx.run`UPDATE platform.jobs SET run = 9, attempt = 1, lost = ${lostMax},
                   lease_until = clock_timestamp() - interval '1 second'`,
  );
  await jobs.settle();
  expect(ran).toHaveLength(0);
  expect((await jobs.dead(database.db, { limit: 1 }))[0]?.error).toContain("its process ended");
});

test("a running job keeps its lease; losing it aborts the run and drops its outcome", async () => {
  let abortedWith: unknown = null;
  let finish = () => {};
  const started = Promise.withResolvers<void>();
  const run = (_: Job, signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      finish = resolve;
      signal.addEventListener("abort", () => {
        abortedWith = signal.reason;
      });
      started.resolve();
    });
  // Its own sense of time is the fake clock's, so that renewals happen when told.
  const jobs = runner([{ kind: "long", timeoutMs: 1e9, run }]);
  await enqueue(jobs, { kind: "long", payload: 1 });
  jobs.start();
  await started.promise;
  const leaseUntil = async () =>
    (await database.db.one<{ at: Date }>`SELECT lease_until AS at FROM platform.jobs`)?.at ?? 0;
  const before = await leaseUntil();
  await eventually(async () => {
    clock.advance(3_000);
    return (await leaseUntil()) > before;
  });
  expect(abortedWith).toBeNull();
  await database.db.write((tx) => tx.run`UPDATE platform.jobs SET run = run + 1`);
  await eventually(() => {
    clock.advance(3_000);
    return abortedWith !== null;
  });
  expect(String(abortedWith)).toContain("lease lost");
  finish();
  await jobs.stop(AbortSignal.timeout(1_000));
  expect(await count()).toBe(1);
});

test("stop finishes what it can and puts the rest back", async () => {
  const { ran, handler } = recording("stuck");
  let began = 0;
  const hang: JobHandler["run"] = () => {
    began++;
    return new Promise<void>(() => {});
  };
  const late = recording("late");
  const first = runner([{ kind: "stuck", run: hang }, late.handler], { clock: systemClock });
  first.start();
  await enqueue(first, { kind: "stuck", payload: 1 });
  await eventually(() => began === 1);
  const stopped = first.stop(AbortSignal.timeout(100));
  // The first one may be taking jobs at this moment, and then it finishes this one.
  await enqueue(first, { kind: "late", payload: 2 });
  await stopped;
  await enqueue(first, { kind: "late", payload: 3 });
  const second = runner([handler, late.handler], { clock: systemClock });
  await second.settle();
  expect(ran).toMatchObject([{ kind: "stuck", attempt: 1 }]);
  expect(late.ran.map((job) => job.payload)).toEqual([2, 3]);
});

test("a schedule fires once per due time over all processes, once for all missed", async () => {
  const ran: Job[] = [];
  const processes = [1, 2, 3].map(() => {
    const jobs = runner([{ kind: "hourly", run: async (job) => void ran.push(job) }]);
    jobs.register([], [{ kind: "hourly", cron: "0 * * * *", payload: { full: true } }]);
    return jobs;
  });
  const settleAll = () => Promise.all(processes.map((jobs) => jobs.settle()));
  await settleAll();
  expect(ran).toHaveLength(0);
  clock.set(Date.UTC(2026, 5, 1, 13));
  await settleAll();
  await settleAll();
  expect(ran).toMatchObject([{ payload: { full: true } }]);
  clock.set(Date.UTC(2026, 5, 1, 13, 59, 59));
  await settleAll();
  expect(ran).toHaveLength(1);
  // Down for two days.
  clock.set(Date.UTC(2026, 5, 3, 13, 30));
  await settleAll();
  expect(ran).toHaveLength(2);
  clock.set(Date.UTC(2026, 5, 3, 14));
  await settleAll();
  expect(ran).toHaveLength(3);
});
