import { afterAll, beforeAll, expect, test } from "bun:test";
import { openTestDb, testDatabase, type TestDatabase } from "../../../test/database.ts";
import { type FakeClock, fakeClock, systemClock } from "../clock/clock.ts";
import { AppError } from "../errors/errors.ts";
import { silentLog } from "../log/log.ts";
import { firstIdAt, type Ids, idsMigration, idTime, leaseTtlMs, openIds } from "./ids.ts";
import { acquireLease, type Lease, releaseLease, renewLease } from "./lease.ts";
import { createSequence, type Sequence } from "./sequence.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase([idsMigration]);
});
afterAll(() => database.drop());

const start = Date.UTC(2026, 5, 1);
const open = (clock = fakeClock(start)) => openIds({ db: database.db, clock, log: silentLog });

async function eventually(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    if (tries > 2_000) throw new Error("the condition did not come true in time");
    await Bun.sleep(1);
  }
}

const refusal = (ids: { next(): string }) => {
  try {
    return ids.next();
  } catch (error) {
    return (error as AppError).code;
  }
};

test("ids are 64-bit, ordered, and carry their time", async () => {
  const clock = fakeClock(start);
  const ids = await open(clock);
  const made = Array.from({ length: 10_000 }, () => ids.next());
  clock.advance(5);
  made.push(ids.next());
  expect(new Set(made).size).toBe(made.length);
  for (let i = 1; i < made.length; i++) {
    expect(BigInt(made[i] as string)).toBeGreaterThan(BigInt(made[i - 1] as string));
  }
  expect(BigInt(made.at(-1) as string)).toBeLessThan(2n ** 63n);
  expect(idTime(made[0] as string)).toBe(start);
  expect(idTime(made.at(-1) as string)).toBe(start + 5);
  expect(BigInt(firstIdAt(start))).toBeLessThanOrEqual(BigInt(made[0] as string));
  expect(BigInt(firstIdAt(start + 5))).toBeGreaterThan(BigInt(made[9_999] as string));
  await ids.close();
  expect(refusal(ids)).toBe("server.database_unavailable");
});

test("two live holders never share a worker number", async () => {
  const all = await Promise.all(Array.from({ length: 12 }, () => open()));
  const workers = all.map((ids) => (BigInt(ids.next()) >> 12n) & 1023n);
  expect(new Set(workers).size).toBe(12);
  await Promise.all(all.map((ids) => ids.close()));
});

test("an hour back on the clock goes on from the last id, over renewals", async () => {
  const clock = fakeClock(start);
  const ids = await open(clock);
  let last = BigInt(ids.next());
  clock.set(start - 3_600_000);
  let reserved = await highWater(ids);
  for (let round = 0; round < 6; round++) {
    for (let i = 0; i < 5_000; i++) {
      const id = BigInt(ids.next());
      expect(id).toBeGreaterThan(last);
      last = id;
    }
    reserved = await renewed(clock, ids, reserved);
  }
  await ids.close();
});

/** Lets time pass until a renewal has moved the high water up. */
async function renewed(clock: FakeClock, ids: Ids, before: string): Promise<string> {
  for (let tries = 0; ; tries++) {
    clock.advance(100);
    const now = await highWater(ids);
    if (now !== before) return now;
    if (tries > 250) throw new Error("the lease was not renewed in time");
    await Bun.sleep(1);
  }
}

async function highWater(ids: Ids): Promise<string> {
  const worker = Number((BigInt(ids.next()) >> 12n) & 1023n);
  const row = await database.db.one<{ high_water_ms: string }>`
    SELECT high_water_ms FROM platform.workers WHERE worker = ${worker}`;
  return row?.high_water_ms ?? "";
}

test("frozen beyond the lease gives nothing before it has renewed", async () => {
  const clock = fakeClock(start);
  const ids = await open(clock);
  const before = BigInt(ids.next());
  clock.advance(leaseTtlMs + 1);
  expect(refusal(ids)).toBe("server.database_unavailable");
  await eventually(() => refusal(ids) !== "server.database_unavailable");
  expect(BigInt(ids.next())).toBeGreaterThan(before);
  await ids.close();
});

test("frozen while somebody took the number over: goes on with another", async () => {
  const clock = fakeClock(start);
  const ids = await open(clock);
  const mine = (BigInt(ids.next()) >> 12n) & 1023n;
  await database.db.write(
    (tx) => tx.run`UPDATE platform.workers SET holder = gen_random_uuid()
                   WHERE worker = ${Number(mine)}`,
  );
  clock.advance(leaseTtlMs + 1);
  expect(refusal(ids)).toBe("server.database_unavailable");
  await eventually(() => refusal(ids) !== "server.database_unavailable");
  expect((BigInt(ids.next()) >> 12n) & 1023n).not.toBe(mine);
  await ids.close();
});

