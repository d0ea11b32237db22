import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from "node:http2";
import { connect as connectTcp } from "node:net";
import { systemClock } from "../../platform/clock/clock.ts";
import { silentLog } from "../../platform/log/log.ts";
import { GrpcError, grpcStatus, messageBytesMax, type GrpcMethod } from "./grpc-call.ts";
import { listenForGrpc, type GrpcServer } from "./grpc-server.ts";

/** By a client that sends the very bytes and frames that a test says. */
let server: GrpcServer;
let session: ClientHttp2Session;
let release = Promise.withResolvers<void>();
const methods = new Map<string, GrpcMethod>([
  ["/t.T/Echo", (message) => message],
  ["/t.T/Later", (message) => release.promise.then(() => message)],
  [
    "/t.T/Refuse",
    () => {
      throw new GrpcError("invalid_argument", "100 % ünfit");
    },
  ],
  ["/t.T/Break", () => Promise.reject(new Error("a secret"))],
]);

function listen(port = 0, shared = false): Promise<GrpcServer> {
  const from = { host: "127.0.0.1", log: silentLog, clock: systemClock };
  return listenForGrpc({ ...from, port, shared, tls: null, methods });
}

beforeEach(async () => {
  release = Promise.withResolvers();
  server = await listen();
  session = connect(`http://127.0.0.1:${server.port}`);
  session.on("error", () => {});
});
afterEach(async () => {
  session.destroy();
  await server.stop(AbortSignal.timeout(0));
});

type Headers = IncomingHttpHeaders & { ":status"?: number };
type Answer = { headers: Headers; message: string; status: number };

function open(path: string, headers: Record<string, string> = {}) {
  const stream = session.request({
    ...{ ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" },
    ...headers,
  });
  const answer = new Promise<Answer>((resolve) => {
    let first: Headers = {};
    let last: IncomingHttpHeaders = {};
    const pieces: Buffer[] = [];
    stream.on("response", (given) => (first = given));
    stream.on("trailers", (given) => (last = given));
    stream.on("data", (piece: Buffer) => pieces.push(piece));
    stream.on("error", () => {});
    stream.on("close", () => {
      const status = Number(last["grpc-status"] ?? first["grpc-status"] ?? -1);
      const message = Buffer.concat(pieces).subarray(5).toString();
      resolve({ headers: first, message, status });
    });
  });
  return { stream, answer };
}

function call(path: string, body: Buffer, headers: Record<string, string> = {}): Promise<Answer> {
  const { stream, answer } = open(path, headers);
  stream.end(body);
  return answer;
}

function framed(text: string, { flag = 0, length = Buffer.byteLength(text) } = {}): Buffer {
  const prefix = Buffer.alloc(5, flag);
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, Buffer.from(text)]);
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await Bun.sleep(1);
}

async function stillAnswers(): Promise<void> {
  expect(await call("/t.T/Echo", framed("well"))).toMatchObject({ status: 0, message: "well" });
  await until(() => server.inFlight() === 0);
  expect(server.heldBytes()).toBe(0);
}

