import { afterAll, beforeAll, expect, test } from "bun:test";
import { openStalled } from "../../../platform/realtime/stalled-client.fixture.ts";
import { closeCodes, type ServerFrame } from "../protocol.ts";
import { until } from "./client.fixture.ts";
import { startLiveWorld, type LiveProcess, type LiveWorld } from "./live.fixture.ts";

/** A client that stops reading, and what the others notice of it. */
let world: LiveWorld;
beforeAll(async () => {
  world = await startLiveWorld();
});
afterAll(() => world.stop());

const socketPath = "/api/v1/chat/socket";
const longText = "x".repeat(8_000);

async function stall(process: LiveProcess, account: string, first?: object) {
  const client = await openStalled(process.port, socketPath);
  const hello = { type: "hello", v: 1, token: account, device_id: "device-slow" };
  client.send(JSON.stringify(hello));
  const framesOf = () =>
    client.messages.flatMap((text) => text.split("\n")).map((line) => JSON.parse(line));
  await until(() => framesOf().some(({ type }) => type === "ready"), "ready");
  if (first) {
    client.send(JSON.stringify(first));
    await until(() => framesOf().some(({ type }) => type === "presence"), "presence");
  }
  client.stall();
  return { ...client, frames: () => framesOf() as ServerFrame[] };
}

/** What nine in ten take no longer than. */
function mostOf(timesMs: number[]): number {
  return timesMs.toSorted((a, b) => a - b)[Math.floor(timesMs.length * 0.9)] as number;
}

test("it gets one resync for what it missed, and the others get everything in time", async () => {
  const process = await world.process({ socketSlowMsMax: 60_000 });
  const id = await world.conversation(["11", "12"]);
  const without = await world.conversation(["11", "13"]);
  const brisk = await process.signIn("11");
  const slow = await stall(process, "12", { type: "presence", watch: ["11"] });
  const slowed = /stoa_sockets_slow_total\{step="resync"\} [1-9]/;
  async function delivered(to: string) {
    const change = await world.send(to, "11", longText.repeat(4));
    const began = performance.now();
    process.live.message(change);
    const { rev } = change.message;
    await brisk.next("message", (frame) => {
      return frame.message.conversation_id === to && frame.rev === rev;
    });
    brisk.forget();
    return { rev, tookMs: performance.now() - began };
  }
  const [beside, alone]: [number[], number[]] = [[], []];
  let last = 0;
  for (; !slowed.test(process.metrics.render());) {
    const one = await delivered(id);
    last = one.rev;
    beside.push(one.tookMs);
    alone.push((await delivered(without)).tookMs);
  }
  // Beside what the machine takes at this moment.
  expect(mostOf(beside)).toBeLessThan(200 + 3 * mostOf(alone));
  brisk.send({ type: "presence", status: "away" });
  slow.read();
  const resync = await until(() => slow.frames().find(({ type }) => type === "resync"), "resync");
  expect(resync).toMatchObject({ tops: [[id, last, last, 0]] });
  const change = await world.send(id, "11", "after");
  process.live.message(change);
  // How the other is may be told before or after it.
  const isAfter = (frame: ServerFrame) => JSON.stringify(frame).includes('"text":"after"');
  await until(() => slow.frames().some(isAfter), "what came after");
  expect(slow.frames().filter(({ type }) => type === "resync")).toHaveLength(1);
  const statuses = () =>
    slow.frames().flatMap((frame) => (frame.type === "presence" ? frame.items : []));
  await until(() => statuses().at(-1)?.status === "away", "how the other is by now");
  slow.destroy();
}, 30_000);

test("one that reads no more at all is closed with a code that says why", async () => {
  const process = await world.process({ socketSlowMsMax: 100 });
  const id = await world.conversation(["21", "22"]);
  const slow = await stall(process, "22");
  await until(async () => {
    process.live.message(await world.send(id, "21", longText.repeat(8)));
    return process.realtime.size === 0;
  }, "the end");
  slow.read();
  await until(() => slow.ended(), "the end of the connection");
  expect(slow.closeCode()).toBe(closeCodes.too_slow);
}, 30_000);