test("without the database ids go on until the high water and no further", async () => {
  const own = openTestDb(database.connection, 2);
  const clock = fakeClock(start);
  const ids = await openIds({ db: own, clock, log: silentLog });
  await own.close();
  clock.advance(leaseTtlMs - 1);
  expect(refusal(ids)).toMatch(/^\d+$/);
  // The high water is a bound of its own: a burst may not run past it either.
  let given = 0;
  while (given < 5 * 4096 && /^\d/.test(refusal(ids))) given++;
  expect(given).toBeLessThan(3 * 4096);
  clock.advance(2);
  expect(refusal(ids)).toBe("server.database_unavailable");
  await ids.close();
});

test("a million ids take less than a second", async () => {
  const ids = await openIds({ db: database.db, clock: systemClock, log: silentLog });
  for (let i = 0; i < 50_000; i++) ids.next();
  const took = Array.from({ length: 5 }, () => {
    const began = process.cpuUsage();
    for (let i = 0; i < 100_000; i++) ids.next();
    return process.cpuUsage(began).user / 1_000;
  });
  // Of the processor, since the machine may have much else to do.
  expect(Math.min(...took)).toBeLessThan(100);
  await ids.close();
});

type Node = { clock: FakeClock; sequence: Sequence; lease: Lease };

/** Crashes, stolen leases, late renewals and clocks that jump, in an order drawn from a seed. */
async function simulate(seed: number): Promise<number> {
  const random = seeded(seed);
  const below = (n: number) => Math.floor(random() * n);
  const seen = new Set<string>();
  const nodes: Node[] = [];
  const ttlMs = 1_000;

  const renew = async (node: Node) => {
    const wanted = { atMs: Math.max(node.clock.now(), node.sequence.lastMs()), ttlMs };
    const { db } = database;
    const wallUntilMs = node.clock.now() + ttlMs;
    const monotonicUntilMs = node.clock.monotonic() + ttlMs;
    const lease = (await renewLease(db, node.lease, wanted)) ?? (await acquireLease(db, wanted));
    if (!lease) throw new Error("no worker number is free");
    node.lease = lease;
    node.sequence.grant({ ...lease, wallUntilMs, monotonicUntilMs });
  };
  const join = async () => {
    const clock = fakeClock(start + below(40) - 20);
    const none = { worker: 0, holder: crypto.randomUUID(), floorMs: 0, highWaterMs: 0 };
    const node = { clock, sequence: createSequence(clock, () => {}), lease: none };
    await renew(node);
    nodes.push(node);
  };
  await join();

  for (let step = 0; step < 250; step++) {
    const node = nodes[below(nodes.length)] as Node;
    const action = below(10);
    if (action === 0 && nodes.length < 6) await join();
    else if (action === 1 && nodes.length > 1) nodes.splice(nodes.indexOf(node), 1);
    else if (action === 2) await renew(node);
    else if (action === 3) {
      node.clock.set(start + (below(2) ? below(40) : below(7_200_000) - 3_600_000));
    } else if (action === 4) await expireLeases();
    else if (action === 5) node.clock.advance(below(ttlMs * 2));
    else if (action === 6 && nodes.length > 1) {
      nodes.splice(nodes.indexOf(node), 1);
      await releaseLease(database.db, node.lease, node.sequence.lastMs());
    } else {
      for (let i = below(300); i > 0; i--) {
        const id = refusal(node.sequence);
        if (!/^\d/.test(id)) break;
        if (seen.has(id)) throw new Error(`seed ${seed}, step ${step}: ${id} was given twice`);
        seen.add(id);
      }
      node.clock.advance(below(5));
    }
  }
  return seen.size;
}

/** As if every lease had run out on the database's clock while its holder lives on. */
async function expireLeases(): Promise<void> {
  await database.db.write((tx) => tx.run`UPDATE platform.workers SET leased_until = '-infinity'`);
}

test("no id is given twice in simulated lives of a cluster", async () => {
  // Few numbers, so that they change hands all the time.
  await database.db.write((tx) => tx.run`DELETE FROM platform.workers WHERE worker >= 8`);
  for (let seed = 1; seed <= 12; seed++) {
    await expireLeases();
    expect(await simulate(seed)).toBeGreaterThan(1_000);
  }
}, 120_000);

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