describe("a call", () => {
  test("is answered with its status behind the message", async () => {
    const { headers, message, status } = await call("/t.T/Echo", framed("hello"));
    expect(headers).toMatchObject({ ":status": 200, "content-type": "application/grpc" });
    expect(headers["grpc-status"]).toBeUndefined();
    expect({ message, status }).toEqual({ message: "hello", status: 0 });
  });

  test("may be one of hundreds on a connection", async () => {
    const texts = Array.from({ length: 900 }, (_, i) => `number ${i}`);
    const answers = await Promise.all(texts.map((text) => call("/t.T/Echo", framed(text))));
    expect(answers.map(({ message }) => message)).toEqual(texts);
    await stillAnswers();
  });

  test.each([
    ["without a message", Buffer.alloc(0), "invalid_argument"],
    ["with less than a frame", Buffer.from("abc"), "invalid_argument"],
    ["with less than its frame says", framed("abc", { length: 4 }), "invalid_argument"],
    ["with more than its frame says", framed("abc", { length: 2 }), "invalid_argument"],
    ["of two messages", Buffer.concat([framed("a"), framed("b")]), "invalid_argument"],
    ["that is compressed", framed("abc", { flag: 1 }), "unimplemented"],
  ] as const)("%s is refused", async (_, body, expected) => {
    expect((await call("/t.T/Echo", body)).status).toBe(grpcStatus[expected]);
    await stillAnswers();
  });

  test("says why it failed, but nothing of what nobody thought of", async () => {
    const refused = await call("/t.T/Refuse", framed(""));
    expect(refused.status).toBe(grpcStatus.invalid_argument);
    expect(decodeURIComponent(String(refused.headers["grpc-message"]))).toBe("100 % ünfit");
    const broken = await call("/t.T/Break", framed(""));
    expect(broken.status).toBe(grpcStatus.internal);
    expect(JSON.stringify(broken.headers)).not.toContain("secret");
  });

  test("to nowhere, or of another kind, is told so", async () => {
    expect((await call("/t.T/Other", framed(""))).status).toBe(grpcStatus.unimplemented);
    const json = { "content-type": "application/json" };
    expect((await call("/t.T/Echo", framed(""), json)).headers[":status"]).toBe(415);
    const get = open("/t.T/Echo", { ":method": "GET" });
    get.stream.end();
    expect((await get.answer).headers[":status"]).toBe(415);
  });

  test("with too much is cut off before it is all there", async () => {
    const { stream, answer } = open("/t.T/Echo");
    const piece = Buffer.alloc(64 * 1024);
    stream.write(framed("", { length: messageBytesMax * 2 }));
    const most = (messageBytesMax / piece.length) * 20;
    let sent = 0;
    for (; sent < most && !stream.closed; sent++) {
      await new Promise((resolve) => {
        stream.write(piece, resolve);
      });
    }
    expect(sent).toBeLessThan(most);
    expect((await answer).status).toBe(grpcStatus.resource_exhausted);
    await stillAnswers();
  }, 60_000);

  test("that does not come ends with its own deadline", async () => {
    const { stream, answer } = open("/t.T/Echo", { "grpc-timeout": "30m" });
    stream.write("ab");
    expect((await answer).status).toBe(grpcStatus.deadline_exceeded);
    const late = await call("/t.T/Later", framed(""), { "grpc-timeout": "30000u" });
    expect(late.status).toBe(grpcStatus.deadline_exceeded);
    release.resolve();
    await stillAnswers();
  });

  test("that goes away leaves nothing behind", async () => {
    const gone = Array.from({ length: 200 }, (_, i) => {
      const { stream, answer } = open(i % 2 ? "/t.T/Later" : "/t.T/Echo");
      stream.write(framed("abc", { length: i % 3 ? 3 : 9 }));
      if (i % 5 === 0) stream.end();
      return { stream, answer };
    });
    await until(() => server.inFlight() > 100);
    for (const { stream } of gone) stream.close(8);
    await Promise.all(gone.map(({ answer }) => answer));
    await until(() => server.inFlight() === 0);
    release.resolve();
    await stillAnswers();
  });

  test("ends with its connection", async () => {
    open("/t.T/Later").stream.end(framed("abc"));
    await until(() => server.inFlight() === 1);
    session.destroy();
    await until(() => server.inFlight() === 0 && server.connections() === 0);
    release.resolve();
    session = connect(`http://127.0.0.1:${server.port}`);
    await stillAnswers();
  });
});

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const settings = "\0\0\0\x04\0\0\0\0\0";

test.each([
  ["HTTP/1.1", "GET / HTTP/1.1\r\nhost: x\r\n\r\n"],
  ["noise", "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"],
  ["noise after the preface", preface + "\xff".repeat(64)],
  ["headers that are none", `${preface}${settings}\0\0\x04\x01\x04\0\0\0\x01\xff\xff\xff\xff`],
  ["a frame that is too large", `${preface}${settings}\xff\xff\xff\0\0\0\0\0\x01`],
])("a connection with %s ends, and no other", async (_, text) => {
  const socket = connectTcp(server.port, "127.0.0.1");
  const closed = new Promise((resolve) => socket.on("close", resolve));
  socket.on("error", () => {});
  socket.resume();
  socket.write(Buffer.from(text, "latin1"));
  await closed;
  await stillAnswers();
});

test("all that is coming on all connections is bounded", async () => {
  // Each holds almost a whole message and never ends it.
  const almost = Buffer.alloc(messageBytesMax);
  const calls = Array.from({ length: 80 }, () => open("/t.T/Echo"));
  for (const { stream } of calls) stream.write(almost);
  const refused = await Promise.race(calls.map(({ answer }) => answer));
  expect(refused.status).toBe(grpcStatus.resource_exhausted);
  session.destroy();
  session = connect(`http://127.0.0.1:${server.port}`);
  await until(() => server.connections() === 1);
  await stillAnswers();
}, 60_000);

test("a stop answers what came and takes nothing new", async () => {
  const { stream, answer } = open("/t.T/Later");
  stream.end(framed("in time"));
  await until(() => server.inFlight() === 1);
  const stopped = server.stop(AbortSignal.timeout(30_000));
  await new Promise((resolve) => session.on("goaway", resolve));
  release.resolve();
  expect(await answer).toMatchObject({ status: 0, message: "in time" });
  await stopped;
  expect(server.connections()).toBe(0);
});

test("a stop ends at its deadline what does not end", async () => {
  const { stream, answer } = open("/t.T/Later");
  stream.end(framed("never"));
  await until(() => server.inFlight() === 1);
  await server.stop(AbortSignal.timeout(300));
  expect((await answer).status).not.toBe(0);
});

test("a port is shared only where that is wanted", async () => {
  expect(listen(server.port)).rejects.toThrow();
  const first = await listen(0, true);
  const second = await listen(first.port, true);
  expect(second.port).toBe(first.port);
  await Promise.all([first, second].map((one) => one.stop(AbortSignal.timeout(0))));
});
