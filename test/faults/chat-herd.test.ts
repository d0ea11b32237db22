import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { allOn, openChat, saidSoFar } from "./chat-scene.ts";
import { counterproof } from "./sabotage.ts";
import { lasting, Stage } from "./stage.ts";

/**
 * R19 for chat: two thousand sockets are dropped at once and all come back, while ten others go on
 * sending. All are back within a bound, no send fails, and memory stays bounded.
 */
const people = 500;
const herdSize = 2_000;
const talkers = 10;
const backWithinMs = 20_000;
const memoryFactorMax = 1.5;

async function scatter(brokenTree?: string) {
  await using stage = new Stage();
  const scene = await openChat(stage, { people, tree: brokenTree });
  const { running } = scene;
  const herd = Array.from({ length: herdSize }, (_, n) => scene.client(n));
  for (const [n, client] of herd.entries()) {
    client.connect();
    // As many at once as are let in, so that the beginning is no herd itself.
    if (n % 100 === 99) await allOn(herd.slice(0, n + 1), backWithinMs);
  }
  const talking = Array.from({ length: talkers }, (_, n) => {
    return scene.client(n, { inFlightMax: 1, pauseMs: 100 });
  });
  for (const client of talking) client.connect();
  await allOn(scene.clients);
  for (const client of talking) client.startTalking();
  await lasting(1_000);
  const rss = () => rssMb(running.stoa.pid);
  const before = rss();
  let peak = before;
  const watching = setInterval(() => (peak = Math.max(peak, rss())), 50);
  stage.defer(() => clearInterval(watching));
  const began = performance.now();
  for (const client of herd) client.breakOff();
  await lasting(100);
  await allOn(herd, backWithinMs);
  const backMs = performance.now() - began;
  await lasting(500);
  await Promise.all(talking.map((client) => client.stopTalking()));
  const violations = await scene.violations();
  console.log(
    `back in ${Math.round(backMs)} ms, ${before} to ${peak} MB: ${saidSoFar(scene.clients)}`,
  );
  const failed = talking.flatMap((client) => [...client.errors, ...client.closes]);
  return { violations, failed, factor: peak / before };
}

function rssMb(pid: number): number {
  const kb = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Math.round(Number(kb) / 1024);
}

test("2,000 sockets dropped at once come back, and nobody's message fails", async () => {
  const { factor, ...rest } = await scatter();
  expect(rest).toEqual({ violations: [], failed: [] });
  expect(factor).toBeLessThan(memoryFactorMax);
});

counterproof(
  "a place at the door that nobody gives back",
  [
    {
      file: "src/platform/realtime/realtime.ts",
      from: "this.admission.settled(connection.address);\n    connection.address",
      to: "connection.address",
    },
  ],
  async (broken) => {
    await expect(scatter(broken)).rejects.toThrow("not within");
  },
);
