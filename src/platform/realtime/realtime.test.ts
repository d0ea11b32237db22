import { afterEach, expect, test } from "bun:test";
import { connect } from "node:net";
import { systemClock } from "../clock/clock.ts";
import { Metrics } from "../metrics/metrics.ts";
import { EmbeddedState } from "../state/embedded.ts";
import { resyncBytes, shedBytes } from "./ladder.ts";
import { Connection, messageBytesMax, Realtime, type RealtimeOptions } from "./realtime.ts";
import { openStalled, type StalledClient } from "./stalled-client.fixture.ts";

/** The block alone: a protocol that follows and leaves what it is told to, on real sockets. */
class Listener extends Connection {
  busy = false;
  resyncs = 0;
  opened(): void {
    listeners.push(this);
    this.send("opened");
  }
  received(text: string | null): void {
    const [verb, topic = ""] = (text ?? "binary").split(" ");
    if (verb === "follow") this.follow(topic);
    else if (verb === "leave") this.leave(topic);
    this.send(`done ${text ?? "binary"}`);
  }
  closed(code: number): void {
    closedWith.push(code);
  }
  resync(): void {
    this.resyncs++;
    this.send("resync");
  }
  drain(delayMs: number): void {
    this.send(`drain ${delayMs}`);
  }
  isBusy(): boolean {
    return this.busy;
  }
  check(): void {}
}

let listeners: Listener[] = [];
let closedWith: number[] = [];
const path = "/socket";
const ends: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
  listeners = [];
  closedWith = [];
});

function start(given: Partial<RealtimeOptions> = {}) {
  const metrics = new Metrics();
  const realtime = new Realtime({
    ...{ socketsMax: 100, socketAcceptsPerSecond: 1_000, socketOrigins: [] },
    ...{ socketBufferBytesMax: 64 * 1024 * 1024, socketSlowMsMax: 60_000, drainGraceMs: 2_000 },
    ...{ publicUrl: "https://stoa.example", state: new EmbeddedState() },
    ...{ clock: systemClock, metrics, ...given },
  });
  realtime.register({ path, connect: (address) => new Listener(address) });
  const server = Bun.serve<Connection>({
    port: 0,
    hostname: "127.0.0.1",
    websocket: realtime.handler,
    fetch(request) {
      if (!request.url.endsWith("/events")) {
        return realtime.upgrade(request, path, "192.0.2.1") ?? undefined;
      }
      const listener = new Listener("192.0.2.1");
      const answer = realtime.stream(listener, request.signal);
      listener.follow("t");
      return answer;
    },
  });
  realtime.attach(server);
  const port = server.port as number;
  ends.push(async () => {
    await realtime.drain(AbortSignal.abort());
    await server.stop(true);
  });
  return { realtime, port, metrics, url: `http://127.0.0.1:${port}` };
}

async function until(what: () => boolean, label: string): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!what()) {
    if (performance.now() > deadline) throw new Error(`never came: ${label}`);
    await Bun.sleep(2);
  }
}

type Client = { messages: string[]; socket: WebSocket; code: number | null };

