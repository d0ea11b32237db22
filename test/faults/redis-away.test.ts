import { expect, test } from "bun:test";
import { install } from "./install.ts";
import { Line, type Answer } from "./line.ts";
import { counterproof } from "./sabotage.ts";
import { Stage, until } from "./stage.ts";
import { processes, startTogether, type Together } from "./together.ts";

/**
 * R16: Redis is killed, frozen, and started again under four processes. Each rule then answers by
 * its `on_failure`: what is closed refuses, what is open lets pass, and of routes whose rule says
 * nothing those that write are closed and those that read are open. Nobody waits longer than the
 * time-out of a command, and when Redis is back all is as before, in the same processes.
 */
const commandMs = 50;
/** The processes, the clients and Redis share a busy machine. */
const schedulingMs = 450;
const awayMs = 1_500;
const backWithinMs = 5_000;

type Probe = { name: string; ask(line: Line, key: string): Promise<Answer> };
type Seen = { name: string; passed: boolean; status: number; ms: number };

const check = (rule: string) => (line: Line, key: string) =>
  api(line, key, "POST", "/api/v1/limits/check", { rule, key: "somebody" });

const probes: Probe[] = [
  { name: "open", ask: check("faults.open") },
  { name: "closed", ask: check("faults.closed") },
  { name: "reading", ask: (line, key) => api(line, key, "GET", "/api/v1/links") },
  {
    name: "writing",
    ask: (line, key) => api(line, key, "POST", "/api/v1/links", { url: "https://example.com/" }),
  },
];

async function api(line: Line, key: string, method: string, path: string, body?: unknown) {
  const headers = { authorization: `Bearer ${key}` };
  return await line.ask({ method, path, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
}

type Scene = { together: Together; key: string; lines: Line[] };

async function open(stage: Stage, brokenTree?: string): Promise<Scene> {
  const { dataDir, key } = await install(stage);
  const env = { STOA_REDIS_COMMAND_TIMEOUT_MS: String(commandMs) };
  const together = await startTogether(stage, { dataDir, env, tree: brokenTree });
  const lines = await Promise.all(together.pids().map((pid) => together.lineTo(pid)));
  const counted = { algorithm: "fixed_window", limit: 1_000_000, window_ms: 3_600_000 };
  const service = { ...counted, service: true, key: ["who"], key_fallback: [] };
  for (const rule of [
    { ...service, name: "faults.open", on_failure: "open" },
    { ...service, name: "faults.closed", on_failure: "closed" },
    { ...counted, name: "faults.routes", routes: ["/api/v1/links"] },
  ]) {
    expect((await api(lines[0]!, key, "POST", "/api/v1/limits/rules", rule)).status).toBe(201);
  }
  await allPass({ together, key, lines });
  return { together, key, lines };
}

async function look(line: Line, key: string, { name, ask }: Probe): Promise<Seen> {
  const began = performance.now();
  const { status, body } = await ask(line, key);
  const ms = performance.now() - began;
  const said = name === "open" || name === "closed" ? JSON.parse(body).allowed !== false : true;
  return { name, passed: status < 300 && said, status, ms };
}

/** On every process every probe passes, and by Redis, which counts it. */
async function allPass({ together, key, lines }: Scene): Promise<void> {
  const up = async () => (await together.stoa.metric("stoa_state_up")) === processes;
  await until(
    "everything passes on all processes",
    async () => {
      if (!(await up())) return false;
      const seen = await Promise.all(lines.map((line) => lookAtAll(line, key)));
      return seen.flat().every(({ passed }) => passed) && (await up());
    },
    { withinMs: backWithinMs },
  );
}

async function lookAtAll(line: Line, key: string): Promise<Seen[]> {
  const seen: Seen[] = [];
  for (const probe of probes) seen.push(await look(line, key, probe));
  return seen;
}

/** All that the processes answer to what is asked while Redis is away. */
async function askDuring(scene: Scene): Promise<Seen[]> {
  const { lines, key } = scene;
  const end = performance.now() + awayMs;
  const seen = await Promise.all(
    lines.map(async (line) => {
      const mine: Seen[] = [];
      while (performance.now() < end) mine.push(...(await lookAtAll(line, key)));
      return mine;
    }),
  );
  return seen.flat();
}

function summary(seen: Seen[]) {
  const of = (name: string) => seen.filter((one) => one.name === name);
  return Object.fromEntries(
    probes.map(({ name }) => [name, [...new Set(of(name).map(({ passed }) => passed))]]),
  );
}

const byTheirRules = { open: [true], closed: [false], reading: [true], writing: [false] };

type Outage = {
  name: string;
  begin(together: Together): unknown;
  end(together: Together): unknown;
};

const outages: Outage[] = [
  {
    name: "frozen",
    begin: ({ redis }) => redis.freeze(),
    end: ({ redis }) => redis.thaw(),
  },
  {
    name: "killed",
    begin: ({ redis }) => redis.kill(),
    end: ({ redis }) => redis.start(),
  },
];

async function goThrough(outage: Outage, brokenTree?: string) {
  await using stage = new Stage();
  const scene = await open(stage, brokenTree);
  const { together } = scene;
  const before = together.pids();
  await outage.begin(together);
  const seen = await askDuring(scene);
  await outage.end(together);
  await allPass(scene);
  expect(together.pids()).toEqual(before);
  for (const line of scene.lines) line.close();
  const slowestMs = Math.max(...seen.map(({ ms }) => ms));
  const statuses = [...new Set(seen.map(({ status }) => status))].toSorted();
  console.log(`${outage.name}: ${seen.length} answers ${statuses}, ${Math.round(slowestMs)} ms`);
  return { seen, slowestMs, statuses };
}

test.each(outages)("Redis $name: each rule's on_failure at once, and back by itself", async (o) => {
  const { seen, slowestMs, statuses } = await goThrough(o);
  expect(summary(seen)).toEqual(byTheirRules);
  expect(statuses.filter((status) => status === 500 || status === 502)).toEqual([]);
  expect(slowestMs).toBeLessThan(commandMs + schedulingMs);
});

counterproof(
  "commands that wait for as long as it takes",
  [
    {
      file: "src/platform/state/redis.ts",
      from: "const late = () => this.lose(`no answer within ${commandTimeoutMs} ms`);",
      to: "const late = () => {};",
    },
  ],
  async (broken) => {
    const { slowestMs } = await goThrough(outages[0]!, broken);
    expect(slowestMs).toBeGreaterThan(commandMs + schedulingMs);
  },
);

counterproof(
  "a rule that does not ask what holds while Redis is away",
  [
    {
      file: "src/systems/limits/away.ts",
      from: "if (!charges.some(isClosed)) return null;",
      to: "if (!charges.some(isClosed) || charges.length > 0) return null;",
    },
  ],
  async (broken) => {
    const { seen } = await goThrough(outages[1]!, broken);
    expect(summary(seen)).not.toEqual(byTheirRules);
  },
);

counterproof(
  "a server that is looked for once",
  [
    {
      file: "src/platform/state/redis.ts",
      from: "= Math.min(this.probePauseMs * 2, probePauseMsMax);",
      to: "= Math.min(this.probePauseMs * 2, probePauseMsMax) * 1_000;",
    },
  ],
  async (broken) => {
    await expect(goThrough(outages[1]!, broken)).rejects.toThrow("not within");
  },
);
