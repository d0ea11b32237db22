import { expect, test } from "bun:test";
import type { TestRedis } from "../redis.ts";
import { install } from "./install.ts";
import { Line, NoAnswer, type Answer } from "./line.ts";
import { counterproof, type Break } from "./sabotage.ts";
import { rounds } from "./seed.ts";
import { lasting, Stage, until } from "./stage.ts";
import { signal } from "./stoa.ts";
import { allReady, processes, redisOf, startTogether, type Together } from "./together.ts";

/**
 * Limits over several processes and one Redis. Of 64 clients on four processes a strict rule of N
 * lets exactly N pass and a leased one never more, through kills of processes and of Redis. And
 * R16: while Redis is down or frozen each rule answers by its `on_failure`, at once, and all is as
 * before when Redis is back.
 */
const clients = 64;
/** The longest there is, so that none ends while a test runs. */
const windowMs = 366 * 86_400_000;

type Scene = { together: Together; key: string; servers: TestRedis[] };

async function open(stage: Stage, tree?: string, env: Record<string, string> = {}, subKeys = 0) {
  const { dataDir, key } = await install(stage);
  // What it has acknowledged survives its end, as a limit that must hold needs it to.
  const redis = await redisOf(stage, { durable: true });
  const others = await Promise.all(
    Array.from({ length: subKeys > 0 ? 2 : 0 }, () => redisOf(stage, { durable: true })),
  );
  const leaseEnv = { STOA_LEASE_REDIS_URLS: others.map(({ url }) => url).join(",") };
  const together = await startTogether(stage, {
    dataDir,
    redis,
    tree,
    env: { ...env, ...leaseEnv },
  });
  return { together, key, servers: [redis, ...others] };
}

