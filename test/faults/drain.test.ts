import { expect, test } from "bun:test";
import { checkClicks, checkLinks, checkVisits, rulesOf, type Violation } from "./checks.ts";
import { History } from "./history.ts";
import { install, openEmbedded } from "./install.ts";
import { Client, startLoad, type LoadOptions } from "./load.ts";
import { startReceiver, subscribe } from "./receiver.ts";
import { counterproof } from "./sabotage.ts";
import { rounds } from "./seed.ts";
import { lasting, Stage, until } from "./stage.ts";
import { postgresOf, signal, startStoa } from "./stoa.ts";
import { drained, spoolsOf, storedClicks, storedLinks } from "./stored.ts";

/**
 * R23: SIGTERM under load. Every request that was sent is answered, also on connections made in
 * the last moment; nothing acknowledged is lost, every click is in the database before the end,
 * and the end comes within the grace, also when something in flight would outlast it.
 */
const graceMs = 4_000;
/** PostgreSQL stops after the drain: asked nicely, asked again, killed. */
const shutdownMs = 1_500;

type Drained = {
  violations: Violation[];
  /** Requests that were sent and got no answer. */
  unanswered: number;
  code: number;
  tookMs: number;
  spools: string[];
  databases: number[];
};

async function drainUnderLoad(brokenTree?: string): Promise<Drained> {
  await using stage = new Stage();
  const { dataDir, key } = await install(stage);
  const env = { STOA_DRAIN_GRACE_MS: String(graceMs) };
  const stoa = await startStoa(stage, { dataDir, env, tree: brokenTree });
  const history = new History();
  const { random } = stage;
  const load = startLoad({
    ...{ ports: () => [stoa.port], key, history, random, writers: 5, visitors: 20, pauseMs: 1 },
  });
  await lasting(800 + random.below(400));
  const began = performance.now();
  const code = await stoa.stop();
  const tookMs = performance.now() - began;
  await load.stop();
  const spools = spoolsOf(dataDir);
  const databases = postgresOf(dataDir);
  const unanswered = history.operations.filter((o) => o.outcome === "unknown");
  console.log(`stopped in ${Math.round(tookMs)} ms: ${history.summary()}`);
  const again = await startStoa(stage, { dataDir });
  const sql = await openEmbedded(stage, dataDir);
  await drained(sql, [again]);
  const violations = [
    ...checkLinks(history.operations, await storedLinks(sql)),
    ...checkVisits(history.operations, 0),
    ...checkClicks(history.operations, await storedClicks(sql), { kills: [], windowMs: 0 }),
  ];
  return { violations, unanswered: unanswered.length, code, tookMs, spools, databases };
}

test("SIGTERM under load answers what it took, counts it, and ends", async () => {
  for (let round = 0; round < rounds(2); round++) {
    const { tookMs, ...rest } = await drainUnderLoad();
    const clean = { violations: [], unanswered: 0, code: 0, spools: [], databases: [] };
    expect(rest).toEqual(clean);
    expect(tookMs).toBeLessThan(graceMs + shutdownMs);
  }
});

test("a request that outlasts the grace is cut off, and what was acknowledged stays", async () => {
  await using stage = new Stage();
  const { dataDir, key } = await install(stage);
  const env = { STOA_DRAIN_GRACE_MS: "1500" };
  const stoa = await startStoa(stage, { dataDir, env });
  const history = new History();
  const { random } = stage;
  const options: LoadOptions = {
    ...{ ports: () => [stoa.port], key, history, random, writers: 0, visitors: 0 },
  };
  const client = new Client(options);
  const link = (await client.create("held", () => true))!;
  await client.edit(link, "https://example.com/before");
  const sql = await openEmbedded(stage, dataDir);
  const holder = await sql.reserve();
  await holder`BEGIN`;
  await holder`SELECT FROM links.links WHERE id = ${link.id} FOR UPDATE`;
  const held = client.edit(link, "https://example.com/during");
  const began = performance.now();
  const code = await stoa.stop();
  const tookMs = performance.now() - began;
  expect(await held).toBe(false);
  expect(code).toBe(0);
  expect(tookMs).toBeGreaterThan(1_000);
  expect(tookMs).toBeLessThan(1_500 + shutdownMs);
  await startStoa(stage, { dataDir });
  const after = await openEmbedded(stage, dataDir);
  expect(checkLinks(history.operations, await storedLinks(after))).toEqual([]);
  client.close();
});

