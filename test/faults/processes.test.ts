import { expect, test } from "bun:test";
import { checkClicks, checkLinks, checkVisits, type Violation } from "./checks.ts";
import { History } from "./history.ts";
import { install, openEmbedded } from "./install.ts";
import { startLoad } from "./load.ts";
import { Line } from "./line.ts";
import { counterproof } from "./sabotage.ts";
import { rounds } from "./seed.ts";
import { lasting, Stage, until } from "./stage.ts";
import { postgresOf, signal } from "./stoa.ts";
import { drained, spoolsOf, storedClicks, storedLinks } from "./stored.ts";
import { allReady, processes, startTogether, type Together } from "./together.ts";

/**
 * Several processes on shared ports under one supervisor. Those that die or hang are replaced, and
 * nothing acknowledged is lost; SIGTERM drains them all; a supervisor that is killed leaves
 * nothing behind.
 */
const graceMs = 4_000;
const silenceMsMax = 3_000;
/** PostgreSQL stops after the drain. */
const shutdownMs = 1_500;
/** A process that has lost its supervisor drains for a moment only. */
const orphansGoneMs = 5_000;
/** Of another process; see the test of what processes hear of each other. */
const lagMs = 1_000;
/** What a kill may lose by promise, and what a busy machine may add. */
const windowMs = 50 + 25;

type Scene = { together: Together; key: string; history: History; dataDir: string };

async function open(stage: Stage, brokenTree?: string): Promise<Scene> {
  const { dataDir, key } = await install(stage);
  const env = {
    STOA_DRAIN_GRACE_MS: String(graceMs),
    STOA_PROCESS_SILENCE_MS_MAX: String(silenceMsMax),
  };
  const together = await startTogether(stage, { dataDir, env, tree: brokenTree });
  return { together, key, history: new History(), dataDir };
}

function loadOn(stage: Stage, { together, key, history }: Scene) {
  const ports = () => [together.stoa.port, together.redirectPort];
  const { random } = stage;
  return startLoad({ ports, key, history, random, writers: 4, visitors: 8, pauseMs: 4 });
}

async function violationsOf(stage: Stage, scene: Scene, kills: number[] = []) {
  const { together, history, dataDir } = scene;
  const sql = await openEmbedded(stage, dataDir);
  await drained(sql, Array<Together["stoa"]>(processes).fill(together.stoa));
  return [
    ...checkLinks(history.operations, await storedLinks(sql)),
    ...checkVisits(history.operations, lagMs),
    ...checkClicks(history.operations, await storedClicks(sql), { kills, windowMs }),
  ];
}

/** Each time another one, so that none of them dies so often that all is given up. */
async function killInTurn(kills: number, brokenTree?: string): Promise<Violation[]> {
  await using stage = new Stage();
  const scene = await open(stage, brokenTree);
  const { together, history } = scene;
  const load = loadOn(stage, scene);
  await until("each process serves", async () => (await servingOf(together)).size === processes);
  const killedAt: number[] = [];
  for (let kill = 0; kill < kills; kill++) {
    await lasting(150 + stage.random.below(500));
    const victims = together.pids();
    signal(victims[kill % victims.length]!, "SIGKILL");
    killedAt.push(performance.now());
    // Two at a time may be away: somebody should be there to ask.
    if (kill % 2 === 1) await allReady(together);
  }
  await lasting(300);
  await load.stop();
  console.log(`${kills} kills: ${history.summary()}`);
  return await violationsOf(stage, scene, killedAt);
}

/** The numbers of the processes that have answered requests of the API. */
async function servingOf({ stoa }: Together): Promise<Set<string>> {
  const text = await metricsOf(stoa.port);
  const found = text.matchAll(/^stoa_http_requests_total\{process="(\d+)",[^}]*\} [1-9]/gm);
  return new Set([...found].map(([, process]) => process as string));
}

async function metricsOf(port: number): Promise<string> {
  const line = new Line(port);
  const { body } = await line.ask({ path: "/metrics" });
  line.close();
  return body;
}

test("kill -9 of one after the other under load loses nothing and repeats nothing", async () => {
  expect(await killInTurn(rounds(8))).toEqual([]);
});

/** Stopped in the middle of everything, as a loop without end would stop it: it does not die. */
async function hangOne(brokenTree?: string): Promise<Violation[]> {
  await using stage = new Stage();
  const scene = await open(stage, brokenTree);
  const { together, history } = scene;
  const load = loadOn(stage, scene);
  await until("each process serves", async () => (await servingOf(together)).size === processes);
  const [victim] = together.pids() as [number];
  signal(victim, "SIGSTOP");
  const hungAt = performance.now();
  stage.defer(() => signal(victim, "SIGKILL"));
  const goneMs = await until("what hangs is gone", () => !lives(victim), {
    withinMs: silenceMsMax * 1.5 + lagMs,
  });
  expect(goneMs).toBeGreaterThan(silenceMsMax * 0.9);
  await allReady(together);
  await lasting(300);
  await load.stop();
  console.log(`killed after ${Math.round(goneMs)} ms: ${history.summary()}`);
  expect(together.pids()).toHaveLength(processes);
  return await violationsOf(stage, scene, [hungAt]);
}

test("one that hangs is replaced, and nothing is lost", async () => {
  expect(await hangOne()).toEqual([]);
});

