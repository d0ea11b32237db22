import type { Measured } from "./run.ts";
import { startRoom } from "./chat-peers.ts";
import { inTurn, Tally, type Wire } from "./chat-sockets.ts";
import { makeGroup, sendFrame, signIn, startChat } from "./chat-stoa.ts";

/**
 * From sending to hearing, at 200 durable messages a second into a group of 500: 100,000
 * deliveries a second. Ten members send at an even pace whatever comes back; twenty of those who
 * hear it read what they are sent, and the rest are only counted. Beside it, the limit: Bun's bare
 * publish of the same frames at the same pace, with no database and nobody signed in.
 */
const members = 500;
const senders = 10;
const readers = 20;
const perSecond = Number(process.env["BENCH_PER_SECOND"] ?? 200);
const seconds = Number(process.env["BENCH_SECONDS"] ?? 10);
const warmUpMs = 3_000;
const filler = "x".repeat(80);

type Group = { name: string; wires: Wire[]; tally: Tally; frameOf(text: string): string };
type Latency = { p50: number; p99: number };

export async function benchLatency(folder: string): Promise<Measured> {
  const bare = await bareLatency(folder);
  const stoa = await startChat(folder, members, { STOA_SOCKET_ACCEPTS_PER_SECOND: "20000" });
  const id = await makeGroup(stoa, "910001", stoa.people);
  const tally = new Tally();
  const wires = await inTurn(members, 50, (n) => signIn(stoa, stoa.people[n]!, { tally }));
  const frameOf = (text: string) => sendFrame(id, text);
  const ours = await latencyOf({ name: "Stoa, durable", wires, tally, frameOf });
  await stoa.stop();
  return {
    chat_latency_p50_ms: ours.p50,
    chat_latency_p99_ms: ours.p99,
    chat_latency_bare_p50_ms: bare.p50,
    chat_latency_bare_p99_ms: bare.p99,
  };
}

async function bareLatency(folder: string): Promise<Latency> {
  const room = await startRoom("bare", folder);
  const tally = new Tally();
  const wires = await inTurn(members, 50, () => room.open(tally));
  const latency = await latencyOf({ name: "bare publish", wires, tally, frameOf: room.feed });
  await room.stop();
  return latency;
}

async function latencyOf({ name, wires, tally, frameOf }: Group): Promise<Latency> {
  const samples: number[] = [];
  const read = (frames: string) => {
    const now = performance.now();
    for (const [, at] of frames.matchAll(/"text":"(\d+\.\d+) /g)) samples.push(now - Number(at));
  };
  // Readers are spread over all of them, in the order in which they are written to.
  for (let n = 0; n < members; n += members / readers) (wires[n] as Wire).read = read;
  let sent = 0;
  const began = performance.now();
  const send = () => {
    const at = performance.now().toFixed(3);
    (wires[sent++ % senders] as Wire).send(frameOf(`${at} ${filler}`));
  };
  const run = async (ms: number) => {
    const until = performance.now() + ms;
    while (performance.now() < until) {
      while (sent < ((performance.now() - began) / 1_000) * perSecond) send();
      await Bun.sleep(1);
    }
  };
  await run(warmUpMs);
  samples.length = 0;
  const before = tally.messagesOf("m");
  await run(seconds * 1_000);
  const deliveries = Math.round((tally.messagesOf("m") - before) / seconds);
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number) =>
    Number((sorted[Math.floor(sorted.length * share)] ?? NaN).toFixed(2));
  const [p50, p99] = [at(0.5), at(0.99)];
  console.log(
    `${name}: ${deliveries} frames/s, p50 ${p50} ms, p99 ${p99} ms of ${sorted.length} samples`,
  );
  for (const wire of wires) wire.drop();
  return { p50, p99 };
}
