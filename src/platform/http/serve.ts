import type { Server } from "bun";
import type { Clock } from "../clock/clock.ts";
import { AppError } from "../errors/errors.ts";
import type { Log } from "../log/log.ts";
import { isLoopbackHost, normalAddress, type AddressOf } from "./address.ts";
import { listenAtEdge, type Edge } from "./edge.ts";
import type { Front } from "./front.ts";
import type { Head } from "./head.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { problemOf } from "./problem.ts";
import type { Api } from "./server.ts";
import type { Connection, Realtime } from "../realtime/realtime.ts";
import { turnAwayNew } from "./turn-away.ts";

/**
 * The listening socket. One function looks at the path and hands the request on: system paths,
 * the API, then whatever `front` serves everywhere else. It also knows how many requests are in
 * flight, which is what draining waits for.
 */
export type Page = (request: Request) => Response | Promise<Response>;

export type ServeOptions = {
  host: string;
  port: number;
  bodyBytesMax: number;
  log: Log;
  clock: Clock;
  metrics: Metrics;
  addressOf: AddressOf;
  api: Api;
  /** Whose WebSockets open on this socket, and on no tunnel: it publishes on one. */
  realtime: Realtime;
  /** Exact paths such as `/healthz`. The visitor's address is given for access checks. */
  pages: Map<string, (request: Request, address: string) => Response | Promise<Response>>;
  /** First segments of static trees such as `console`. */
  trees: Map<string, Page>;
  /** Hosts on which nothing but `front` answers: customers' domains must not serve the API. */
  isForeignHost(host: string): boolean;
  front: Front;
  /** Whether other processes listen on the same ports. */
  shared: boolean;
  /** A port for short links alone; none unless given. */
  edge?: { port: number; connectionsMax: number };
};

export type Listening = {
  port: number;
  inFlight(): number;
  /** Stops accepting, waits for requests in flight until `deadline`, then closes what is left. */
  stop(deadline: AbortSignal): Promise<{ cut: number }>;
};

const loopback = "127.0.0.1";
const idleTimeoutSeconds = 60;
/** How long connections that are about to send a request are still answered. */
const settleMs = 100;

/** What goes on, on all sockets together. */
type Traffic = {
  /** Requests whose answer is being made. */
  waiting: number;
  draining: boolean;
  /** Who is at the other end of the edge's tunnels, by their ports on this side. */
  visitors: Map<number, string>;
};

export function serve(options: ServeOptions): Listening {
  const { clock } = options;
  const traffic: Traffic = { waiting: 0, draining: false, visitors: new Map() };
  const server = listen(options, traffic, { hostname: options.host, port: options.port });
  // The edge hands on to a socket of this process alone: on a port that processes share, another
  // one might take the connection, which would not know whom it speaks for.
  const inner = options.edge ? listen(options, traffic, null) : null;
  const edge =
    options.edge && inner
      ? listenAtEdge({
          ...{ ...options.edge, clock, host: options.host, shared: options.shared },
          upstream: { host: loopback, port: portOf(inner), visitors: traffic.visitors },
          quick: (head, peer) => options.front.quick(head, peer, options.addressOf),
          slow: (head, peer) =>
            isFronts(options, head.host, head.path) ? later(options, traffic, head, peer) : null,
        })
      : null;

  if (edge !== null) measure(options.metrics, edge);

  return {
    port: portOf(server),
    inFlight: () => traffic.waiting,
    async stop(deadline) {
      traffic.draining = true;
      const left = options.realtime.drain(deadline);
      edge?.drain();
      for (const port of edge ? [portOf(server), edge.port] : [portOf(server)]) turnAwayNew(port);
      // All stay open a moment: whoever began to connect gets an answer.
      await clock.sleep(settleMs);
      edge?.refuse();
      const stopped = server.stop();
      while (traffic.waiting > 0 && !deadline.aborted) await clock.sleep(10, deadline);
      const cut = traffic.waiting + (await left);
      // Answers that are made have yet to be sent; at the edge a connection ends with its last one.
      const sent = async () => {
        await stopped;
        while (edge !== null && edge.connections() > 0) await clock.sleep(5);
      };
      await Promise.race([sent(), clock.sleep(settleMs, deadline)]);
      await Promise.all([server.stop(true), inner?.stop(true)]);
      edge?.stop();
      return { cut };
    },
  };
}