async function open(port: number, topics: string[] = []): Promise<Client> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`);
  const client: Client = { messages: [], socket, code: null };
  socket.addEventListener("message", ({ data }) => client.messages.push(String(data)));
  socket.addEventListener("close", ({ code }) => (client.code = code));
  await until(() => client.messages.includes("opened"), "opened");
  for (const topic of topics) {
    socket.send(`follow ${topic}`);
    await until(() => client.messages.includes(`done follow ${topic}`), "followed");
  }
  ends.push(() => socket.close());
  return client;
}

async function stalled(port: number): Promise<StalledClient> {
  const client = await openStalled(port, path);
  ends.push(client.destroy);
  client.send("follow t");
  await until(() => client.messages.includes("done follow t"), "followed");
  client.stall();
  return client;
}

const linesOf = (client: { messages: string[] }) =>
  client.messages.flatMap((message) => message.split("\n"));

test("a frame reaches those who follow its topic, and nobody after they left", async () => {
  const { realtime, port } = start();
  const [one, other] = [await open(port, ["t"]), await open(port, ["u"])];
  realtime.publish("t", "for t");
  realtime.publish("u", "for u");
  await until(() => one.messages.includes("for t") && other.messages.includes("for u"), "both");
  one.socket.send("leave t");
  await until(() => one.messages.includes("done leave t"), "left");
  realtime.publish("t", "late");
  realtime.publish("u", "last");
  await until(() => linesOf(other).includes("last"), "the last");
  expect(linesOf(one)).toEqual(["opened", "done follow t", "for t", "done leave t"]);
});

test("frames of a turn go out at once as one; what follows closely shares the next", async () => {
  const { realtime, port } = start();
  const client = await open(port, ["t"]);
  for (let n = 0; n < 3; n++) realtime.publish("t", `frame ${n}`);
  await Promise.resolve();
  for (let n = 3; n < 100; n++) realtime.publish("t", `frame ${n}`);
  await until(() => linesOf(client).includes("frame 99"), "all");
  const frames = client.messages.filter((message) => message.startsWith("frame"));
  expect(frames[0]).toBe("frame 0\nframe 1\nframe 2");
  expect(frames.length).toBeLessThan(5);
  expect(frames.join("\n")).toBe([...Array(100).keys()].map((n) => `frame ${n}`).join("\n"));
});

test("what waits is written before somebody else follows", async () => {
  const { realtime, port } = start();
  const early = await open(port, ["t"]);
  const late = await open(port);
  realtime.publish("t", "first");
  realtime.publish("t", "waits");
  realtime.flush("t");
  (listeners[1] as Listener).follow("t");
  realtime.publish("t", "after");
  await until(() => linesOf(late).includes("after"), "after");
  await until(() => linesOf(early).includes("after"), "after");
  expect(linesOf(late)).toEqual(["opened", "after"]);
});

test("what is no WebSocket, or a foreign page's, is refused before the upgrade", async () => {
  const { port, url } = start();
  const plain = await fetch(url + path);
  expect([plain.status, plain.headers.get("upgrade")]).toEqual([426, "websocket"]);
  const from = (origin: string) => openStalled(port, path, { Origin: origin });
  for (const origin of ["https://evil.example", "null", `http://localhost:${port}`]) {
    await expect(from(origin)).rejects.toThrow("403");
  }
  for (const origin of ["https://stoa.example", `http://127.0.0.1:${port}`]) {
    ends.push((await from(origin)).destroy);
  }
  expect(listeners).toHaveLength(2);
});

test("above the limit of connections, and of connections a second, it answers 503", async () => {
  const { port, metrics } = start({ socketsMax: 2 });
  for (let n = 0; n < 2; n++) await open(port);
  await expect(openStalled(port, path)).rejects.toThrow(/503[^]*retry-after: 5/i);
  (listeners[0] as Listener).close(1000, "");
  await until(() => closedWith.length > 0, "closed");
  await open(port);
  expect(metrics.render()).toContain('stoa_sockets_refused_total{why="full"} 1');

  const rated = start({ socketAcceptsPerSecond: 1 });
  await open(rated.port);
  await expect(openStalled(rated.port, path)).rejects.toThrow(/503[^]*retry-after/i);
});

test("a message that is no text, and one that is too long", async () => {
  const { port } = start();
  const client = await open(port);
  client.socket.send(new Uint8Array([1]));
  await until(() => client.messages.includes("done binary"), "the answer");
  client.socket.send("x".repeat(messageBytesMax + 1));
  await until(() => client.code !== null, "the end");
  expect(closedWith).toHaveLength(1);
});

test("a slow reader loses what may be dropped and is owed the last of each key", async () => {
  const { realtime, port, metrics } = start();
  const slow = await stalled(port);
  const connection = listeners[0] as Listener;
  await fill(realtime, () => connection.step === 1, shedBytes / 4);
  realtime.publishDroppable("t", "typing");
  realtime.publishLatest("t", "a", "receipts 1");
  realtime.publishLatest("t", "a", "receipts 2");
  realtime.publishLatest("t", "b", "others");
  realtime.publish("t", "must");
  slow.read();
  await until(() => connection.step === 0, "caught up");
  realtime.publishDroppable("t", "typing again");
  await until(() => linesOf(slow).includes("typing again"), "typing");
  const heard = linesOf(slow).filter((line) => /typing|receipts|others|must/.test(line));
  expect(heard).toEqual(["must", "receipts 2", "others", "typing again"]);
  expect(metrics.render()).toContain('stoa_sockets_slow_total{step="shed"} 1');
});

