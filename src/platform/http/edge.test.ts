import { afterAll, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { systemClock } from "../clock/clock.ts";
import { listenAtEdge, type Edge } from "./edge.ts";
import type { Head } from "./head.ts";

/** Real sockets on both sides; behind the edge a server that says what it was asked and by whom. */
const bigBytes = 8 * 1024 * 1024;
const visitors = new Map<number, string>();
const upstream = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  idleTimeout: 60,
  async fetch(request, server) {
    const { pathname } = new URL(request.url);
    if (pathname === "/big") return new Response(new Uint8Array(bigBytes));
    const body = await request.text();
    const client = visitors.get(server.requestIP(request)?.port ?? 0) ?? "nobody";
    return new Response(`${request.method} ${pathname} ${body.length} by ${client}`);
  },
});
const edges: Edge[] = [];
afterAll(async () => {
  for (const edge of edges) edge.stop();
  await upstream.stop(true);
});

const redirect =
  "HTTP/1.1 302 Found\r\nlocation: https://example.com/\r\ncontent-length: 0\r\n\r\n";

function start(connectionsMax = 100): Edge {
  const edge = listenAtEdge({
    ...{ host: "127.0.0.1", port: 0, shared: false, connectionsMax, clock: systemClock },
    upstream: { host: "127.0.0.1", port: upstream.port as number, visitors },
    quick: (head) => (head.path === "/known" ? redirect : null),
    slow: (head) => (head.path.startsWith("/slow") ? slowly(head) : null),
  });
  edges.push(edge);
  return edge;
}

/** Slow answers whose making began. */
let begun = 0;

