import type { Server, ServerWebSocket, WebSocketHandler } from "bun";
import type { Clock } from "../clock/clock.ts";
import { AppError } from "../errors/errors.ts";
import { problemOf } from "../http/problem.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { State } from "../state/state.ts";
import { Admission } from "./admission.ts";
import { Coalescer } from "./coalescer.ts";
import { Connection } from "./connection.ts";
import { Crowd } from "./crowd.ts";
import { EventStream, StreamBoard } from "./event-stream.ts";
import { extrasOf, Ladder } from "./ladder.ts";
import { sendAway } from "./leaving.ts";
import { createOriginCheck } from "./origin.ts";
import { socketBytesMax } from "./transport.ts";

export { Connection } from "./connection.ts";

/**
 * Topics to sockets. Protocols register a path; whoever connects there follows topics, and what is
 * published to a topic is written once for all who follow it. Frames come in three kinds:
 *
 *   publish           everybody gets it, or learns that something was lost (`resync`)
 *   publishLatest     of one key only the last counts; slow readers get that once they caught up
 *   publishDroppable  dropped for slow readers, and for all when this process is short of time
 *
 * Between processes a channel carries lines to the others. It forgets what it carries when Redis is
 * away: protocols that must not miss anything look for themselves as well.
 */
export type RealtimeOptions = {
  socketsMax: number;
  socketAcceptsPerSecond: number;
  socketBufferBytesMax: number;
  socketSlowMsMax: number;
  socketOrigins: readonly string[];
  drainGraceMs: number;
  publicUrl: string;
  state: State;
  clock: Clock;
  metrics: Metrics;
};

/** Who may connect at a path, and what becomes of them. */
export type Protocol = {
  /** Exact: `/api/v1/chat/socket`. */
  path: string;
  connect(address: string): Connection;
};

/** To the other processes. */
export type Channel = { publish(line: string): void; end(): void };

/** Longest message of a client; a longer one ends the connection (1009). */
export const messageBytesMax = 256 * 1024;
/** Bun pings whoever is silent, and takes those for gone who do not answer. */
const idleSeconds = 120;
const windowMs = 5;
const checkMs = 1_000;

type Socket = ServerWebSocket<Connection>;

export class Realtime {
  private readonly options: RealtimeOptions;
  private readonly protocols = new Map<string, Protocol>();
  private readonly admission: Admission;
  private readonly ladder: Ladder;
  private readonly crowd = new Crowd();
  private readonly board = new StreamBoard();
  private readonly mayConnect: ReturnType<typeof createOriginCheck>;
  private readonly toTopics = new Coalescer(windowMs, (topic, text) => this.write(topic, text));
  private readonly toChannels: Coalescer;
  private readonly origin: string = crypto.randomUUID();
  private readonly counts;
  private server: Server<Connection> | null = null;
  private checking: ReturnType<typeof setInterval> | null = null;

  constructor(options: RealtimeOptions) {
    this.options = options;
    const { clock, metrics, state } = options;
    this.admission = new Admission({
      ...{ clock, connectionsMax: options.socketsMax },
      acceptsPerSecond: options.socketAcceptsPerSecond,
    });
    this.ladder = new Ladder({
      ...{ clock, metrics, bufferBytesMax: options.socketBufferBytesMax },
      slowMsMax: options.socketSlowMsMax,
      flush: (topic) => this.toTopics.flush(topic),
    });
    this.mayConnect = createOriginCheck(options.publicUrl, options.socketOrigins);
    this.toChannels = new Coalescer(windowMs, (channel, text) => {
      state.publish(channel, `${this.origin}\n${text}`);
    });
    this.counts = countsOf(metrics);
    metrics.gauge("stoa_sockets_open", "Connections open.", () => this.ladder.connections.size);
    for (const why of ["full", "rate", "unproved", "draining"] as const) {
      const help = "Connections that were refused.";
      const read = () => this.admission.refused[why];
      metrics.countedBy("stoa_sockets_refused_total", help, read, { why });
    }
  }

  register(protocol: Protocol): void {
    this.protocols.set(protocol.path, protocol);
  }

  serves(path: string): boolean {
    return this.protocols.has(path);
  }

  /** Short of time: what can wait should. */
  get isOverloaded(): boolean {
    return this.ladder.overloaded;
  }

  get size(): number {
    return this.ladder.connections.size;
  }

  publish(topic: string, frame: string): void {
    this.toTopics.add(topic, frame);
  }

  publishLatest(topic: string, key: string, frame: string): void {
    this.toTopics.add(extrasOf(topic), frame);
    if (this.ladder.slow.size > 0) this.ladder.owe(topic, key, frame);
  }

  publishDroppable(topic: string, frame: string): void {
    if (this.ladder.overloaded) return this.counts.shed.add();
    this.toTopics.add(extrasOf(topic), frame);
  }

  /** Writes what waits of a topic: before somebody follows who is not to hear it. */
  flush(topic: string): void {
    this.toTopics.flush(topic);
  }

