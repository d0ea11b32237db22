import type { Socket } from "bun";
import { normalAddress } from "./address.ts";
import { Head } from "./head.ts";
import { close, flush, openTunnel, receive, type End, type Upstream } from "./tunnel.ts";

/**
 * A second listening socket for nothing but short links at full speed. A plain GET that can be
 * answered from memory is read and answered here, at about two thirds of what Bun's own HTTP
 * server takes for it. Whatever else arrives is handed to that server, byte for byte, and the
 * connection closes after it, so that a proxy's kept connections find back to the short way.
 */
export type EdgeOptions = {
  host: string;
  port: number;
  /** The server that answers everything, on this machine. */
  upstream: Upstream;
  connectionsMax: number;
  /** The whole answer to a request that is in memory and plain, or null. */
  quick(head: Head, peer: string): string | null;
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

type Connection = { address: string; tunnel: End | null };

const idleSeconds = 60;

export function listenAtEdge(options: EdgeOptions): Edge {
  const head = new Head();
  let draining = false;
  let connections = 0;
  let tunnels = 0;

  function answer(socket: Socket<Connection>, bytes: Buffer): void {
    const connection = socket.data;
    const text = bytes.toString("latin1");
    let out = "";
    let at = 0;
    while (at < text.length) {
      const known = head.read(text, at) ? options.quick(head, connection.address) : null;
      if (known === null) break;
      out += known;
      at = head.end;
    }
    if (draining && out !== "") {
      socket.end(`${out.slice(0, -2)}connection: close\r\n\r\n`);
      return;
    }
    // Who sends requests on end and reads no answers is cut off.
    if (out !== "" && socket.write(out) < out.length) return socket.terminate();
    if (at === text.length) return;
    socket.timeout(0);
    tunnels++;
    connection.tunnel = openTunnel(socket, {
      upstream: options.upstream,
      address: connection.address,
      first: bytes.subarray(at),
    });
  }

  const listener = Bun.listen<Connection>({
    hostname: options.host,
    port: options.port,
    data: { address: "", tunnel: null },
    socket: {
      open(socket) {
        socket.data = { address: normalAddress(socket.remoteAddress), tunnel: null };
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
