import { expect, test } from "bun:test";
import { descriptor, EnvoyClient } from "../../src/systems/limits/envoy-client.fixture.ts";
import { install } from "./install.ts";
import { freePort } from "../free-port.ts";
import { counterproof, type Break } from "./sabotage.ts";
import { Stage, until } from "./stage.ts";
import { signal } from "./stoa.ts";
import { allReady, processes, redisOf, startTogether } from "./together.ts";

/**
 * Proxies that ask several processes over one port: a strict rule of N lets exactly N pass, also
 * while each process is told to end and is replaced, and no call that was sent stays without its
 * answer.
 */
const clients = 32;
const limit = 2_000;

/** Each process but the first is told to end while the proxies ask for all there is. */
async function askThroughEnds(tree?: string): Promise<{ passed: number; failures: string[] }> {
  await using stage = new Stage();
  const { dataDir, key } = await install(stage);
  const port = freePort();
  const env = {
    STOA_LIMIT_GRPC_PORT: String(port),
    // On a busy machine Redis would count as away now and then, which refuses as well.
    STOA_REDIS_COMMAND_TIMEOUT_MS: "10000",
  };
  const redis = await redisOf(stage);
  const together = await startTogether(stage, { dataDir, redis, env, tree });
  await allReady(together);
  await makeRule(together.stoa.port, key);

  let passed = 0;
  const failures: string[] = [];
  const proxy = async () => {
    const client = new EnvoyClient(port);
    stage.defer(() => client.close());
    const asked = { domain: "faults", descriptors: [descriptor({ user: "1" })] };
    for (;;) {
      const answer = await client.ask(asked, key).catch((error: Error) => {
        failures.push(error.message);
        return null;
      });
      if (answer?.overall_code === "OVER_LIMIT") return;
      if (answer?.overall_code === "OK") passed++;
    }
  };
  const proxies = Promise.all(Array.from({ length: clients }, proxy));
  for (const pid of together.pids().slice(1)) {
    const before = passed;
    await until("some more passed", () => passed > before + limit / 20 || passed === limit);
    expect(passed).toBeLessThan(limit);
    signal(pid, "SIGTERM");
  }
  await proxies;
  await allReady(together);
  expect(await together.stoa.metric("stoa_process_restarts_total")).toBe(processes - 1);
  return { passed, failures };
}

test("proxies of several processes get exactly N, and lose no call to SIGTERM", async () => {
  expect(await askThroughEnds()).toEqual({ passed: limit, failures: [] });
}, 240_000);

const endsAtOnce: Break = {
  file: "src/systems/limits/grpc-server.ts",
  from: "for (const session of sessions) session.close();",
  to: "for (const session of sessions) session.destroy();",
};

counterproof("calls that are cut off at the end", [endsAtOnce], async (tree) => {
  const { failures } = await askThroughEnds(tree);
  expect(failures).not.toEqual([]);
});

/** Resolves when all processes know it. */
async function makeRule(port: number, key: string): Promise<void> {
  const made = await fetch(`http://127.0.0.1:${port}/api/v1/limits/rules`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({
      ...{ name: "faults.per_user", algorithm: "fixed_window", key: ["user"], service: true },
      ...{ limit, window_ms: 366 * 86_400_000 },
    }),
  });
  expect(made.status).toBe(201);
  // Whom a connection meets is chance: so many in a row met all of them.
  let inRow = 0;
  await until("the rule is known everywhere", async () => {
    const known = await fetch(`http://127.0.0.1:${port}/api/v1/limits/peek`, {
      method: "POST",
      keepalive: false,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ rule: "faults.per_user", key: "nobody" }),
    });
    inRow = known.status === 200 ? inRow + 1 : 0;
    return inRow >= 60;
  });
}