async function slowly(head: Head): Promise<Response> {
  begun++;
  const request = head.toRequest();
  await new Promise((resolve) => setImmediate(resolve));
  const said = `${request.method} ${request.url} ${request.headers.get("x-a")}`;
  const body = head.path === "/slow/big" ? new Uint8Array(bigBytes) : said;
  return new Response(body, { status: 404, headers: { "x-b": "c" } });
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: go.example\r\n\r\n`;

/** Sends pieces, each once the one before is on its way, and reads until `enough` or the end. */
async function talk(edge: Edge, pieces: string[], enough: (text: string) => boolean) {
  const socket = connect({ port: edge.port, host: "127.0.0.1", noDelay: true });
  const text = await new Promise<string>((resolve) => {
    let received = "";
    const done = () => resolve(received);
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
      if (enough(received)) done();
    });
    socket.on("close", done);
    socket.on("error", done);
    void sendPieces(socket, pieces);
  });
  socket.destroy();
  return text;
}

async function sendPieces(socket: Socket, pieces: string[]): Promise<void> {
  for (const piece of pieces) {
    await new Promise((resolve) => socket.write(piece, resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const count = (text: string, part: string) => text.split(part).length - 1;

test("what is in memory is answered here, several on one connection and at once", async () => {
  const edge = start();
  const text = await talk(
    edge,
    [get("/known"), get("/known") + get("/known")],
    (t) => count(t, "302 Found") === 3,
  );
  expect(text).toBe(redirect.repeat(3));
  expect(edge.tunnels()).toBe(0);
});

test("anything else is handed on, and so is who asks", async () => {
  const edge = start();
  const body = "x".repeat(100_000);
  const post = `POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`;
  for (const [pieces, said] of [
    [[get("/other")], "GET /other 0 by 127.0.0.1"],
    [["GET /kno", "wn HTTP/1.1\r\nHo", "st: a\r\n\r\n"], "GET /known 0 by 127.0.0.1"],
    [[post, body.slice(0, 50_000), body.slice(50_000)], "POST /form 100000 by 127.0.0.1"],
  ] as [string[], string][]) {
    expect(await talk(edge, pieces, (t) => t.includes(" by "))).toContain(said);
  }
  expect(edge.tunnels()).toBe(3);
});

test("what takes longer is written out here, and what came behind it waits", async () => {
  const edge = start();
  const slow = "GET /slow?q HTTP/1.1\r\nHost: go.example:80\r\nX-A: b\r\n\r\n";
  const text = await talk(
    edge,
    [get("/known") + slow + get("/known") + slow, get("/known")],
    (t) => count(t, "302 Found") === 3,
  );
  const parts = text.split(/(?=HTTP\/1\.1 )/);
  expect(parts.map((part) => part.slice(9, 12))).toEqual(["302", "404", "302", "404", "302"]);
  expect(parts[1]).toMatch(/^HTTP\/1\.1 404 Not Found\r\n.*x-b: c\r\n/s);
  expect(parts[1]).toEndWith("\r\n\r\nGET http://go.example/slow?q b");
  expect(edge.tunnels()).toBe(0);
});

test("answers keep their order when the connection is handed on behind a known one", async () => {
  const text = await talk(start(), [get("/known") + get("/other")], (t) => t.includes(" by "));
  expect(text.startsWith(redirect)).toBe(true);
  expect(text.slice(redirect.length)).toContain("GET /other 0 by 127.0.0.1");
});

test.each(["/big", "/slow/big"])("a slow reader gets all of a large %s", async (path) => {
  const edge = start();
  const socket = connect({ port: edge.port, host: "127.0.0.1" });
  let received = 0;
  const whole = new Promise<void>((resolve) => {
    socket.on("data", (chunk: Buffer) => {
      received += chunk.length;
      if (received > bigBytes) return resolve();
      socket.pause();
      setTimeout(() => socket.resume(), 1);
    });
  });
  socket.write(get(path));
  await whole;
  socket.destroy();
});

test("when either side goes, so does the other", async () => {
  const edge = start();
  while (visitors.size > 0) await Bun.sleep(5);
  const socket = connect({ port: edge.port, host: "127.0.0.1" });
  const answered = new Promise((resolve) => socket.once("data", resolve));
  socket.write(get("/other"));
  await answered;
  expect([...visitors.values()]).toEqual(["127.0.0.1"]);
  socket.destroy();
  while (visitors.size > 0 || edge.connections() > 0) await Bun.sleep(5);
});

test("a server that is not there is said to be unavailable", async () => {
  const gone = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const { port } = gone;
  await gone.stop(true);
  const edge = listenAtEdge({
    ...{ host: "127.0.0.1", port: 0, shared: false, connectionsMax: 10, clock: systemClock },
    ...{ quick: () => null, slow: () => null },
    upstream: { host: "127.0.0.1", port: port as number, visitors },
  });
  edges.push(edge);
  expect(await talk(edge, [get("/other")], () => false)).toStartWith("HTTP/1.1 503 ");
});

test("connections above the limit are closed, the others served on", async () => {
  const edge = start(2);
  const held = [1, 2].map(() => connect({ port: edge.port, host: "127.0.0.1" }));
  while (edge.connections() < 2) await Bun.sleep(5);
  expect(await talk(edge, [get("/known")], () => false)).toBe("");
  for (const socket of held) socket.destroy();
  while (edge.connections() > 0) await Bun.sleep(5);
  expect(await talk(edge, [get("/known")], (t) => t.endsWith("\r\n\r\n"))).toBe(redirect);
});

test("while it drains every answer is the connection's last", async () => {
  const edge = start();
  const socket = connect({ port: edge.port, host: "127.0.0.1" });
  while (edge.connections() < 1) await Bun.sleep(5);
  edge.drain();
  const closed = new Promise((resolve) => socket.on("close", resolve));
  let text = "";
  socket.on("data", (chunk) => (text += chunk.toString("latin1")));
  socket.write(get("/known"));
  await closed;
  expect(text).toBe(redirect.replace(/\r\n$/, "connection: close\r\n\r\n"));
});

test("while it drains nothing behind the last answer is begun", async () => {
  const edge = start();
  const socket = connect({ port: edge.port, host: "127.0.0.1" });
  while (edge.connections() < 1) await Bun.sleep(5);
  edge.drain();
  const before = begun;
  const closed = new Promise((resolve) => socket.on("close", resolve));
  let text = "";
  socket.on("data", (chunk) => (text += chunk.toString("latin1")));
  socket.write(get("/known") + get("/slow") + get("/known"));
  await closed;
  expect(text).toBe(redirect.replace(/\r\n$/, "connection: close\r\n\r\n"));
  expect(begun).toBe(before);
});
