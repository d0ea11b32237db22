import { expect, test } from "bun:test";
import { freePort } from "../free-port.ts";
import { install } from "./install.ts";
import { Line } from "./line.ts";
import { counterproof } from "./sabotage.ts";
import { Stage } from "./stage.ts";
import { startTogether, type Together } from "./together.ts";

/**
 * Several processes on shared ports: what they say does not depend on which of them is asked, they
 * know whom they answer, and nobody else is on their ports.
 */
async function open(stage: Stage, brokenTree?: string): Promise<Together> {
  const { dataDir } = await install(stage);
  const env = { STOA_TRUSTED_PROXIES: proxy };
  return await startTogether(stage, { dataDir, env, tree: brokenTree });
}

/** What each of many scrapes, on whatever connection, tells of. */
async function scrape({ stoa, redirectPort }: Together): Promise<Set<string>> {
  const told = new Set<string>();
  for (let n = 0; n < 20; n++) {
    const text = await metricsOf(n % 2 === 0 ? stoa.port : redirectPort);
    const found = text.matchAll(/^process_resident_memory_bytes\{process="(\d+)"\}/gm);
    told.add([...found].map(([, process]) => process).join(" "));
  }
  return told;
}

test("metrics are those of all processes, whoever is asked", async () => {
  await using stage = new Stage();
  const together = await open(stage);
  expect(await scrape(together)).toEqual(new Set(["0 1 2 3 4"]));
});

const proxy = "127.0.0.2";

/** A visitor from elsewhere, by way of a proxy, asks for what only this machine may see. */
async function statusesFromElsewhere({ redirectPort }: Together): Promise<Set<number>> {
  const statuses = new Set<number>();
  for (let n = 0; n < 20; n++) {
    const line = new Line(redirectPort, proxy);
    const headers = { "x-forwarded-for": "203.0.113.9" };
    statuses.add((await line.ask({ path: "/metrics", headers })).status);
    line.close();
  }
  return statuses;
}

test("what the port for short links hands on is known to be of its visitor", async () => {
  await using stage = new Stage();
  const together = await open(stage);
  expect(await statusesFromElsewhere(together)).toEqual(new Set([403]));
});

test("a port that others may share is not taken beside another install", async () => {
  await using stage = new Stage();
  const together = await open(stage);
  const { dataDir } = await install(stage);
  const { port } = together.stoa;
  const redirectPort = freePort();
  const second = startTogether(stage, { dataDir, port, redirectPort, redis: together.redis });
  await expect(second).rejects.toThrow("cannot listen on port");
});

async function metricsOf(port: number): Promise<string> {
  const line = new Line(port);
  const { body } = await line.ask({ path: "/metrics" });
  line.close();
  return body;
}

counterproof(
  "metrics of whoever is asked",
  [
    {
      file: "src/stoa.ts",
      from: "renderMetrics: () => siblings?.collectMetrics() ?? metrics.render(),",
      to: "renderMetrics: () => metrics.render(),",
    },
  ],
  async (broken) => {
    await using stage = new Stage();
    const together = await open(stage, broken);
    expect(await scrape(together)).toEqual(new Set([""]));
  },
);

counterproof(
  "a port for short links that hands on to a port which all share",
  [
    {
      file: "src/platform/http/serve.ts",
      from: "port: portOf(inner), visitors",
      to: "port: portOf(server), visitors",
    },
  ],
  async (broken) => {
    await using stage = new Stage();
    const together = await open(stage, broken);
    expect(await statusesFromElsewhere(together)).toContain(200);
  },
);

counterproof(
  "a port that is shared with whoever has it",
  [
    {
      file: "src/cli/serve-together.ts",
      from: "port: wanted, socket",
      to: "port: 0 * wanted, socket",
    },
    {
      file: "src/cli/serve-together.ts",
      from: "const { port } = listener;",
      to: "const port = wanted;",
    },
  ],
  async (broken) => {
    await using stage = new Stage();
    const together = await open(stage, broken);
    const { dataDir } = await install(stage);
    const options = { port: together.stoa.port, redis: together.redis, tree: broken };
    await startTogether(stage, { dataDir, ...options });
    expect(together.stoa.isRunning()).toBe(true);
  },
);
