import type { Socket } from "bun";
import type { Clock } from "../clock/clock.ts";
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
  clock: Clock;
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
  /** Whether anything came since the idle time-out was set. */
  isUsed: boolean;
  /** What of an answer the socket has not taken; nothing is read meanwhile. */
  unsent: Uint8Array | null;
  /** What came behind a request that is being answered. */
  rest: Buffer | null;
};

/** A silent connection is closed between once and twice this long after its last bytes. */
const idleSeconds = 60;
const lastAnswer = "connection: close\r\n\r\n";

export function listenAtEdge(options: EdgeOptions): Edge {
  const desk = new Desk(options);
  let connections = 0;
  const listener = Bun.listen<Connection>({
    // Known to Bun, though not to its types of a listener.
    ...{ hostname: options.host, port: options.port, reusePort: options.shared },
    data: connectionFrom(""),
    socket: {
      open(socket) {
        socket.data = connectionFrom(normalAddress(socket.remoteAddress));
        if (++connections > options.connectionsMax) return socket.terminate();
        socket.timeout(idleSeconds);
      },
      data(socket, bytes) {
        const { tunnel } = socket.data;
        if (tunnel !== null) return receive(tunnel, bytes);
        socket.data.isUsed = true;
        desk.answer(socket, bytes);
      },
      drain(socket) {
        if (socket.data.tunnel) flush(socket.data.tunnel);
        else desk.sendRest(socket);
      },
      timeout(socket) {
        if (!socket.data.isUsed) return void socket.end();
        socket.data.isUsed = false;
        socket.timeout(idleSeconds);
      },
      close(socket) {
        connections--;
        if (socket.data.tunnel) close(socket.data.tunnel);
      },
    },
  });

  return {
    port: listener.port,
    connections: () => connections,
    tunnels: () => desk.tunnels,
    drain: () => void (desk.draining = true),
    refuse: () => listener.stop(false),
    stop: () => listener.stop(true),
  };
}

function connectionFrom(address: string): Connection {
  return { address, tunnel: null, isUsed: false, unsent: null, rest: null };
}

class Desk {
  draining = false;
  tunnels = 0;
  private readonly options: EdgeOptions;
  private readonly head = new Head();

  constructor(options: EdgeOptions) {
    this.options = options;
  }

  /** Answers as many requests as `bytes` hold. */
  answer(socket: Socket<Connection>, bytes: Buffer): void {
    const { head, options } = this;
    const { address } = socket.data;
    const text = bytes.toString("latin1");
    let out = "";
    let at = 0;
    let slow: Promise<Response> | null = null;
    while (at < text.length && head.read(text, at)) {
      const known = options.quick(head, address);
      slow = known === null ? options.slow(head, address) : null;
      if (known === null && slow === null) break;
      at = head.end;
      if (slow !== null) break;
      out += known;
      // Nothing behind a connection's last answer is begun.
      if (this.draining) return void socket.end(out.slice(0, -2) + lastAnswer);
    }
    // Who sends requests on end and reads no answers is cut off.
    if (out !== "" && socket.write(out) < out.length) return socket.terminate();
    if (slow !== null) void this.answerLater(socket, slow, bytes.subarray(at));
    else if (at < text.length) this.handOn(socket, bytes.subarray(at));
  }

  /** Goes on where an answer had to wait: for its making, or for the socket to take it. */
  sendRest(socket: Socket<Connection>): void {
    const connection = socket.data;
    const { unsent, rest } = connection;
    if (unsent === null || rest === null) return;
    const taken = socket.write(unsent);
    if (taken < unsent.length) {
      connection.unsent = unsent.subarray(Math.max(0, taken));
      return;
    }
    connection.unsent = connection.rest = null;
    if (this.draining) return void socket.end();
    socket.resume();
    if (rest.length > 0) this.answer(socket, rest);
  }

  private async answerLater(
    socket: Socket<Connection>,
    slow: Promise<Response>,
    rest: Buffer,
  ): Promise<void> {
    socket.pause();
    socket.data.rest = Buffer.from(rest);
    try {
      const now = this.options.clock.now();
      socket.data.unsent = await written(await slow, now, this.draining);
      this.sendRest(socket);
    } catch {
      // What cannot be written out whole is not begun.
      socket.terminate();
    }
  }

  private handOn(socket: Socket<Connection>, first: Buffer): void {
    this.tunnels++;
    socket.timeout(0);
    const { address } = socket.data;
    const { upstream } = this.options;
    socket.data.tunnel = openTunnel(socket, { upstream, address, first });
  }
}

/** Nobody reads them; an empty one is as good for what is not listed. */
const reasons: Record<number, string> = {
  ...{ 200: "OK", 301: "Moved Permanently", 302: "Found", 303: "See Other" },
  ...{ 307: "Temporary Redirect", 308: "Permanent Redirect", 403: "Forbidden" },
  ...{ 404: "Not Found", 410: "Gone", 429: "Too Many Requests" },
  ...{ 500: "Internal Server Error", 503: "Service Unavailable" },
};
const bySocket = new Set(["connection", "content-length", "date", "transfer-encoding"]);

/** A whole response as it stands on the wire. */
async function written(response: Response, now: number, last: boolean): Promise<Uint8Array> {
  const body = new Uint8Array(await response.arrayBuffer());
  const { status } = response;
  let head = `HTTP/1.1 ${status} ${reasons[status] ?? ""}\r\n`;
  for (const [name, value] of response.headers) {
    if (!bySocket.has(name)) head += `${name}: ${value}\r\n`;
  }
  head += `date: ${new Date(now).toUTCString()}\r\ncontent-length: ${body.length}\r\n`;
  return Buffer.concat([Buffer.from(head + (last ? lastAnswer : "\r\n"), "latin1"), body]);
}