async function drainBesideJob(brokenTree?: string) {
  await using stage = new Stage();
  const { dataDir, key } = await install(stage);
  const env = { STOA_DRAIN_GRACE_MS: String(graceMs) };
  const stoa = await startStoa(stage, { dataDir, env, tree: brokenTree });
  const receiver = startReceiver(stage, "hang");
  await subscribe(stoa.port, key, receiver);
  const history = new History();
  const { random } = stage;
  const load = startLoad({
    ...{ ports: () => [stoa.port], key, history, random, writers: 2, visitors: 5 },
  });
  await until("a delivery waits for its answer", () => receiver.tries() > 0);
  const began = performance.now();
  const code = await stoa.stop();
  const tookMs = performance.now() - began;
  await load.stop();
  console.log(`stopped beside a job in ${Math.round(tookMs)} ms`);
  return { code, isEarly: tookMs < graceMs, spools: spoolsOf(dataDir) };
}

test("a job that would outlast the grace leaves time for what comes after it", async () => {
  expect(await drainBesideJob()).toEqual({ code: 0, isEarly: true, spools: [] });
});

counterproof(
  "jobs that may take all of the grace",
  [{ file: "src/stoa.ts", from: "const jobsShare = 1 / 3;", to: "const jobsShare = 1;" }],
  async (broken) => {
    expect((await drainBesideJob(broken)).isEarly).toBe(false);
  },
);

test("a frozen database does not hold up the end, and what was acknowledged stays", async () => {
  await using stage = new Stage();
  const { dataDir, key } = await install(stage);
  const stoa = await startStoa(stage, { dataDir, env: { STOA_DRAIN_GRACE_MS: "1500" } });
  const history = new History();
  const { random } = stage;
  const load = startLoad({
    ...{ ports: () => [stoa.port], key, history, random, writers: 3, visitors: 3 },
  });
  await lasting(800);
  for (const pid of postgresOf(dataDir)) signal(pid, "SIGSTOP");
  await lasting(200);
  const began = performance.now();
  await stoa.stop();
  const tookMs = performance.now() - began;
  await load.stop();
  console.log(`stopped beside a frozen database in ${Math.round(tookMs)} ms`);
  expect(tookMs).toBeLessThan(1_500 + shutdownMs);
  const again = await startStoa(stage, { dataDir });
  const sql = await openEmbedded(stage, dataDir);
  await drained(sql, [again]);
  expect([
    ...checkLinks(history.operations, await storedLinks(sql)),
    ...checkClicks(history.operations, await storedClicks(sql), { kills: [], windowMs: 0 }),
  ]).toEqual([]);
});

counterproof(
  "a stop that closes every connection at once",
  [
    {
      file: "src/platform/http/serve.ts",
      from: "traffic.draining = true;\n      const left",
      to: "await server.stop(true);\n      const left",
    },
  ],
  async (broken) => {
    expect((await drainUnderLoad(broken)).unanswered).toBeGreaterThan(0);
  },
);

counterproof(
  "a socket that takes connections until it closes",
  [
    {
      file: "src/platform/http/serve.ts",
      from: "[portOf(server)]) turnAwayNew(port);",
      to: "[portOf(server)]) if (port < 0) turnAwayNew(port);",
    },
  ],
  async (broken) => {
    let unanswered = 0;
    for (let round = 0; round < 5 && unanswered === 0; round++) {
      unanswered = (await drainUnderLoad(broken)).unanswered;
    }
    expect(unanswered).toBeGreaterThan(0);
  },
);

counterproof(
  "a stop that leaves the clicks in memory",
  [
    {
      file: "src/systems/links/clicks/clicks.ts",
      from: "if (this.timer) clearTimeout(this.timer);\n    this.flush();",
      to: "if (this.timer) clearTimeout(this.timer);",
    },
    // Else a timer has them on disk before the stop gets there.
    {
      file: "src/platform/config/config.ts",
      from: "25,\n    { min: 1, max: 50 },",
      to: "30_000,\n    { min: 1, max: 60_000 },",
    },
  ],
  async (broken) => {
    expect(rulesOf((await drainUnderLoad(broken)).violations)).toEqual(["clicks lost"]);
  },
);