/** Opens a socket; `at` is null for the one that only the edge connects to. */
function listen(
  options: ServeOptions,
  traffic: Traffic,
  at: { hostname: string; port: number } | null,
): Server<Connection> {
  const isTunnel = at === null;
  // A tunnel ends with its answer.
  const isLast = () => isTunnel || traffic.draining;
  const server: Server<Connection> = Bun.serve<Connection>({
    ...(at ?? { hostname: loopback, port: 0 }),
    reusePort: options.shared && !isTunnel,
    idleTimeout: idleTimeoutSeconds,
    maxRequestBodySize: options.bodyBytesMax,
    fetch(request) {
      const answer = dispatch(request);
      if (answer === null) return;
      if (answer instanceof Response) return isLast() ? closing(answer) : answer;
      traffic.waiting++;
      return answer.then(
        (response) => {
          traffic.waiting--;
          return isLast() ? closing(response) : response;
        },
        (error: unknown) => {
          traffic.waiting--;
          return failed(options.log, error);
        },
      );
    },
    websocket: options.realtime.handler,
    error: (error) => failed(options.log, error),
  });
  if (!isTunnel) options.realtime.attach(server);
  // Through a tunnel the peer is this very process, which knows whom it speaks for. Of a tunnel
  // that has just gone nobody is known any more, and nobody is better than one from here.
  const peerOf = (request: Request) => {
    const peer = server.requestIP(request);
    if (peer === null) return "";
    return isTunnel ? (traffic.visitors.get(peer.port) ?? "") : normalAddress(peer.address);
  };
  // Asking for the peer is a system call a request; behind a proxy on this machine it is known.
  const isNear = at !== null && isLoopbackHost(at.hostname);
  const dispatch = createDispatch(options, {
    peerOf: isNear ? () => loopback : peerOf,
    keepOpen: (request) => server.timeout(request, 0),
    opensSockets: !isTunnel,
  });
  return server;
}

function failed(log: Log, error: unknown): Response {
  log.error("request failed outside its handler", { error });
  return problemOf(error, crypto.randomUUID());
}

/** A redirect or page that the edge writes out. */
async function later(
  options: ServeOptions,
  traffic: Traffic,
  head: Head,
  peer: string,
): Promise<Response> {
  traffic.waiting++;
  try {
    const visitor = (request: Request) => options.addressOf(peer, request.headers);
    return await options.front.handle(head.toRequest(), visitor);
  } catch (error) {
    return failed(options.log, error);
  } finally {
    traffic.waiting--;
  }
}

/** Of a socket that listens on TCP, as all of ours do. */
function portOf({ port }: Server<Connection>): number {
  if (port === undefined) throw new Error("a listening socket without a port");
  return port;
}

function measure(metrics: Metrics, edge: Edge): void {
  const open = "Connections open on the port for short links.";
  metrics.gauge("stoa_edge_connections", open, () => edge.connections());
  const handed = "Connections that the port for short links handed on.";
  metrics.countedBy("stoa_edge_tunnels_total", handed, () => edge.tunnels());
}

/** Says who answers what on a socket. `keepOpen` lifts the idle time-out of a connection. */
function createDispatch(
  options: ServeOptions,
  socket: {
    peerOf(request: Request): string;
    keepOpen(request: Request): void;
    opensSockets: boolean;
  },
) {
  const visitor = (request: Request) => options.addressOf(socket.peerOf(request), request.headers);

  function front(request: Request): Response | Promise<Response> {
    const { method } = request;
    if (method !== "GET" && method !== "HEAD" && method !== "POST") return methodNotAllowed();
    return options.front.handle(request, visitor);
  }

  /** Null: the connection is a WebSocket now. */
  return (request: Request): Response | Promise<Response> | null => {
    const { url } = request;
    const pathStart = url.indexOf("/", 8);
    // No system path can be a code, so the busiest answer need not wait for their turn.
    const known = options.front.known(request, url, pathStart, visitor);
    if (known !== null) return known;
    const path = pathOf(url, pathStart);
    if (isFronts(options, hostOf(url, pathStart), path)) return front(request);
    const first = firstOf(path);
    if (first === "api") {
      if (socket.opensSockets && options.realtime.serves(path)) {
        return options.realtime.upgrade(request, path, visitor(request));
      }
      if (isStream(path)) socket.keepOpen(request);
      return options.api.fetch(request, visitor(request));
    }
    const page = options.pages.get(path);
    const tree = options.trees.get(first);
    if (request.method !== "GET" && request.method !== "HEAD") return methodNotAllowed();
    return page ? page(request, visitor(request)) : (tree as Page)(request);
  };
}

/** Tells the client to come back on a new connection, which another process will take. */
function closing(response: Response): Response {
  response.headers.set("connection", "close");
  return response;
}

/** Whether the front answers it: all of a customer's domain, and what has no other owner. */
function isFronts(options: ServeOptions, host: string, path: string): boolean {
  if (options.isForeignHost(host)) return true;
  const first = firstOf(path);
  return first !== "api" && !options.pages.has(path) && !options.trees.has(first);
}

function firstOf(path: string): string {
  const slash = path.indexOf("/", 1);
  return slash < 0 ? path.slice(1) : path.slice(1, slash);
}

function pathOf(url: string, start: number): string {
  const query = url.indexOf("?", start);
  return query < 0 ? url.slice(start) : url.slice(start, query);
}

function hostOf(url: string, pathStart: number): string {
  const start = url.indexOf("//") + 2;
  const port = url.indexOf(":", start);
  return url.slice(start, port >= 0 && port < pathStart ? port : pathStart).toLowerCase();
}

/** Event streams live as long as their reader. */
function isStream(path: string): boolean {
  // An import of many rows may be silent for longer than connections may idle.
  return path.endsWith("/live") || path.endsWith("/import");
}

function methodNotAllowed(): Response {
  const error = new AppError("request.method_not_allowed", "This path answers GET and HEAD.");
  const response = problemOf(error, crypto.randomUUID());
  response.headers.set("allow", "GET, HEAD");
  return response;
}