  /** `heard` gets each line that another process published; never those of this one. */
  openChannel(name: string, heard: (line: string) => void): Channel {
    const { state } = this.options;
    const end = state.subscribe(name, (message) => {
      const cut = message.indexOf("\n");
      if (message.slice(0, cut) === this.origin) return;
      for (const line of message.slice(cut + 1).split("\n")) heard(line);
    });
    return {
      publish: (line) => void (state.shared && this.toChannels.add(name, line)),
      end,
    };
  }

  /** What Bun calls of each socket. */
  readonly handler: WebSocketHandler<Connection> = {
    maxPayloadLength: messageBytesMax,
    backpressureLimit: socketBytesMax,
    closeOnBackpressureLimit: true,
    idleTimeout: idleSeconds,
    open: (socket: Socket) => this.enter(socket.data, socket),
    message: (socket: Socket, message: string | Buffer) => {
      this.counts.received.add();
      socket.data.received(typeof message === "string" ? message : null);
    },
    drain: (socket: Socket) => this.ladder.drained(socket.data),
    close: (socket: Socket, code: number) => this.exit(socket.data, code),
  };

  /** The server whose sockets these are. */
  attach(server: Server<Connection>): void {
    this.server = server;
    this.ladder.start();
    this.checking ??= setInterval(() => this.check(), checkMs);
  }

  /** Null: it is a socket now. */
  upgrade(request: Request, path: string, address: string): Response | null {
    const requestId = crypto.randomUUID();
    try {
      this.requireUpgrade(request);
      const protocol = this.protocols.get(path) as Protocol;
      this.admission.admit(address, this.size);
      if (this.server?.upgrade(request, { data: protocol.connect(address) })) return null;
      throw new AppError("request.invalid", "The headers do not make a WebSocket handshake.");
    } catch (error) {
      const response = problemOf(error, requestId);
      if (response.status === 426) response.headers.set("upgrade", "websocket");
      return response;
    }
  }

  /** The same, over an event stream. Throws where a socket would be refused. */
  stream(connection: Connection, signal: AbortSignal): Response {
    this.admission.admit(connection.address, this.size);
    const stream: EventStream = new EventStream(this.board, {
      drained: () => this.ladder.drained(connection),
      closed: (code) => this.exit(connection, code),
    });
    signal.addEventListener("abort", () => stream.terminate(), { once: true });
    this.enter(connection, stream);
    return new Response(stream.body, {
      headers: {
        "content-type": "text/event-stream",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        // nginx would collect the events otherwise.
        "x-accel-buffering": "no",
      },
    });
  }

  /** The connection is somebody's now. */
  prove(connection: Connection): void {
    if (connection.proved) return;
    connection.proved = true;
    this.admission.settled(connection.address);
    connection.address = "";
  }

  /**
   * Tells everybody to go, spread over the grace, waits for them and for what they asked for, and
   * closes what is left. Returns how many had something unanswered.
   */
  async drain(deadline: AbortSignal): Promise<number> {
    this.admission.draining = true;
    await sendAway([...this.ladder.connections], { ...this.options, deadline });
    const cut = [...this.ladder.connections].filter((connection) => connection.isBusy()).length;
    for (const connection of this.ladder.connections) connection.transport?.terminate();
    this.stop();
    return cut;
  }

  private stop(): void {
    this.toTopics.stop();
    this.toChannels.stop();
    this.ladder.stop();
    if (this.checking !== null) clearInterval(this.checking);
    this.checking = null;
  }

  private write(topic: string, text: string): void {
    this.counts.published.add();
    this.server?.publish(topic, text);
    this.board.publish(topic, text);
    this.ladder.wrote(text.length);
  }

  private enter(connection: Connection, transport: Connection["transport"]): void {
    connection.transport = transport;
    this.ladder.add(connection);
    this.crowd.note();
    this.admission.entered(connection.address);
    connection.opened();
  }

  private exit(connection: Connection, code: number): void {
    if (connection.transport === null) return;
    this.ladder.remove(connection);
    this.crowd.note();
    if (!connection.proved) this.admission.settled(connection.address);
    connection.closed(code);
    connection.transport = null;
  }

  private check(): void {
    const now = this.options.clock.monotonic();
    for (const connection of this.ladder.connections) connection.check(now);
    this.crowd.turn();
  }

  private requireUpgrade(request: Request): void {
    const { headers, method } = request;
    const wanted = headers.get("upgrade")?.toLowerCase() === "websocket";
    if (method !== "GET" || !wanted || this.server === null) {
      throw new AppError("realtime.upgrade_needed", "This path opens WebSockets.");
    }
    if (this.mayConnect(headers.get("origin"), headers.get("host"))) return;
    this.counts.foreign.add();
    const message = "Origin: pages of this origin may not connect; STOA_SOCKET_ORIGINS lists more.";
    throw new AppError("realtime.origin_refused", message);
  }
}

function countsOf(metrics: Metrics) {
  return {
    published: metrics.counter("stoa_socket_publishes_total", "Messages published to topics."),
    received: metrics.counter("stoa_socket_messages_total", "Messages that clients sent."),
    shed: metrics.counter("stoa_socket_shed_total", "Frames dropped for want of time."),
    foreign: metrics.counter("stoa_sockets_foreign_total", "Upgrades that a foreign page asked."),
  };
}
