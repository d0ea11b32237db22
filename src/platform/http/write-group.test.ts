import { afterAll, beforeAll, expect, test } from "bun:test";
import { openTestDb, testDatabase, type TestDatabase } from "../../../test/database.ts";
import type { Writer } from "../db/db.ts";
import { AppError } from "../errors/errors.ts";
import { idempotencyMigration, type Claim, type Outcome } from "./idempotency.ts";
import { RawJson } from "./route.ts";
import { createWriteGroup, writeAlone, type Grouped } from "./write-group.ts";

/** Many requests' claims, changes and answers in one transaction, on a table of notes. */
const notes = { id: "test/notes/1", sql: "CREATE TABLE public.notes (name text PRIMARY KEY)" };
let database: TestDatabase;

beforeAll(async () => {
  database = await testDatabase([idempotencyMigration, notes]);
});
afterAll(async () => {
  await database.drop();
});

const sha256 = (text: string) => new Bun.CryptoHasher("sha256").update(text).digest("hex");
const claimOf = (key: string, body: string): Claim => ({
  ...{ caller: "ada", keyHash: sha256(key), mac: sha256(`${key} ${body}`) },
});
const taken = new AppError("links.alias_taken", "taken");

async function insertNotes(tx: Writer, asked: Grouped<string>[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const { input, reply } of asked) {
    const made = await tx.run`
      INSERT INTO public.notes (name) VALUES (${input}) ON CONFLICT DO NOTHING`;
    outcomes.push(made === 1 ? reply : taken);
  }
  return outcomes;
}

/** A group whose first batches wait, so that what is written meanwhile is one batch. */
function setUp(make = insertNotes, db = database.db) {
  const batches: string[][] = [];
  const opened = Promise.withResolvers<void>();
  const group = createWriteGroup<string>(db, async (tx, asked) => {
    batches.push(asked.map((one) => one.input));
    await opened.promise;
    return await make(tx, asked);
  });
  const write = (name: string, key: string | null) => {
    const one = { input: name, reply: { status: 201, headers: { x: name }, body: { name } } };
    return group.write(one, key === null ? null : claimOf(key, name));
  };
  /** Writes all of them in one batch. */
  function start(asked: [name: string, key: string | null][]): Promise<unknown>[] {
    // One goes at once, and those that follow are enough for a second transaction beside it.
    for (let busy = 0; busy < 33; busy++) void write(`busy ${crypto.randomUUID()}`, null);
    const writes = asked.map(([name, key]) => write(name, key));
    opened.resolve();
    return writes;
  }
  const together = async (asked: [name: string, key: string | null][]) =>
    (await Promise.allSettled(start(asked))).map(told);
  return { write, start, together, batches: () => batches.slice(2) };
}

/** [status, JSON, replayed] or the code of the refusal. */
function told(outcome: PromiseSettledResult<unknown>) {
  if (outcome.status === "rejected") {
    return outcome.reason instanceof AppError ? outcome.reason.code : String(outcome.reason);
  }
  const reply = outcome.value as Exclude<Outcome, AppError | Response>;
  const text = reply.body instanceof RawJson ? reply.body.text : JSON.stringify(reply.body);
  return [reply.status, text, reply.headers?.["idempotency-replayed"] === "true"];
}

const made = (name: string) => [201, JSON.stringify({ name }), false];
const replayed = (name: string) => [201, JSON.stringify({ name }), true];

async function stored(name: string, key: string): Promise<[notes: number, keys: number]> {
  const row = await database.db.one<{ notes: number; keys: number }>`
    SELECT (SELECT count(*)::int FROM public.notes WHERE name = ${name}) AS notes,
      (SELECT count(*)::int FROM platform.idempotency_keys
        WHERE caller = 'ada' AND key_hash = decode(${sha256(key)}, 'hex')) AS keys`;
  return [row?.notes ?? -1, row?.keys ?? -1];
}

test("100 with one key in one batch are done once, and get one answer", async () => {
  const { together, batches } = setUp();
  const asked = Array.from({ length: 100 }, () => ["hundred", "key-100"] as [string, string]);
  const [first, ...others] = await together(asked);
  expect(first).toEqual(made("hundred"));
  expect(others).toEqual(Array.from({ length: 99 }, () => replayed("hundred")));
  expect(batches()).toEqual([["hundred"]]);
  expect(await stored("hundred", "key-100")).toEqual([1, 1]);
});