test("the backlog of a slower one is replaced by one resync", async () => {
  const { realtime, port } = start();
  const slow = await stalled(port);
  const brisk = await open(port, ["t"]);
  const connection = listeners[0] as Listener;
  await fill(realtime, () => connection.step === 2, resyncBytes / 8);
  for (let n = 0; n < 50; n++) realtime.publish("t", `missed ${n}`);
  await until(() => linesOf(brisk).includes("missed 49"), "the brisk one");
  slow.read();
  await until(() => connection.resyncs === 1 && connection.step === 0, "resync");
  realtime.publish("t", "after");
  await until(() => linesOf(slow).includes("after"), "after");
  const heard = linesOf(slow).filter((line) => /missed|resync|after/.test(line));
  expect(heard).toEqual(["resync", "after"]);
});

test("one that never catches up is closed with a code that says so", async () => {
  const { realtime, port } = start({ socketSlowMsMax: 100 });
  const slow = await stalled(port);
  const connection = listeners[0] as Listener;
  await fill(realtime, () => connection.step >= 2, resyncBytes / 8);
  await until(() => connection.step === 3 || connection.transport === null, "closing");
  slow.read();
  await until(() => slow.closeCode() !== null || slow.ended(), "the end");
  expect(slow.closeCode()).toBe(4508);
});

test("when all hold too much together, the slowest are cut off and the rest is well", async () => {
  const { realtime, port } = start({ socketBufferBytesMax: 512 * 1024 });
  await stalled(port);
  const brisk = await open(port, ["t"]);
  await fill(realtime, () => closedWith.length === 1, resyncBytes / 8);
  realtime.publish("t", "still here");
  await until(() => linesOf(brisk).includes("still here"), "the other");
});

test("an event stream hears the same, and climbs the same ladder", async () => {
  const { realtime, port } = start();
  const socket = connect({ host: "127.0.0.1", port });
  ends.push(() => void socket.destroy());
  let text = "";
  socket.on("data", (chunk) => (text += chunk.toString()));
  socket.write(`GET /events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  await until(() => text.includes("opened"), "opened");
  realtime.publish("t", "one");
  realtime.publish("t", "two");
  realtime.flush("t");
  realtime.publish("t", "three");
  await until(() => text.includes("three"), "all three");
  expect([...(text.match(/data: .*/g) ?? [])]).toEqual(
    ["opened", "one", "two", "three"].map((d) => `data: ${d}`),
  );
  socket.pause();
  const connection = listeners[0] as Listener;
  await fill(realtime, () => connection.step === 2, resyncBytes / 8);
  socket.resume();
  await until(() => text.includes("data: resync"), "resync");
  expect(connection.step).toBe(0);
  socket.destroy();
  await until(() => closedWith.length === 1, "gone");
  expect(realtime.size).toBe(0);
});

test("a drain tells all when to go, waits for what is unanswered, and lets nobody in", async () => {
  const { realtime, port } = start();
  const clients = [await open(port), await open(port), await open(port)];
  const busy = listeners[1] as Listener;
  busy.busy = true;
  const drained = realtime.drain(AbortSignal.timeout(10_000));
  await expect(openStalled(port, path)).rejects.toThrow("503");
  await until(() => clients[0]?.code === 1012 && clients[2]?.code === 1012, "the idle ones");
  expect(clients[1]?.code).toBeNull();
  for (const { messages } of clients) expect(messages.at(-1)).toMatch(/^drain \d+$/);
  busy.busy = false;
  expect(await drained).toBe(0);
  await until(() => clients[1]?.code === 1012, "the last");
});

test("a drain ends at its deadline, and says how many had something unanswered", async () => {
  const { realtime, port } = start();
  await open(port);
  (listeners[0] as Listener).busy = true;
  expect(await realtime.drain(AbortSignal.timeout(50))).toBe(1);
  expect(realtime.size).toBe(0);
});

/** Publishes until the kernel takes no more and the block notices. */
async function fill(realtime: Realtime, enough: () => boolean, bytes: number): Promise<void> {
  const frame = "x".repeat(bytes);
  await until(() => {
    if (!enough()) realtime.publish("t", frame);
    return enough();
  }, "a backlog");
}
