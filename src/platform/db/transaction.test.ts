import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { testDatabase, type TestDatabase } from "../../../test/database.ts";

let database: TestDatabase;
beforeAll(async () => {
  const id = "1 of a test";
  const sql = `CREATE TABLE public.kept (n int PRIMARY KEY);
    CREATE TABLE public.parts (n int REFERENCES public.kept DEFERRABLE INITIALLY DEFERRED)`;
  database = await testDatabase([{ id, sql }]);
});
afterAll(() => database.drop());
beforeEach(() => database.db.write((tx) => tx.run`DELETE FROM kept`));

const kept = async () => {
  const rows = await database.db.all<{ n: number }>`SELECT n FROM kept ORDER BY n`;
  return rows.map((row) => row.n);
};

test("outside a transaction the server refuses to write, and to take numbers", async () => {
  const { db } = database;
  const readOnly = { cause: { errno: "25006" } };
  await expect(db.all`INSERT INTO kept VALUES (1)`).rejects.toMatchObject(readOnly);
  await expect(db.one`SELECT FROM kept FOR UPDATE`).rejects.toMatchObject(readOnly);
  // What was sent behind a beginning that failed writes nothing either.
  const session = await db.client.reserve();
  const sent = [session`SELECT 1 / 0`, session`INSERT INTO kept VALUES (1)`, session`COMMIT`];
  const outcomes = await Promise.allSettled(sent.map((statement) => statement.execute()));
  session.release();
  expect(outcomes.map((one) => one.status)).toEqual(["rejected", "rejected", "fulfilled"]);
  expect(await kept()).toEqual([]);
});

test("a transaction is stored whole, and effects come after it", async () => {
  const { db } = database;
  let seenFromOutside: number[] | null = null;
  let effect = false;
  const result = await db.write(async (tx) => {
    tx.send`INSERT INTO kept VALUES (1)`;
    tx.afterCommit(() => (effect = true));
    expect(await tx.run`INSERT INTO kept VALUES (2), (3)`).toBe(2);
    seenFromOutside = await kept();
    tx.send`INSERT INTO kept VALUES (4)`;
    return "done";
  });
  expect([result, effect]).toEqual(["done", true]);
  expect(seenFromOutside as unknown).toEqual([]);
  expect(await kept()).toEqual([1, 2, 3, 4]);
});

test("a statement that nobody waited for fails the transaction, by its own error", async () => {
  const { db } = database;
  let effect = false;
  const attempt = (more: boolean) =>
    db.write(async (tx) => {
      tx.afterCommit(() => (effect = true));
      await tx.run`INSERT INTO kept VALUES (1)`;
      tx.send`INSERT INTO kept VALUES (1)`;
      tx.send`INSERT INTO kept VALUES (2)`;
      // The transaction is aborted by now, of which this statement would only say that it is.
      if (more) await tx.run`INSERT INTO kept VALUES (3)`;
    });
  const duplicate = { errno: "23505", constraint: "kept_pkey" };
  await expect(attempt(false)).rejects.toMatchObject(duplicate);
  await expect(attempt(true)).rejects.toMatchObject(duplicate);
  expect(effect).toBe(false);
  expect(await kept()).toEqual([]);
});

test("a commit that fails fails the transaction", async () => {
  const { db } = database;
  let effect = false;
  const orphan = db.write((tx) => {
    tx.afterCommit(() => (effect = true));
    tx.send`INSERT INTO parts VALUES (9)`;
  });
  await expect(orphan).rejects.toMatchObject({ errno: "23503" });
  expect(effect).toBe(false);
});

test("work that goes on after a failed statement is not taken for done", async () => {
  const { db } = database;
  const careless = db.write(async (tx) => {
    await tx.run`INSERT INTO kept VALUES (1)`;
    await tx.run`INSERT INTO kept VALUES (1)`.catch(() => {});
    return "stored";
  });
  await expect(careless).rejects.toThrow("a statement failed");
  expect(await kept()).toEqual([]);
});

test("what the work throws rolls back, and is what the caller gets", async () => {
  const { db } = database;
  const refused = db.write((tx) => {
    tx.send`INSERT INTO kept VALUES (1)`;
    throw new Error("changed my mind");
  });
  await expect(refused).rejects.toThrow("changed my mind");
  expect(await kept()).toEqual([]);
});

test("time-outs of one transaction are not those of the next on its connection", async () => {
  const { db } = database;
  const slow = db.write((tx) => tx.all`SELECT pg_sleep(30)`, { statementTimeoutMs: 30 });
  await expect(slow).rejects.toMatchObject({ code: "server.database_unavailable" });
  const setting = (name: string) =>
    db.write((tx) => tx.one<{ value: string }>`SELECT current_setting(${name}) AS value`);
  const waits = await db.write((tx) => tx.one`SELECT current_setting('lock_timeout') AS value`, {
    lockTimeoutMs: 70,
  });
  expect(waits).toEqual({ value: "70ms" });
  const rest = Array.from({ length: 8 }, () =>
    Promise.all([setting("statement_timeout"), setting("lock_timeout")]),
  );
  for (const [statement, lock] of await Promise.all(rest)) {
    expect([statement?.value, lock?.value]).toEqual(["10s", "0"]);
  }
});

test("one deadlock is not the end of either transaction", async () => {
  const { db } = database;
  await db.write((tx) => tx.run`INSERT INTO kept VALUES (1), (2)`);
  let first = true;
  const both = Promise.withResolvers<void>();
  let holding = 0;
  const lock = (mine: number, other: number) =>
    db.write(async (tx) => {
      await tx.all`SELECT FROM kept WHERE n = ${mine} FOR UPDATE`;
      if (first && ++holding === 2) [first] = [false, both.resolve()];
      if (first) await both.promise;
      tx.send`UPDATE kept SET n = n + 10 WHERE n = ${other}`;
    });
  await Promise.all([lock(1, 2), lock(2, 1)]);
  expect((await kept()).length).toBe(2);
});

test("a session that dies in a transaction fails it, and the pool goes on", async () => {
  const { db } = database;
  for (const killed of [true, false]) {
    const dying = db.write(async (tx) => {
      tx.send`INSERT INTO kept VALUES (1)`;
      const row = await tx.one<{ pid: number }>`SELECT pg_backend_pid() AS pid`;
      if (!killed) throw new Error("for another reason");
      await db.all`SELECT pg_terminate_backend(${row!.pid})`;
      tx.send`INSERT INTO kept VALUES (2)`;
    });
    const expected = killed ? { code: "server.database_unavailable" } : {};
    await expect(dying).rejects.toMatchObject(expected);
    const again = Array.from({ length: 16 }, () => db.write((tx) => tx.one`SELECT 1 AS one`));
    expect(new Set((await Promise.all(again)).map((row) => row?.["one"]))).toEqual(new Set([1]));
  }
  expect(await kept()).toEqual([]);
});

test("rows are copied in behind statements that nobody waited for", async () => {
  const { db } = database;
  await db.write(async (tx) => {
    tx.send`INSERT INTO kept VALUES (1)`;
    await tx.copyIn("COPY public.kept FROM STDIN", ["2\n3\n", "4\n"]);
    tx.send`INSERT INTO kept VALUES (5)`;
  });
  await db.write((tx) => tx.copyIn("COPY public.kept FROM STDIN", ["6\n"]));
  expect(await kept()).toEqual([1, 2, 3, 4, 5, 6]);
  const wrong = db.write((tx) => tx.copyIn("COPY public.kept FROM STDIN", ["6\n"]));
  await expect(wrong).rejects.toMatchObject({ errno: "23505" });
});