async function api(line: Line, key: string, method: string, path: string, body?: unknown) {
  const headers = { authorization: `Bearer ${key}` };
  return await line.ask({ method, path, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
}

/** Resolves when all processes know the rule. */
async function makeRule(scene: Scene, rule: Record<string, unknown>): Promise<void> {
  const { together, key } = scene;
  const lines = await Promise.all(together.pids().map((pid) => together.lineTo(pid)));
  const made = await api(lines[0]!, key, "POST", "/api/v1/limits/rules", {
    ...{ algorithm: "fixed_window", window_ms: windowMs, ...rule },
  });
  expect(made.status).toBe(201);
  const known = { rule: rule["name"], key: "nobody" };
  for (const line of lines) {
    await until("the rule is known", async () => {
      return (await api(line, key, "POST", "/api/v1/limits/peek", known)).status === 200;
    });
    line.close();
  }
}

type Counts = {
  passed: number;
  /** Asked, and never said whether it may: the unit may be taken or not. */
  unknown: number;
  /** Refused because Redis was away, perhaps after it had counted. */
  away: number;
};

/** Every client asks until the limit itself refuses it. */
async function askAll(
  { together, key }: Scene,
  rule: string,
  refused: () => void,
): Promise<Counts> {
  const counts: Counts = { passed: 0, unknown: 0, away: 0 };
  const client = async () => {
    let line = new Line(together.stoa.port);
    for (;;) {
      const answer = await api(line, key, "POST", "/api/v1/limits/check", { rule, key: "k" }).catch(
        (error: unknown) => {
          if (!(error instanceof NoAnswer)) throw error;
          if (error.sent) counts.unknown++;
          return null;
        },
      );
      const verdict = answer && verdictOf(answer);
      if (verdict === "passed") counts.passed++;
      else if (verdict === "away") counts.away++;
      else if (verdict === "refused") break;
      else {
        line.close();
        line = new Line(together.stoa.port);
      }
      if (verdict !== "passed") await Bun.sleep(20);
    }
    line.close();
    refused();
  };
  await Promise.all(Array.from({ length: clients }, client));
  return counts;
}

/** A window ends much later than Redis is asked again. */
const awayRetryMs = 1_000;

function verdictOf({ status, body }: Answer): "passed" | "refused" | "away" | null {
  if (status === 503) return "away";
  if (status !== 200) throw new Error(`${status} ${body}`);
  const { allowed, retry_after_ms } = JSON.parse(body) as Record<string, unknown>;
  if (allowed === true) return "passed";
  return Number(retry_after_ms) <= awayRetryMs ? "away" : "refused";
}

/** Kills processes and Redis by turns while there is something left to ask for. */
async function disturb({ together, servers }: Scene, isOver: () => boolean): Promise<number> {
  const { pids } = together;
  let faults = 0;
  for (; !isOver() && faults < rounds(4); faults++) {
    await lasting(300);
    if (isOver()) break;
    if (faults % 2 === 0) signal(pids()[faults % processes]!, "SIGKILL");
    else {
      // Of several those that the rule's units lie on.
      const server = servers.at(-(1 + (((faults - 1) / 2) % Math.max(1, servers.length - 1))))!;
      await server.kill();
      await server.start();
    }
  }
  return faults;
}

/** A busy machine may take longer than the usual time-out; a unit is then taken and not given. */
const patientMs = "10000";

type Options = {
  accuracy: "strict" | "leased";
  limit: number;
  faults: boolean;
  /** Into how many the rule is divided, over two servers of their own. */
  subKeys?: number;
};

async function passedOf(options: Options, brokenTree?: string) {
  await using stage = new Stage();
  const { accuracy, limit, subKeys = 0 } = options;
  const env = { STOA_REDIS_COMMAND_TIMEOUT_MS: patientMs };
  const scene = await open(stage, brokenTree, env, subKeys);
  const name = `faults.${accuracy}`;
  const rule = { service: true, key: ["who"], on_failure: "closed" };
  await makeRule(scene, { name, ...rule, accuracy, limit, sub_keys: subKeys || null });
  let over = false;
  const asking = askAll(scene, name, () => (over = true));
  const faults = options.faults ? await disturb(scene, () => over) : 0;
  const counts = await asking;
  await allReady(scene.together);
  const { passed, unknown, away } = counts;
  console.log(`${name}: ${passed} of ${limit}, ${unknown} unknown, ${away} away, ${faults} faults`);
  return { ...counts, faults };
}

/** What four processes may hold of a leased limit and not use: see the limits' README. */
const leasedShare = 0.85;

test("four processes, 64 clients: exactly the limit passes a strict rule", async () => {
  const { passed } = await passedOf({ accuracy: "strict", limit: 1_000, faults: false });
  expect(passed).toBe(1_000);
});

test("four processes, 64 clients: never more than the limit passes a leased rule", async () => {
  const { passed } = await passedOf({ accuracy: "leased", limit: 2_000, faults: false });
  expect(passed).toBeLessThanOrEqual(2_000);
  expect(passed).toBeGreaterThan(2_000 * leasedShare);
});

test("strict through kills of processes and Redis: the limit, but for lost answers", async () => {
  const limit = 6_000;
  const { passed, unknown, away, faults } = await passedOf({
    ...{ accuracy: "strict", limit, faults: true },
  });
  expect(faults).toBeGreaterThan(1);
  expect(passed).toBeLessThanOrEqual(limit);
  expect(passed + unknown + away).toBeGreaterThanOrEqual(limit);
});

test("leased through kills of processes and Redis: never more than the limit", async () => {
  const limit = 10_000;
  const { passed, faults } = await passedOf({ accuracy: "leased", limit, faults: true });
  expect(faults).toBeGreaterThan(1);
  expect(passed).toBeLessThanOrEqual(limit);
  expect(passed).toBeGreaterThan(limit / 2);
});

test("four processes, 64 clients: never more than the limit passes a divided rule", async () => {
  const limit = 3_200;
  const { passed } = await passedOf({ accuracy: "leased", limit, faults: false, subKeys: 8 });
  expect(passed).toBeLessThanOrEqual(limit);
  expect(passed).toBeGreaterThan(limit * leasedShare);
});

test("divided, through kills of processes and of its servers: never more than it", async () => {
  const limit = 12_800;
  const { passed, faults } = await passedOf({
    accuracy: "leased",
    limit,
    faults: true,
    subKeys: 8,
  });
  expect(faults).toBeGreaterThan(1);
  expect(passed).toBeLessThanOrEqual(limit);
  expect(passed).toBeGreaterThan(limit / 2);
});

const onePerProcess: Break = {
  file: "src/systems/limits/limiter-of.ts",
  from: "if (!state.shared) return",
  to: "if (state) return",
};

counterproof("a strict rule that each process counts for itself", [onePerProcess], async (tree) => {
  const { passed } = await passedOf({ accuracy: "strict", limit: 1_000, faults: false }, tree);
  expect(passed).toBeGreaterThan(1_000);
});

counterproof("a leased rule that each process counts for itself", [onePerProcess], async (tree) => {
  const { passed } = await passedOf({ accuracy: "leased", limit: 2_000, faults: false }, tree);
  expect(passed).toBeGreaterThan(2_000);
});

/** Shares that do not add up: each part has all of it. */
const wholeShares: Break = {
  file: "src/systems/limits/shares.ts",
  from: "Math.floor(units / limit.subKeys) + (part < units % limit.subKeys ? 1 : 0)",
  to: "units + 0 * part",
};

counterproof("a divided rule whose shares are each the whole", [wholeShares], async (tree) => {
  const limit = 1_600;
  const { passed } = await passedOf({ accuracy: "leased", limit, faults: false, subKeys: 8 }, tree);
  expect(passed).toBeGreaterThan(limit);
});