async function drainUnderLoad(brokenTree?: string) {
  await using stage = new Stage();
  const scene = await open(stage, brokenTree);
  const { together, history, dataDir } = scene;
  const load = loadOn(stage, scene);
  await lasting(800 + stage.random.below(400));
  const began = performance.now();
  const served = together.pids();
  const code = await together.stoa.stop();
  const tookMs = performance.now() - began;
  await load.stop();
  const left = [...served.filter(lives), ...postgresOf(dataDir), ...spoolsOf(dataDir)];
  const unanswered = history.operations
    .filter((o) => o.outcome === "unknown")
    .map((o) => `${o.kind}: ${o.status} after ${Math.round(o.endedAt - began)} ms`);
  console.log(`stopped in ${Math.round(tookMs)} ms: ${history.summary()}`);
  const again = await startTogether(stage, { dataDir });
  const violations = await violationsOf(stage, { ...scene, together: again });
  return { code, tookMs, unanswered, left, violations };
}

test("SIGTERM drains all processes within the grace", async () => {
  for (let round = 0; round < rounds(1); round++) {
    const { tookMs, ...rest } = await drainUnderLoad();
    expect(rest).toEqual({ code: 0, unanswered: [], left: [], violations: [] });
    expect(tookMs).toBeLessThan(graceMs + shutdownMs);
  }
});

async function killSupervisor(brokenTree?: string): Promise<Violation[]> {
  await using stage = new Stage();
  const scene = await open(stage, brokenTree);
  const { together, history, dataDir } = scene;
  const load = loadOn(stage, scene);
  await lasting(800 + stage.random.below(400));
  const served = together.pids();
  expect(served.length).toBe(processes);
  const killedAt = performance.now();
  await together.stoa.kill();
  const goneMs = await until(
    "all that it started is gone",
    () => served.filter(lives).length + postgresOf(dataDir).length === 0,
    { withinMs: orphansGoneMs },
  );
  await load.stop();
  console.log(`nothing was left after ${Math.round(goneMs)} ms: ${history.summary()}`);
  // On the same ports, which the kernel would have shared with any that was left.
  const { port } = together.stoa;
  const { redirectPort } = together;
  const again = await startTogether(stage, { dataDir, port, redirectPort });
  return await violationsOf(stage, { ...scene, together: again }, [killedAt]);
}

test("kill -9 of the supervisor leaves nothing behind and loses nothing", async () => {
  expect(await killSupervisor()).toEqual([]);
});

test("one that keeps dying ends all, with a failure", async () => {
  await using stage = new Stage();
  const { together, dataDir } = await open(stage);
  const { stoa } = together;
  const rest = together.pids().slice(1);
  await until(
    "it is given up",
    () => {
      for (const pid of together.pids()) if (!rest.includes(pid)) signal(pid, "SIGKILL");
      return !stoa.isRunning();
    },
    { withinMs: 60_000 },
  );
  expect(await stoa.exited).toBe(1);
  expect(stoa.said()).toContain("a process keeps dying; giving up");
  expect([...rest.filter(lives), ...postgresOf(dataDir)]).toEqual([]);
});

test("a PostgreSQL that keeps dying ends all, with a failure", async () => {
  await using stage = new Stage();
  const { together, dataDir } = await open(stage);
  const { stoa } = together;
  const served = together.pids();
  await until(
    "it is given up",
    () => {
      for (const pid of postgresOf(dataDir)) signal(pid, "SIGKILL");
      return !stoa.isRunning();
    },
    { withinMs: 60_000 },
  );
  expect(await stoa.exited).toBe(1);
  expect(stoa.said()).toContain("the database keeps failing; giving up");
  expect([...served.filter(lives), ...postgresOf(dataDir)]).toEqual([]);
});

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

counterproof(
  "a supervisor that starts nobody again",
  [
    {
      file: "src/cli/serve-keeper.ts",
      from: "this.restarts++;\n      this.launch();",
      to: "this.restarts++;",
    },
  ],
  async (broken) => {
    await expect(killInTurn(4, broken)).rejects.toThrow("not within");
  },
);

counterproof(
  "a supervisor that waits for death",
  [
    {
      file: "src/cli/serve-pulse.ts",
      from: "} else if (this.looksLeft-- === 0) {",
      to: "} else if (this.looksLeft === Number.NEGATIVE_INFINITY) {",
    },
  ],
  async (broken) => {
    await expect(hangOne(broken)).rejects.toThrow("not within");
  },
);

counterproof(
  "spools of dead processes that nobody drains",
  [
    {
      file: "src/systems/links/clicks/drainer.ts",
      from: "for (const spool of spoolsIn(root)) {",
      to: "for (const spool of spoolsIn(`${root}/none`)) {",
    },
  ],
  async (broken) => {
    await expect(killInTurn(4, broken)).rejects.toThrow("not within");
  },
);

counterproof(
  "a supervisor that kills where it should ask",
  [
    {
      file: "src/cli/serve-keeper.ts",
      from: 'child.kill("SIGTERM");',
      to: 'child.kill("SIGKILL");',
    },
  ],
  async (broken) => {
    const { code, unanswered, left } = await drainUnderLoad(broken);
    expect(code).toBe(1);
    expect(unanswered.length + left.length).toBeGreaterThan(0);
  },
);

counterproof(
  "processes that nothing ties to their supervisor",
  [
    {
      file: "src/cli/serve-keeper.ts",
      from: 'private readonly tie = tieToUs("TERM");',
      to: 'private readonly tie = tieToUs("TERM").slice(9);',
    },
    {
      file: "src/cli/serve-process.ts",
      from: 'process.on("disconnect", () => {',
      to: 'process.on("never", () => {',
    },
  ],
  async (broken) => {
    await expect(killSupervisor(broken)).rejects.toThrow("not within");
  },
);
