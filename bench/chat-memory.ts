import { readFileSync } from "node:fs";
import { installPeers, startRoom } from "./chat-peers.ts";
import { median } from "./load.ts";
import type { Measured } from "./run.ts";
import { inTurn, Tally, type Wire } from "./chat-sockets.ts";
import { makeGroup, signIn, startChat, type ChatBench } from "./chat-stoa.ts";

/**
 * What an idle connection costs: the process's resident memory with ten thousand people signed in,
 * each in a group of five hundred, less that with fifteen hundred: enough of a crowd that its
 * garbage was collected before, as it is afterwards. The median of what is seen within 30 s. Ws
 * and Socket.IO beside it hold connections that nobody signed in on. `hold` keeps fifteen thousand
 * for minutes while some leave and others come.
 */
const connections = 10_000;
const warm = 1_500;
const groupSize = 500;
const settleMs = 10_000;
const looks = 6;
const pingEveryMs = 8_000;
const held = 15_000;
const churnPerSecond = 50;
const holdSeconds = Number(process.env["BENCH_HOLD_SECONDS"] ?? 600);
const env = { STOA_SOCKET_ACCEPTS_PER_SECOND: "20000" };

export async function benchMemory(folder: string): Promise<Measured> {
  const stoa = await startChat(folder, connections, env);
  await makeGroups(stoa);
  const ours = await bytesEach(
    stoa.pid,
    async (n, tally) => await signIn(stoa, stoa.people[n]!, { tally }),
    keepAlive,
  );
  await stoa.stop();
  await installPeers(folder);
  const peer = async (name: "ws" | "socket.io") => {
    const room = await startRoom(name, folder);
    const bytes = await bytesEach(room.pid, (_, tally) => room.open(tally));
    await room.stop();
    return bytes;
  };
  const [ws, socketIo] = [await peer("ws"), await peer("socket.io")];
  console.log(
    `bytes a connection: Stoa ${Math.round(ours)}, ws ${Math.round(ws)}, ` +
      `Socket.IO ${Math.round(socketIo)}`,
  );
  return {
    chat_bytes_per_connection: Math.round(ours),
    chat_bytes_per_connection_ws: Math.round(ws),
    chat_bytes_per_connection_socket_io: Math.round(socketIo),
  };
}

async function bytesEach(
  pid: number,
  open: (n: number, tally: Tally) => Promise<Wire>,
  keep: (wires: readonly Wire[]) => ReturnType<typeof setInterval> | undefined = () => undefined,
): Promise<number> {
  const tally = new Tally();
  const wires = await inTurn(warm, 50, (n) => open(n, tally));
  const pinging = keep(wires);
  await Bun.sleep(settleMs);
  const before = await settled(pid);
  await inTurn(connections - warm, 100, async (n) => {
    wires.push(await open(warm + n, tally));
  });
  await Bun.sleep(settleMs);
  const bytes = ((await settled(pid)) - before) / (connections - warm);
  clearInterval(pinging);
  for (const wire of wires) wire.drop();
  return bytes;
}

/** Memory goes up with garbage and down again. */
async function settled(pid: number): Promise<number> {
  const seen: number[] = [];
  for (let look = 0; look < looks; look++) {
    await Bun.sleep(5_000);
    seen.push(rssBytes(pid));
  }
  return median(seen);
}

export async function benchHold(folder: string): Promise<Measured> {
  const stoa = await startChat(folder, held, env);
  await makeGroups(stoa);
  const tally = new Tally();
  const open = (n: number) => signIn(stoa, stoa.people[n]!, { tally });
  const wires = await inTurn(held, 100, open);
  const pinging = keepAlive(wires);
  await Bun.sleep(settleMs);
  const rss: number[] = [];
  for (let second = 0; second < holdSeconds; second++) {
    const began = performance.now();
    await inTurn(churnPerSecond, churnPerSecond, async (i) => {
      const n = (second * churnPerSecond + i) % held;
      wires[n]?.drop();
      wires[n] = await open(n);
    });
    if (second % 60 === 59 || second === 0) {
      rss.push(rssBytes(stoa.pid));
      console.log(`after ${second + 1} s: ${Math.round((rss.at(-1) as number) / 1e6)} MB`);
    }
    await Bun.sleep(Math.max(0, 1_000 - (performance.now() - began)));
  }
  clearInterval(pinging);
  const early = rss[1] ?? rss[0] ?? Number.NaN;
  const growth = Number(((rss.at(-1) as number) / early).toFixed(3));
  console.log(`${wires.filter((wire) => wire.isOpen).length} open, memory ${growth} of minute one`);
  for (const wire of wires) wire.drop();
  await stoa.stop();
  return { chat_held_growth: growth };
}

/** As the protocol asks of clients; peers ask for nothing or ask themselves. */
function keepAlive(wires: readonly Wire[]): ReturnType<typeof setInterval> {
  let at = 0;
  const stepMs = 100;
  return setInterval(() => {
    const share = Math.ceil((wires.length * stepMs) / pingEveryMs);
    for (let n = 0; n < share; n++) {
      const wire = wires[at++ % Math.max(1, wires.length)];
      if (wire?.isOpen) wire.send('{"type":"ping"}');
    }
  }, stepMs);
}

export async function makeGroups(stoa: ChatBench): Promise<void> {
  for (let n = 0; n < stoa.people.length; n += groupSize) {
    await makeGroup(stoa, String(910_000 + n), stoa.people.slice(n, n + groupSize));
  }
}

export function rssBytes(pid: number): number {
  const kb = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kb) * 1024;
}
