/** Real servers on loopback, and a client that may reach 127.0.0.1 and nothing else private. */
import { afterEach, expect } from "bun:test";
import net from "node:net";
import { systemClock } from "../clock/clock.ts";
import { silentLog } from "../log/log.ts";
import { createOutbound, type OutboundOptions, type OutboundRequest } from "./outbound.ts";
import { OutboundError } from "./outbound-error.ts";

export const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

export function client(options: Partial<OutboundOptions> = {}) {
  return createOutbound({
    log: silentLog,
    clock: systemClock,
    allowPrivate: ["127.0.0.1"],
    resolve: async () => ["127.0.0.1"],
    ...options,
  });
}

export function web(
  handle: (request: Request) => Response | Promise<Response>,
  hostname = "127.0.0.1",
) {
  const seen: Request[] = [];
  const server = Bun.serve({
    port: 0,
    hostname,
    fetch: (request) => {
      seen.push(request.clone() as Request);
      return handle(request);
    },
  });
  closers.push(() => void server.stop(true));
  return { seen, port: server.port ?? 0, url: `http://site.test:${server.port}` };
}

/** A TCP server that says what HTTP servers would not. */
export async function raw(answer: (socket: net.Socket) => void, port = 0, hostname = "127.0.0.1") {
  const state = { connections: 0, closed: 0, sent: 0 };
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    state.connections++;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => {
      state.closed++;
    });
    socket.once("data", () => answer(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, hostname, resolve);
  });
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const bound = (server.address() as net.AddressInfo).port;
  return { state, port: bound, url: `http://site.test:${bound}` };
}

export async function until(condition: () => boolean, what: string) {
  const limit = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > limit) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export async function refusal(request: OutboundRequest, options: Partial<OutboundOptions> = {}) {
  try {
    const response = await client(options).fetch(request);
    return `answered ${response.status}`;
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error;
    expect(error.message.startsWith(`${error.reason}: `)).toBe(true);
    return `${error.code} ${error.reason}`;
  }
}
