import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { openStalled } from "../../src/platform/realtime/stalled-client.fixture.ts";
import { closeCodes, type ServerFrame } from "../../src/systems/chat/protocol.ts";
import { allOn, openChat, saidSoFar, type ChatScene } from "./chat-scene.ts";
import { counterproof } from "./sabotage.ts";
import { Stage, until } from "./stage.ts";

/**
 * R22 for chat: two of twenty readers stop reading. What waits for them stays bounded; one that
 * goes on in time is told once where things stand and gets all it missed, one that does not is
 * closed with a code that says why; the others notice nothing of either.
 */
const people = 20;
const slowMsMax = 6_000;
/** What the process may grow by: both backlogs, and what twenty more megabytes pass through. */
const grownMbMax = 120;
const shownMsMax = 1_000;
const longText = "x".repeat(7_900);
const socketPath = "/api/v1/chat/socket";

async function stall(scene: ChatScene & { running: { stoa: { port: number } } }, number: number) {
  const client = await openStalled(scene.running.stoa.port, socketPath);
  const { key } = scene.people[number]!;
  client.send(JSON.stringify({ type: "hello", v: 1, token: key, device_id: `device-${number}` }));
  const frames = () =>
    client.messages.flatMap((text) => text.split("\n")).map((line) => JSON.parse(line));
  const has = (type: ServerFrame["type"]) => frames().some((frame) => frame.type === type);
  await until("it is listed", () => has("ready"));
  client.stall();
  return { ...client, has };
}

async function sendToStalled(brokenTree?: string) {
  await using stage = new Stage();
  const env = { STOA_SOCKET_SLOW_MS_MAX: String(slowMsMax) };
  const scene = await openChat(stage, { people: people + 2, env, tree: brokenTree });
  const { clients, running } = scene;
  for (let n = 0; n < people; n++) scene.client(n).connect();
  await allOn(clients);
  const [late, dead] = [await stall(scene, people), await stall(scene, people + 1)];
  stage.defer(() => [late, dead].forEach((client) => client.destroy()));
  const rssBefore = rssMb(running.stoa.pid);
  let peakMb = rssBefore;
  const slow = (step: string) => slowOf(running.stoa.port, step);
  const began = performance.now();
  for (let n = 0; (await slow("resync")) < 2 && performance.now() - began < slowMsMax * 2; n++) {
    for (let i = 0; i < 10; i++) clients[n % people]!.say(longText);
    await until("they are stored", () => clients.every((client) => client.waiting === 0));
    peakMb = Math.max(peakMb, rssMb(running.stoa.pid));
  }
  late.read();
  await until("one is told where things stand", () => late.has("resync"), {
    withinMs: slowMsMax,
  }).catch(() => {});
  await until("the other is closed", async () => (await slow("closed")) > 0, {
    withinMs: slowMsMax + 5_000,
  }).catch(() => {});
  dead.read();
  await until("it reads the end", () => dead.ended()).catch(() => {});
  const violations = await scene.violations(clients);
  const times = clients.flatMap((sender) =>
    [...sender.ackedAt].map(
      ([seq, at]) => Math.max(...clients.map((one) => one.shownAt.get(seq) ?? Infinity)) - at,
    ),
  );
  const slowestMs = times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? Infinity;
  const grownMb = peakMb - rssBefore;
  console.log(
    `${Math.round(slowestMs)} ms p99 to the others, ${grownMb} MB more: ${saidSoFar(clients)}`,
  );
  const othersEnded = clients.flatMap((client) => client.closes);
  const resynced = late.has("resync");
  return { violations, othersEnded, resynced, code: dead.closeCode(), slowestMs, grownMb };
}

async function slowOf(port: number, step: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Number(new RegExp(`stoa_sockets_slow_total\\{step="${step}"\\} (\\d+)`).exec(text)?.[1]);
}

function rssMb(pid: number): number {
  const kb = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Math.round(Number(kb) / 1024);
}

test("who reads slowly is brought up to date or closed, and nobody else notices", async () => {
  const { slowestMs, grownMb, ...rest } = await sendToStalled();
  expect(rest).toEqual({
    ...{ violations: [], othersEnded: [], resynced: true, code: closeCodes.too_slow },
  });
  expect(slowestMs).toBeLessThan(shownMsMax);
  expect(grownMb).toBeLessThan(grownMbMax);
});

counterproof(
  "a server that keeps everything for whoever does not read",
  [
    {
      file: "src/platform/realtime/ladder.ts",
      from: "export const resyncBytes = 512 * 1024;",
      to: "export const resyncBytes = 512 * 1024 * 1024;",
    },
    {
      file: "src/platform/realtime/transport.ts",
      from: "export const socketBytesMax = 4 * 1024 * 1024;",
      to: "export const socketBytesMax = 1024 * 1024 * 1024;",
    },
  ],
  async (broken) => {
    expect((await sendToStalled(broken)).resynced).toBe(false);
  },
);
