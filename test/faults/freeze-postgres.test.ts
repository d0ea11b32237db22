import { expect, test } from "bun:test";
import { checkClicks, checkLinks, checkVisits, type Violation } from "./checks.ts";
import { History } from "./history.ts";
import { install, openEmbedded } from "./install.ts";
import { Line } from "./line.ts";
import { startLoad, type LoadOptions } from "./load.ts";
import { makeKnown, startProbe } from "./probe.ts";
import { counterproof } from "./sabotage.ts";
import { rounds } from "./seed.ts";
import { lasting, Stage, until } from "./stage.ts";
import { isReady, postgresOf, signal, startStoa } from "./stoa.ts";
import { drained, storedClicks, storedLinks } from "./stored.ts";

/**
 * SIGSTOP of PostgreSQL: it keeps its connections and answers nothing, which is worse than being
 * dead. Known links are answered from memory without waiting for it, unknown ones with 503 and
 * Retry-After in bounded time, no write is acknowledged, and after SIGCONT all is as before.
 */
const frozenMs = 6_000;
const statementTimeoutMs = 1_500;
const acquireTimeoutMs = 1_000;
/** Noticing costs one visitor at a time a moment; nobody waits for the frozen server itself. */
const slowestKnownMs = 600;
const slowestUnknownMs = 3_500;
const recoveryMs = 15_000;

async function freeze(times: number, brokenTree?: string) {
  await using stage = new Stage();
  const { dataDir, key } = await install(stage);
  const stoa = await startStoa(stage, {
    dataDir,
    tree: brokenTree,
    env: {
      STOA_DATABASE_STATEMENT_TIMEOUT_MS: String(statementTimeoutMs),
      STOA_DATABASE_ACQUIRE_TIMEOUT_MS: String(acquireTimeoutMs),
    },
  });
  const history = new History();
  const options: LoadOptions = {
    ...{ ports: () => [stoa.port], key, history, random: stage.random, writers: 3, visitors: 2 },
  };
  const known = await makeKnown(options, 20);
  const load = startLoad(options);
  const probe = startProbe(options, known);
  const unknown: { status: number; retryAfter: string | undefined; ms: number }[] = [];
  const acknowledged: number[] = [];
  for (let time = 0; time < times; time++) {
    await lasting(500);
    const frozen = postgresOf(dataDir);
    for (const pid of frozen) signal(pid, "SIGSTOP");
    const from = performance.now();
    const line = new Line(stoa.port);
    await lasting(frozenMs, async () => {
      const began = performance.now();
      const code = `zz${stage.random.below(1e9)}`;
      const { status, headers } = await line.ask({ path: `/${code}` });
      unknown.push({
        status,
        retryAfter: headers.get("retry-after"),
        ms: performance.now() - began,
      });
    });
    line.close();
    for (const pid of frozen) signal(pid, "SIGCONT");
    // What was answered in the first moment may have been committed before it.
    const done = history.operations.filter((o) => o.outcome === "ok" && o.kind !== "visit");
    acknowledged.push(done.filter((o) => o.invokedAt > from && o.endedAt < from + frozenMs).length);
    const took = await until("Stoa is ready again", () => isReady(stoa.port), {
      withinMs: recoveryMs,
    });
    console.log(`ready ${Math.round(took)} ms after SIGCONT`);
  }
  await lasting(500);
  const probed = await probe.stop();
  await load.stop();
  const sql = await openEmbedded(stage, dataDir);
  await drained(sql, [stoa]);
  const clicks = await storedClicks(sql);
  console.log(`${history.summary()}; slowest known ${Math.round(probed.slowestMs)} ms`);
  const violations: Violation[] = [
    ...checkLinks(history.operations, await storedLinks(sql)),
    ...checkVisits(history.operations, 0),
    ...checkClicks(history.operations, clicks, { kills: [], windowMs: 0 }),
  ];
  return { violations, probed, unknown, acknowledged };
}

test("a frozen PostgreSQL stops writes, not redirects, and nothing is lost over it", async () => {
  const { violations, probed, unknown, acknowledged } = await freeze(rounds(1));
  expect(violations).toEqual([]);
  expect(probed.refused).toEqual([]);
  expect(probed.slowestMs).toBeLessThan(slowestKnownMs);
  expect(acknowledged.every((n) => n === 0)).toBe(true);
  expect(unknown.map((u) => u.status)).toEqual(unknown.map(() => 503));
  expect(unknown.every((u) => Number(u.retryAfter) > 0)).toBe(true);
  expect(Math.max(...unknown.map((u) => u.ms))).toBeLessThan(slowestUnknownMs);
});

counterproof(
  "visitors who wait for the database before they are answered from memory",
  [
    {
      file: "src/systems/links/targets.ts",
      from: "const patienceMs = 250;",
      to: "const patienceMs = 60_000;",
    },
  ],
  async (broken) => {
    const { probed } = await freeze(1, broken);
    expect(probed.slowestMs).toBeGreaterThan(slowestKnownMs);
  },
);
