import { createSecureServer, createServer } from "node:http2";
import type {
  Http2SecureServer,
  Http2Server,
  ServerHttp2Session,
  ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import type { Clock } from "../../platform/clock/clock.ts";
import { turnAwayNew } from "../../platform/http/turn-away.ts";
import type { Log } from "../../platform/log/log.ts";
import { Call, type GrpcMethod, type Held } from "./grpc-call.ts";

/**
 * The socket of gRPC over HTTP/2, plaintext or by TLS. HTTP/2 itself is node:http2's; what gRPC
 * adds to it is in grpc-call.ts. Connections are few and live long, so their number is bounded and
 * one that is idle for long is closed in order: a proxy opens the next one without being asked.
 */
export type GrpcOptions = {
  host: string;
  /** 0 picks a free one. */
  port: number;
  /** Whether other processes listen on the same port. */
  shared: boolean;
  /** In PEM; null for plaintext. */
  tls: { cert: string; key: string } | null;
  /** By path, `/package.Service/Method`. */
  methods: ReadonlyMap<string, GrpcMethod>;
  log: Log;
  clock: Clock;
};

export type GrpcServer = {
  port: number;
  connections(): number;
  inFlight(): number;
  /** Of messages that are not whole yet. */
  heldBytes(): number;
  /** Those who connect from now on get this certificate. */
  renew(tls: { cert: string; key: string }): void;
  /** Takes no new calls, answers those that came, and ends at the deadline whatever is left. */
  stop(deadline: AbortSignal): Promise<void>;
};

const connectionsMax = 1_000;
const callsPerConnectionMax = 1_000;
const headerBytesMax = 16 * 1024;
const idleMsMax = 300_000;
const handshakeMsMax = 5_000;
/** How long connections that have begun are still accepted at the end. */
const settleMs = 100;
const drainPollMs = 5;

export async function listenForGrpc(options: GrpcOptions): Promise<GrpcServer> {
  const { host, shared, methods, log, clock } = options;
  const sessions = new Set<ServerHttp2Session>();
  const calls = new Set<Call>();
  const held: Held = { bytes: 0 };
  const server = serverWith(options.tls);
  // By TLS these are not sessions yet, and may never become one.
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    if (sockets.size >= connectionsMax) return socket.destroy();
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("tlsClientError", (error) => log.debug("a gRPC connection failed", { error }));
  server.on("session", (session) => {
    session.on("error", (error: Error) => log.debug("a gRPC connection failed", { error }));
    if (sessions.size >= connectionsMax) return session.destroy();
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
    session.setTimeout(idleMsMax, () => session.close());
  });
  server.on("sessionError", (error) => log.debug("a gRPC connection failed", { error }));
  server.on("stream", (stream, headers) => {
    const method = methods.get(headers[":path"] ?? "");
    const call = new Call({ stream: stream as ServerHttp2Stream, headers, method, log, held });
    calls.add(call);
    stream.on("close", () => calls.delete(call));
    call.start();
  });
  const listening = Promise.withResolvers<void>();
  server.once("error", listening.reject);
  server.listen({ host, port: options.port, reusePort: shared }, listening.resolve);
  await listening.promise;
  server.on("error", (error) => log.error("the gRPC socket failed", { error }));

  const port = portOf(server.address());
  return {
    port,
    connections: () => sessions.size,
    inFlight: () => calls.size,
    heldBytes: () => held.bytes,
    renew: (tls) => {
      if ("setSecureContext" in server) server.setSecureContext(tls);
    },
    async stop(deadline) {
      turnAwayNew(port);
      await clock.sleep(settleMs, deadline);
      server.close();
      // Tells each caller that new calls belong elsewhere; what was sent before is answered.
      for (const session of sessions) session.close();
      while (sessions.size > 0 && !deadline.aborted) await clock.sleep(drainPollMs, deadline);
      for (const session of sessions) session.destroy();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function serverWith(tls: GrpcOptions["tls"]): Http2Server | Http2SecureServer {
  const settings = {
    enablePush: false,
    maxConcurrentStreams: callsPerConnectionMax,
    maxHeaderListSize: headerBytesMax,
  };
  if (tls === null) return createServer({ settings });
  return createSecureServer({ ...tls, settings, handshakeTimeout: handshakeMsMax });
}

function portOf(address: string | { port: number } | null): number {
  if (address === null || typeof address === "string") throw new Error("a socket without a port");
  return address.port;
}
