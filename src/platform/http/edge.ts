import type { Socket } from "bun";
import { STATUS_CODES } from "node:http";
import { normalAddress } from "./address.ts";
import { Head } from "./head.ts";
import { close, flush, openTunnel, receive, type End, type Upstream } from "./tunnel.ts";

/**
 * A second listening socket for nothing but short links at full speed. A plain GET that can be
 * answered from memory is read and answered here, at about two thirds of what Bun's own HTTP
 * server takes for it. A redirect that needs longer is made as ever and written out here. Whatever
 * else arrives is handed to that server, byte for byte, and the connection closes after it, so
 * that a proxy's kept connections find back to the short way.
 */
export type EdgeOptions = {
  host: string;
  port: number;
  /** Whether other processes listen on the same port. */
  shared: boolean;
  /** The server that answers everything, on this machine. */
  upstream: Upstream;
  connectionsMax: number;
  /** The whole answer to a request that is in memory and plain, or null. */
  quick(head: Head, peer: string): string | null;
  /** The answer to any other short link or page; null when somebody else answers its path. */
  slow(head: Head, peer: string): Promise<Response> | null;
};

export type Edge = {
  port: number;
  connections(): number;
  tunnels(): number;
  /** Answers what comes with the advice to come back on another connection. */
  drain(): void;
  /** Accepts no connection any more. */
  refuse(): void;
  /** Closes what is left. */
  stop(): void;
};

type Connection = {
  address: string;
  tunnel: End | null;
  /** What of an answer the socket has not taken; nothing is read meanwhile. */
  unsent: Uint8Array | null;
  /** What came behind a request that is being answered. */
  rest: Buffer | null;
};

const idleSeconds = 60;
const lastAnswer = "connection: close\r\n\r\n";

export function listenAtEdge(options: EdgeOptions): Edge {
  const head = new Head();
  let draining = false;
  let connections = 0;
  let tunnels = 0;

  /** Answers as many requests as `bytes` hold. */
  function answer(socket: Socket<Connection>, bytes: Buffer): void {
    const connection = socket.data;
    const text = bytes.toString("latin1");
    let out = "";
    let at = 0;
    let slow: Promise<Response> | null = null;
    while (at < text.length && head.read(text, at)) {
      const known = options.quick(head, connection.address);
      slow = known === null ? options.slow(head, connection.address) : null;
      if (known === null && slow === null) break;
      at = head.end;
      if (slow !== null) break;
      out += known;
    }
    if (draining && out !== "") return void socket.end(out.slice(0, -2) + lastAnswer);
    // Who sends requests on end and reads no answers is cut off.
    if (out !== "" && socket.write(out) < out.length) return socket.terminate();
    if (slow !== null) void answerLater(socket, slow, bytes.subarray(at));
    else if (at < text.length) handOn(socket, bytes.subarray(at));
  }

  async function answerLater(
    socket: Socket<Connection>,
    slow: Promise<Response>,
    rest: Buffer,
  ): Promise<void> {
    socket.pause();
    socket.data.rest = Buffer.from(rest);
    try {
      socket.data.unsent = await written(await slow, draining);
      sendRest(socket);
    } catch {
      // What cannot be written out whole is not begun.
      socket.terminate();
    }
  }

  /** Goes on where an answer had to wait: for its making, or for the socket to take it. */
  function sendRest(socket: Socket<Connection>): void {
    const connection = socket.data;
    const { unsent, rest } = connection;
    if (unsent === null || rest === null) return;
    const taken = socket.write(unsent);
    if (taken < unsent.length) {
      connection.unsent = unsent.subarray(Math.max(0, taken));
      return;
    }
    connection.unsent = connection.rest = null;
    if (draining) return void socket.end();
    socket.resume();
    if (rest.length > 0) answer(socket, rest);
  }

  function handOn(socket: Socket<Connection>, first: Buffer): void {
    tunnels++;
    socket.timeout(0);
    const { address } = socket.data;
    socket.data.tunnel = openTunnel(socket, { upstream: options.upstream, address, first });
  }

  const listener = Bun.listen<Connection>({
    ...{ hostname: options.host, port: options.port, reusePort: options.shared },
    data: { address: "", tunnel: null, unsent: null, rest: null },
    socket: {
      open(socket) {
        const address = normalAddress(socket.remoteAddress);
        socket.data = { address, tunnel: null, unsent: null, rest: null };
        if (++connections > options.connectionsMax) return socket.terminate();
        socket.timeout(idleSeconds);
      },
      data(socket, bytes) {
        const { tunnel } = socket.data;
        if (tunnel !== null) return receive(tunnel, bytes);
        socket.timeout(idleSeconds);
        answer(socket, bytes);
      },
      drain(socket) {
        if (socket.data.tunnel) flush(socket.data.tunnel);
        else sendRest(socket);
      },
      timeout: (socket) => void socket.end(),
      close(socket) {
        connections--;
        if (socket.data.tunnel) close(socket.data.tunnel);
      },
    },
  });

  return {
    port: listener.port,
    connections: () => connections,
    tunnels: () => tunnels,
    drain: () => void (draining = true),
    refuse: () => listener.stop(false),
    stop: () => listener.stop(true),
  };
}

const bySocket = new Set(["connection", "content-length", "date", "transfer-encoding"]);

/** A whole response as it stands on the wire. */
async function written(response: Response, last: boolean): Promise<Uint8Array> {
  const body = new Uint8Array(await response.arrayBuffer());
  const { status } = response;
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Unknown"}\r\n`;
  for (const [name, value] of response.headers) {
    if (!bySocket.has(name)) head += `${name}: ${value}\r\n`;
  }
  head += `date: ${new Date().toUTCString()}\r\ncontent-length: ${body.length}\r\n`;
  return Buffer.concat([Buffer.from(head + (last ? lastAnswer : "\r\n"), "latin1"), body]);
}
