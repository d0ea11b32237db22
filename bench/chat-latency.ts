import type { Measured } from "./run.ts";
import { reached } from "./chat-fanout.ts";
import { inTurn, Tally, type Wire } from "./chat-sockets.ts";
import { makeGroup, sendFrame, signIn, startChat } from "./chat-stoa.ts";

/**
 * From sending to hearing, at 200 durable messages a second into a group of 500: 100,000
 * deliveries a second. Ten members send at an even pace whatever comes back; twenty of those who
 * hear it read what they are sent, and the rest are only counted.
 */
const members = 500;
const senders = 10;
const readers = 20;
const perSecond = Number(process.env["BENCH_PER_SECOND"] ?? 200);
const seconds = Number(process.env["BENCH_SECONDS"] ?? 10);
const warmUpMs = 3_000;
const filler = "x".repeat(80);

export async function benchLatency(folder: string): Promise<Measured> {
  const stoa = await startChat(folder, members, { STOA_SOCKET_ACCEPTS_PER_SECOND: "20000" });
  const id = await makeGroup(stoa, "910001", stoa.people);
  const tally = new Tally();
  const samples: number[] = [];
  let measuring = false;
  const read = (frames: string) => {
    const now = performance.now();
    if (!measuring) return;
    for (const [, at] of frames.matchAll(/"text":"(\d+\.\d+) /g)) samples.push(now - Number(at));
  };
  const wires = await inTurn(members, 50, (n) =>
    // Readers are spread over all of them, in the order in which they are written to.
    signIn(stoa, stoa.people[n]!, { tally, ...(n % (members / readers) === 0 && { read }) }),
  );
  let sent = 0;
  const began = performance.now();
  const send = () => {
    const at = performance.now().toFixed(3);
    (wires[sent++ % senders] as Wire).send(sendFrame(id, `${at} ${filler}`));
  };
  const run = async (ms: number) => {
    const until = performance.now() + ms;
    while (performance.now() < until) {
      while (sent < ((performance.now() - began) / 1_000) * perSecond) send();
      await Bun.sleep(1);
    }
  };
  await run(warmUpMs);
  measuring = true;
  const before = tally.messagesOf("m");
  await run(seconds * 1_000);
  const deliveries = (tally.messagesOf("m") - before) / seconds;
  measuring = false;
  await reached(() => tally.messagesOf("a") >= sent);
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number) =>
    Number((sorted[Math.floor(sorted.length * share)] ?? NaN).toFixed(2));
  console.log(
    `${Math.round(deliveries)} frames/s: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, ` +
      `p99.9 ${at(0.999)} ms of ${sorted.length} samples`,
  );
  for (const wire of wires) wire.drop();
  await stoa.stop();
  return { chat_latency_p50_ms: at(0.5), chat_latency_p99_ms: at(0.99) };
}