test("of two bodies with one key in one batch the second is refused and not made", async () => {
  const { together } = setUp();
  const outcomes = await together([
    ["one body", "key-2"],
    ["two bodies", "key-2"],
    ["neighbour of two", null],
  ]);
  const reused = "idempotency.key_reused";
  expect(outcomes).toEqual([made("one body"), reused, made("neighbour of two")]);
  expect(await stored("two bodies", "key-2")).toEqual([0, 1]);
});

test("one that clashes gives its key back; its neighbours are made and keep theirs", async () => {
  const { together, write, batches } = setUp();
  const outcomes = await together([
    ["clash", "clash-1"],
    ["clash", "clash-2"],
    ["beside", "beside-1"],
    ["beside too", null],
  ]);
  const rest = [made("beside"), made("beside too")];
  expect(outcomes).toEqual([made("clash"), "links.alias_taken", ...rest]);
  expect(batches()).toHaveLength(1);
  expect(await stored("beside", "beside-1")).toEqual([1, 1]);
  expect(await stored("clash", "clash-2")).toEqual([1, 0]);
  expect(await write("no clash", "clash-2")).toMatchObject({ status: 201 });
});

test("an answer that turned out differently is the one that is replayed", async () => {
  const { together, write } = setUp(async (tx, asked) => {
    await insertNotes(tx, asked);
    return asked.map(({ input }) => ({ status: 200, body: { name: `${input}, but other` } }));
  });
  const [first] = await together([["foreseen", "other-1"]]);
  expect(first).toEqual([200, '{"name":"foreseen, but other"}', false]);
  const again = await Promise.allSettled([write("foreseen", "other-1")]);
  expect(again.map(told)).toEqual([[200, '{"name":"foreseen, but other"}', true]]);
});

test("one whose key another process is using waits alone, and then gets that answer", async () => {
  const other = openTestDb(database.connection, 2);
  const started = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  const reply = { status: 201, body: { name: "elsewhere" } };
  const elsewhere = writeAlone(other, claimOf("key-elsewhere", "elsewhere"), async () => {
    started.resolve();
    await finish.promise;
    return reply;
  });
  await started.promise;
  const { start } = setUp();
  let answered = false;
  const [waiting, ...beside] = start([
    ["elsewhere", "key-elsewhere"],
    ["beside a", "beside-a"],
    ["beside b", null],
  ]);
  void waiting?.finally(() => (answered = true));
  expect((await Promise.allSettled(beside)).map(told)).toEqual([
    made("beside a"),
    made("beside b"),
  ]);
  expect(answered).toBe(false);
  finish.resolve();
  expect(await elsewhere).toEqual(reply);
  expect((await Promise.allSettled([waiting])).map(told)).toEqual([replayed("elsewhere")]);
  expect(await stored("elsewhere", "key-elsewhere")).toEqual([0, 1]);
  await other.close();
});

test("a connection that dies before the commit leaves neither key nor change", async () => {
  let dies = true;
  const { together, write } = setUp(async (tx, asked) => {
    const outcomes = await insertNotes(tx, asked);
    if (dies && asked.some(({ input }) => input === "dies")) {
      dies = false;
      const [backend] = await tx.all<{ pid: number }>`SELECT pg_backend_pid() AS pid`;
      await database.admin`SELECT pg_terminate_backend(${backend?.pid})`;
    }
    return outcomes;
  });
  const outcomes = await together([
    ["dies", "dies-1"],
    ["dies beside", "dies-2"],
  ]);
  expect(outcomes).toEqual(["server.database_unavailable", "server.database_unavailable"]);
  expect(await stored("dies", "dies-1")).toEqual([0, 0]);
  expect(await stored("dies beside", "dies-2")).toEqual([0, 0]);
  await Promise.all([write("dies", "dies-1"), write("dies beside", "dies-2")]);
  expect(await stored("dies", "dies-1")).toEqual([1, 1]);
  expect(await stored("dies beside", "dies-2")).toEqual([1, 1]);
});

test("what nobody foresaw fails only the one that brought it", async () => {
  const { together } = setUp(async (tx, asked) => {
    if (asked.some(({ input }) => input === "poison")) throw new Error("poison");
    return await insertNotes(tx, asked);
  });
  const outcomes = await together([
    ["sound 1", "sound-1"],
    ["poison", "poison-1"],
    ["sound 2", null],
  ]);
  expect(outcomes).toEqual([made("sound 1"), "Error: poison", made("sound 2")]);
  expect(await stored("poison", "poison-1")).toEqual([0, 0]);
});
