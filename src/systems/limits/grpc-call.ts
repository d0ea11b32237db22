import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { Log } from "../../platform/log/log.ts";

/**
 * One call of gRPC with one message each way: five bytes before each message and a status after
 * it. A caller that goes away, stalls, sends too much or what is no message ends this call only.
 * Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
export const grpcStatus = {
  invalid_argument: 3,
  deadline_exceeded: 4,
  not_found: 5,
  permission_denied: 7,
  resource_exhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;
type StatusName = keyof typeof grpcStatus;

/** Why a call has no answer; anything else that is thrown is internal, and its text stays here. */
export class GrpcError extends Error {
  readonly status: StatusName;

  constructor(status: StatusName, message: string) {
    super(message);
    this.name = "GrpcError";
    this.status = status;
  }
}

export type GrpcCaller = { headers: IncomingHttpHeaders; address: string };
type Soon<T> = T | Promise<T>;
export type GrpcMethod = (message: Uint8Array, caller: GrpcCaller) => Soon<Uint8Array>;

/** Above what a proxy lets through in headers, which end up in messages more than once. */
export const messageBytesMax = 1024 * 1024;
/** Of all messages that are still coming, on all connections. */
const heldBytesMax = 64 * 1024 * 1024;
/** However long the caller would wait. */
const callMsMax = 10_000;
const prefixBytes = 5;
const noError = 0;

type CallOptions = {
  stream: ServerHttp2Stream;
  headers: IncomingHttpHeaders;
  method: GrpcMethod | undefined;
  log: Log;
  held: Held;
};

/** What messages that are not whole yet take up together. */
export type Held = { bytes: number };

export class Call {
  private readonly options: CallOptions;
  private readonly pieces: Uint8Array[] = [];
  private bytes = 0;
  private answered = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: CallOptions) {
    this.options = options;
  }

  start(): void {
    const { stream, headers, method, log } = this.options;
    stream.on("error", (error) => log.debug("a gRPC call failed", { error }));
    stream.on("close", () => this.end());
    if (headers[":method"] !== "POST" || !isGrpc(headers)) {
      this.end();
      return stream.respond({ ":status": 415 }, { endStream: true });
    }
    if (!method) return this.fail("unimplemented", "There is no such method here.");
    const late = () => this.fail("deadline_exceeded", "It took too long.");
    this.timer = setTimeout(late, Math.min(callMsMax, timeoutOf(headers)));
    stream.on("data", (piece: Uint8Array) => this.receive(piece));
    stream.on("end", () => this.run(method));
  }

  private receive(piece: Uint8Array): void {
    if (this.answered) return;
    const { held } = this.options;
    this.bytes += piece.length;
    held.bytes += piece.length;
    this.pieces.push(piece);
    if (this.bytes > messageBytesMax + prefixBytes) {
      this.fail("resource_exhausted", `A message has ${messageBytesMax} bytes at most.`);
    } else if (held.bytes > heldBytesMax) {
      this.fail("resource_exhausted", "Too much is coming at once.");
    }
  }

  private run(method: GrpcMethod): void {
    if (this.answered) return;
    const { stream, headers } = this.options;
    const failed = (error: unknown) => this.failBecause(error);
    try {
      const address = stream.session?.socket.remoteAddress ?? "";
      const answer = method(messageIn(Buffer.concat(this.pieces)), { headers, address });
      if (answer instanceof Promise) {
        answer.then((message) => this.reply(message)).catch(failed);
      } else this.reply(answer);
    } catch (error) {
      failed(error);
    }
  }

  private reply(message: Uint8Array): void {
    if (!this.end()) return;
    const { stream } = this.options;
    const framed = Buffer.allocUnsafe(prefixBytes + message.length);
    framed[0] = 0;
    framed.writeUInt32BE(message.length, 1);
    framed.set(message, prefixBytes);
    stream.respond(
      { ":status": 200, "content-type": "application/grpc" },
      { waitForTrailers: true },
    );
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(framed);
  }

  private failBecause(error: unknown): void {
    if (error instanceof GrpcError) return this.fail(error.status, error.message);
    this.options.log.error("a gRPC call failed", { error });
    this.fail("internal", "Something went wrong here.");
  }

  private fail(status: StatusName, message: string): void {
    if (!this.end()) return;
    const { stream } = this.options;
    stream.respond(
      {
        ...{ ":status": 200, "content-type": "application/grpc" },
        "grpc-status": String(grpcStatus[status]),
        "grpc-message": encodeURIComponent(message).replaceAll("%20", " "),
        "grpc-accept-encoding": "identity",
      },
      { endStream: true },
    );
    // Whatever is still being sent is not wanted.
    if (!stream.readableEnded) stream.close(noError);
  }

  /** False when it was answered before, or there is nobody to answer. */
  private end(): boolean {
    clearTimeout(this.timer);
    if (this.answered) return false;
    this.answered = true;
    this.options.held.bytes -= this.bytes;
    const { stream } = this.options;
    return !stream.destroyed && !stream.closed;
  }
}

function isGrpc(headers: IncomingHttpHeaders): boolean {
  return /^application\/grpc(?:[+;]|$)/.test(headers["content-type"] ?? "");
}

/** The only message of a call, out of its frame. */
function messageIn(body: Buffer): Uint8Array {
  if (body.length < prefixBytes) throw new GrpcError("invalid_argument", "The message is missing.");
  if (body[0] !== 0) throw new GrpcError("unimplemented", "Messages must not be compressed.");
  if (body.readUInt32BE(1) !== body.length - prefixBytes) {
    throw new GrpcError("invalid_argument", "A call has exactly one whole message.");
  }
  return body.subarray(prefixBytes);
}

const unitMs: Record<string, number> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

function timeoutOf(headers: IncomingHttpHeaders): number {
  const given = /^(\d{1,8})([HMSmun])$/.exec(String(headers["grpc-timeout"] ?? ""));
  return given ? Number(given[1]) * (unitMs[given[2] as string] as number) : Infinity;
}
