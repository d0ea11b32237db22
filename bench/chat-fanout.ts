import type { Measured } from "./run.ts";
import { cpuSeconds, median } from "./load.ts";
import { installPeers, startRoom, type Room, type RoomName } from "./chat-peers.ts";
import { inTurn, Tally, type Wire } from "./chat-sockets.ts";
import { makeGroup, sendFrame, signIn, startChat } from "./chat-stoa.ts";

/**
 * Deliveries into one room of a thousand. The rooms by themselves first, in turn: one member says
 * something of a hundred bytes over and over, and all of them hear it. Rates are per second of the
 * clock and, as the load has a core as well that may be the fuller one, per second of CPU of the
 * server. Then the whole of Stoa: durable messages of a hundred members.
 */
const members = 1_000;
const seconds = Number(process.env["BENCH_SECONDS"] ?? 5);
const rounds = Number(process.env["BENCH_ROUNDS"] ?? 3);
const text = "x".repeat(100);
/** Messages under way at once. */
const aheadMax = 256;
const fedAtOnce = 32;
const senders = 100;
const names: RoomName[] = ["block", "bare", "ws", "socket.io"];

type Rate = { perSecond: number; perCpuSecond: number };

export async function benchFanout(folder: string): Promise<Measured> {
  await installPeers(folder);
  const flood = new Map<RoomName, Rate[]>();
  const single = new Map<RoomName, Rate[]>();
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      const room = await startRoom(name, folder);
      const { wires, tally } = await fill(room);
      const counted = await counter(room, wires[0] as Wire, tally);
      single.set(name, [...(single.get(name) ?? []), await feedOn(room, wires, counted, 1)]);
      flood.set(name, [...(flood.get(name) ?? []), await feedOn(room, wires, counted, aheadMax)]);
      for (const wire of wires) wire.drop();
      await room.stop();
    }
  }
  const best = (rates: Rate[] | undefined, of: keyof Rate) =>
    median((rates ?? []).map((r) => r[of]));
  for (const name of names) {
    const [busy, one] = [flood.get(name), single.get(name)];
    console.log(
      `${name.padEnd(10)} busy ${millions(best(busy, "perSecond"))}, ` +
        `${millions(best(busy, "perCpuSecond"))} a core; one at a time ` +
        `${millions(best(one, "perSecond"))}, ${millions(best(one, "perCpuSecond"))} a core`,
    );
  }
  const whole = await wholeStoa(folder);
  const busy = (name: RoomName) => best(flood.get(name), "perCpuSecond");
  return {
    chat_fanout_per_s: Math.round(best(flood.get("block"), "perSecond")),
    chat_fanout_per_core_s: Math.round(busy("block")),
    chat_fanout_single_per_s: Math.round(best(single.get("block"), "perSecond")),
    chat_fanout_single_per_core_s: Math.round(best(single.get("block"), "perCpuSecond")),
    chat_fanout_bare_publish_per_core_s: Math.round(busy("bare")),
    chat_fanout_ws_per_core_s: Math.round(busy("ws")),
    chat_fanout_socket_io_per_core_s: Math.round(busy("socket.io")),
    chat_fanout_of_bare_publish: ratio(busy("block") / busy("bare")),
    chat_fanout_of_ws: ratio(busy("block") / busy("ws")),
    chat_fanout_of_socket_io: ratio(busy("block") / busy("socket.io")),
    chat_fanout_durable_per_s: Math.round(whole.perSecond),
    chat_fanout_durable_per_core_s: Math.round(whole.perCpuSecond),
  };
}

async function fill(room: Room): Promise<{ wires: Wire[]; tally: Tally }> {
  const tally = new Tally();
  return { wires: await inTurn(members, 50, () => room.open(tally)), tally };
}

/** Deliveries so far. What is joined is told by its length: all frames of a room are as long. */
async function counter(room: Room, feeder: Wire, tally: Tally): Promise<() => number> {
  const { kind } = room;
  if (!room.joins) return () => tally.messagesOf(kind);
  feeder.send(room.feed(text));
  await reached(() => tally.messagesOf(kind) >= members);
  const length = tally.bytesOf(kind) / tally.messagesOf(kind);
  return () => Math.round((tally.bytesOf(kind) + tally.messagesOf(kind)) / (length + 1));
}

async function feedOn(
  room: Room,
  [feeder]: Wire[],
  delivered: () => number,
  ahead: number,
): Promise<Rate> {
  const start = delivered();
  let sent = 0;
  const frame = room.feed(text);
  const run = async (ms: number) => {
    const until = performance.now() + ms;
    while (performance.now() < until) {
      const underWay = sent - (delivered() - start) / members;
      const more = Math.min(fedAtOnce, Math.ceil(ahead - underWay - 0.001));
      for (let n = 0; n < more; n++, sent++) feeder?.send(frame);
      await new Promise(setImmediate);
    }
  };
  await run(1_000);
  const rate = await rateOf(room.pid, delivered, () => run(seconds * 1_000));
  await reached(() => delivered() - start >= sent * members);
  return rate;
}

async function rateOf(
  pid: number,
  delivered: () => number,
  work: () => Promise<void>,
): Promise<Rate> {
  const [before, cpu, began] = [delivered(), cpuSeconds(pid), performance.now()];
  await work();
  const count = delivered() - before;
  return {
    perSecond: (count * 1_000) / (performance.now() - began),
    perCpuSecond: count / (cpuSeconds(pid) - cpu),
  };
}

async function wholeStoa(folder: string): Promise<Rate> {
  const stoa = await startChat(folder, members, { STOA_SOCKET_ACCEPTS_PER_SECOND: "20000" });
  const id = await makeGroup(stoa, "910001", stoa.people);
  const tally = new Tally();
  let acks = 0;
  const wires = await inTurn(members, 50, (n) =>
    signIn(stoa, stoa.people[n]!, {
      tally,
      ...(n < senders && {
        noticed: (kind: string) => {
          if (kind === "a") acks++;
          if (kind === "a" && !over) wires[n]?.send(sendFrame(id, text));
        },
      }),
    }),
  );
  let over = false;
  wires[0]?.send(sendFrame(id, text));
  await reached(() => tally.messagesOf("m") >= members);
  const length = tally.bytesOf("m") / tally.messagesOf("m");
  const delivered = () => (tally.bytesOf("m") + tally.messagesOf("m")) / (length + 1);
  for (const wire of wires.slice(1, senders)) wire.send(sendFrame(id, text));
  await Bun.sleep(1_500);
  const ackedBefore = acks;
  const rate = await rateOf(stoa.pid, delivered, () => Bun.sleep(seconds * 1_000));
  const perSecond = (acks - ackedBefore) / seconds;
  over = true;
  console.log(
    `all of Stoa: ${Math.round(perSecond)} durable messages/s, ${millions(rate.perSecond)} ` +
      `deliveries/s, ${millions(rate.perCpuSecond)} a core, ${Math.round(length)} bytes each`,
  );
  for (const wire of wires) wire.drop();
  await stoa.stop();
  return rate;
}

export async function reached(holds: () => boolean, withinMs = 30_000): Promise<void> {
  const until = performance.now() + withinMs;
  while (!holds()) {
    if (performance.now() > until) throw new Error("what was sent did not arrive");
    await Bun.sleep(1);
  }
}

function millions(n: number): string {
  return `${(n / 1e6).toFixed(3)} M/s`;
}

function ratio(n: number): number {
  return Number(n.toFixed(2));
}
