import type { Measured } from "./run.ts";
import { reached } from "./chat-fanout.ts";
import { makeGroups, rssBytes } from "./chat-memory.ts";
import { inTurn, Refused, Tally, type Wire } from "./chat-sockets.ts";
import { sendFrame, signIn, startChat } from "./chat-stoa.ts";

/**
 * Ten thousand connections dropped at once, with the limits that Stoa ships with. They come back
 * as the SDK does: after a wait drawn by lot that doubles, or what the refusal says. Meanwhile ten
 * people who were not dropped send a message a second each.
 */
const connections = 10_000;
const talkers = 10;
const talkEveryMs = 100;
const backoffFirstMs = 1_000;
const backoffMsMax = 30_000;
const backWithinMs = 120_000;

export async function benchHerd(folder: string): Promise<Measured> {
  const stoa = await startChat(folder, connections);
  await makeGroups(stoa);
  const tally = new Tally();
  const herd: Wire[] = [];
  const comeBack = async (n: number, firstWaitMs: number) => {
    for (let tries = 0; ; tries++) {
      const ceiling = Math.min(backoffMsMax, backoffFirstMs * 2 ** tries);
      if (tries > 0 || firstWaitMs > 0) await Bun.sleep(Math.random() * ceiling);
      try {
        herd[n] = await signIn(stoa, stoa.people[n]!, { tally });
        return;
      } catch (error) {
        if (error instanceof Refused) await Bun.sleep(error.retryAfterMs);
      }
    }
  };
  await inTurn(connections, 200, (n) => comeBack(n, 0));
  const talk = await startTalking(stoa);
  await Bun.sleep(3_000);
  const before = rssBytes(stoa.pid);
  let peak = before;
  const watching = setInterval(() => (peak = Math.max(peak, rssBytes(stoa.pid))), 100);
  const began = performance.now();
  for (const wire of herd) wire.drop();
  const back = Promise.all(herd.map((_, n) => comeBack(n, backoffFirstMs)));
  const late = Bun.sleep(backWithinMs).then(() => {
    throw new Error("they did not all come back");
  });
  await Promise.race([back, late]);
  const backMs = performance.now() - began;
  clearInterval(watching);
  const { sent, failed, slowestMs } = await talk.stop();
  const memory = Number((peak / before).toFixed(3));
  console.log(
    `all back after ${(backMs / 1_000).toFixed(1)} s, memory ${memory} of before; ` +
      `${sent} messages sent meanwhile, ${failed} failed, slowest ${Math.round(slowestMs)} ms`,
  );
  for (const wire of herd) wire.drop();
  await stoa.stop();
  return {
    chat_herd_back_s: Number((backMs / 1_000).toFixed(1)),
    chat_herd_memory_ratio: memory,
    chat_herd_sends_failed: failed,
    chat_herd_slowest_ack_ms: Math.round(slowestMs),
  };
}

async function startTalking(
  stoa: Parameters<typeof signIn>[0] & { people: Parameters<typeof signIn>[1][] },
) {
  const tally = new Tally();
  const startedAt: number[] = Array<number>(talkers).fill(0);
  let [sent, failed, slowestMs] = [0, 0, 0];
  const wires = await inTurn(talkers, talkers, (n) =>
    signIn(stoa, stoa.people[n]!, {
      ...{ tally, device: "bench-talker" },
      noticed(kind) {
        if (kind === "e") failed++;
        if (kind === "a") slowestMs = Math.max(slowestMs, performance.now() - (startedAt[n] ?? 0));
        if (kind === "a") startedAt[n] = 0;
      },
    }),
  );
  let turn = 0;
  const timer = setInterval(() => {
    const n = turn++ % talkers;
    // The one before is still to be acknowledged, and counts for as long as that takes.
    if (startedAt[n] !== 0) return;
    startedAt[n] = performance.now();
    wires[n]?.send(sendFrame("910000", "while the herd comes back"));
    sent++;
  }, talkEveryMs);
  return {
    async stop() {
      clearInterval(timer);
      await reached(() => tally.messagesOf("a") + failed >= sent);
      for (const wire of wires) wire.drop();
      return { sent, failed, slowestMs };
    },
  };
}
