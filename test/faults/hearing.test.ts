import { expect, test } from "bun:test";
import { History, type Operation } from "./history.ts";
import { Client, type LoadOptions } from "./load.ts";
import { startMany, type Many } from "./many.ts";
import { startProxy, type Proxy } from "./proxy.ts";
import { counterproof } from "./sabotage.ts";
import { rounds } from "./seed.ts";
import { Stage, until } from "./stage.ts";

/**
 * An edit by one process is seen by another within a second: in quiet times, right after the
 * other's connections to the database were killed, and when they are dead without anybody having
 * been told. In the last case it cannot see it at all before the network is back, so it answers
 * from memory, and must have caught up within a second of its return.
 */
const lagMs = 1_000;
/** The clients themselves, on a busy machine. */
const measuringMs = 250;

type Pair = { many: Many; proxy: Proxy; a: Client; b: Client };

async function startPair(stage: Stage, brokenTree?: string): Promise<Pair> {
  let proxy: Proxy | undefined;
  const many = await startMany(stage, 2, {
    tree: brokenTree,
    async databaseUrl(postgres, number) {
      if (number === 0) return postgres.url();
      proxy ??= await startProxy(stage, postgres);
      return postgres.url(proxy.port);
    },
  });
  const history = new History();
  const of = (number: number): LoadOptions => ({
    ...{ ports: () => [many.stoas[number]!.port], key: many.key, history },
    ...{ random: stage.random, writers: 0, visitors: 0 },
  });
  return { many, proxy: proxy!, a: new Client(of(0)), b: new Client(of(1)) };
}

/** How long the other process goes on giving the old answer after the edit was acknowledged. */
async function lagOf({ a, b }: Pair, name: string, between: () => Promise<void>): Promise<number> {
  const link = (await a.create(name, () => true))!;
  const url = `https://example.com/${name}/edited`;
  await b.visit(link);
  await between();
  await a.edit(link, url);
  let last: Operation | undefined;
  return await until(
    "the other process sees the edit",
    async () => {
      last = await b.visit(link);
      return last.seen === url;
    },
    { everyMs: 5, withinMs: 15_000 },
  );
}

/** Each process listens on one session; one that was cut off comes back a while later. */
async function killListeners({ postgres: { admin } }: Many): Promise<void> {
  const listening = async () =>
    await admin`
    SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query ILIKE 'listen%'`;
  await until("both listen", async () => (await listening()).length >= 2);
  for (const { pid } of await listening()) await admin`SELECT pg_terminate_backend(${pid})`;
}

async function lags(brokenTree?: string, times = rounds(4)): Promise<number[]> {
  await using stage = new Stage();
  const pair = await startPair(stage, brokenTree);
  const measured: number[] = [];
  for (let time = 0; time < times; time++) {
    measured.push(await lagOf(pair, `quiet-${time}`, async () => {}));
    measured.push(await lagOf(pair, `killed-${time}`, () => killListeners(pair.many)));
    measured.push(await lagAfterHold(pair, `held-${time}`));
  }
  console.log(`lags: ${measured.map(Math.round).join(", ")} ms`);
  return measured;
}

/** Edits while the other is cut off, and measures from when its network is back. */
async function lagAfterHold(pair: Pair, name: string): Promise<number> {
  const link = (await pair.a.create(name, () => true))!;
  await pair.b.visit(link);
  pair.proxy.set("hold");
  const url = `https://example.com/${name}/edited`;
  await pair.a.edit(link, url);
  const began = performance.now();
  await until(
    "the other process has noticed that it hears nothing",
    async () => {
      const { outcome } = await pair.b.visit(link);
      expect(outcome).toBe("ok");
      return performance.now() - began > 1_500;
    },
    { everyMs: 10 },
  );
  pair.proxy.set("pass");
  return await until("the edit is seen", async () => (await pair.b.visit(link)).seen === url, {
    everyMs: 5,
  });
}

test("an edit by one process is seen by another within a second, whatever it misses", async () => {
  expect(Math.max(...(await lags()))).toBeLessThan(lagMs + measuringMs);
});

counterproof(
  "a process that believes in silence",
  [
    {
      file: "src/systems/links/hearing.ts",
      from: "if (trusted && clock.monotonic() - heardAt > silenceMsMax) setTrust(false);",
      to: "",
    },
    {
      file: "src/systems/links/hearing.ts",
      from: "targets.forgetAll();\n  }",
      to: "}",
    },
  ],
  async (broken) => {
    await expect(lags(broken, 1)).rejects.toThrow("not within");
  },
);
