import { connect, type Socket } from "node:net";

/**
 * One keep-alive HTTP/1.1 connection, one request at a time. `fetch` sends a request again by
 * itself when a kept connection turns out to be dead, and then nobody knows how often Stoa saw
 * it; this says exactly whether a request was sent and whether it was answered.
 */
export type Answer = {
  status: number;
  headers: Map<string, string>;
  body: string;
};

export class NoAnswer extends Error {
  /** False when not a byte of the request left this process. */
  readonly sent: boolean;
  constructor(message: string, sent: boolean) {
    super(message);
    this.sent = sent;
  }
}

export type Ask = {
  method?: string;
  path: string;
  headers?: Record<string, string>;
  body?: string;
  timeoutMs?: number;
};

const connectTimeoutMs = 2_000;
const timeoutDefaultMs = 20_000;

export class Line {
  private readonly port: number;
  private readonly from: string | undefined;
  private socket: Socket | null = null;
  private received: Buffer = Buffer.alloc(0);
  private wake = () => {};
  private ended = false;

  /** `from` is an address of this machine to speak from. */
  constructor(port: number, from?: string) {
    this.port = port;
    this.from = from;
  }

  /** Of this end of the connection; 0 while there is none. */
  get localPort(): number {
    return this.socket?.localPort ?? 0;
  }

  async ask(ask: Ask): Promise<Answer> {
    const socket = this.socket ?? (await this.open());
    const { method = "GET", path, body = "", headers = {} } = ask;
    const lines = [`${method} ${path} HTTP/1.1`, `host: 127.0.0.1:${this.port}`];
    for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
    if (body !== "") lines.push("content-type: application/json");
    if (body !== "" || method !== "GET") lines.push(`content-length: ${Buffer.byteLength(body)}`);
    socket.write(`${lines.join("\r\n")}\r\n\r\n${body}`);
    try {
      const deadline = performance.now() + (ask.timeoutMs ?? timeoutDefaultMs);
      const answer = await this.answer(method, deadline);
      if (answer.headers.get("connection") === "close") this.close();
      return answer;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    this.socket?.destroy();
    this.socket = null;
    this.received = Buffer.alloc(0);
  }

  private async open(): Promise<Socket> {
    const to = { port: this.port, host: "127.0.0.1", noDelay: true };
    const socket = connect({ ...to, ...(this.from && { localAddress: this.from }) });
    const connected = Promise.withResolvers<void>();
    const timer = setTimeout(() => socket.destroy(), connectTimeoutMs);
    this.ended = false;
    this.received = Buffer.alloc(0);
    socket.on("connect", () => connected.resolve());
    socket.on("data", (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.wake();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      if (this.socket === socket) {
        this.ended = true;
        this.socket = null;
      }
      connected.reject(new NoAnswer("no connection", false));
      this.wake();
    });
    try {
      await connected.promise;
    } finally {
      clearTimeout(timer);
    }
    this.socket = socket;
    return socket;
  }

  private async answer(method: string, deadline: number): Promise<Answer> {
    const end = await this.need(() => this.received.indexOf("\r\n\r\n"), deadline);
    const [first = "", ...lines] = this.received.subarray(0, end).toString("latin1").split("\r\n");
    const headers = new Map<string, string>();
    for (const line of lines) {
      const colon = line.indexOf(":");
      headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
    }
    const status = Number(first.split(" ")[1]);
    this.received = this.received.subarray(end + 4);
    const bodyless = method === "HEAD" || status === 204 || status === 304;
    if (bodyless) return { status, headers, body: "" };
    if (headers.get("transfer-encoding") === "chunked") {
      return { status, headers, body: await this.chunks(deadline) };
    }
    const length = Number(headers.get("content-length") ?? 0);
    return { status, headers, body: await this.take(length, deadline) };
  }

  private async chunks(deadline: number): Promise<string> {
    let body = "";
    for (;;) {
      const end = await this.need(() => this.received.indexOf("\r\n"), deadline);
      const size = Number.parseInt(this.received.subarray(0, end).toString("latin1"), 16);
      this.received = this.received.subarray(end + 2);
      body += await this.take(size, deadline);
      await this.take(2, deadline);
      if (size === 0) return body;
    }
  }

  private async take(length: number, deadline: number): Promise<string> {
    await this.need(() => (this.received.length >= length ? length : -1), deadline);
    const taken = this.received.subarray(0, length).toString("utf8");
    this.received = this.received.subarray(length);
    return taken;
  }

  /** Waits for bytes until `find` finds what it looks for. */
  private async need(find: () => number, deadline: number): Promise<number> {
    for (;;) {
      const found = find();
      if (found >= 0) return found;
      if (this.ended || this.socket === null) {
        throw new NoAnswer("the connection ended", true);
      }
      const left = deadline - performance.now();
      if (left <= 0) throw new NoAnswer("no answer in time", true);
      const woken = Promise.withResolvers<void>();
      const timer = setTimeout(() => woken.resolve(), left);
      this.wake = () => woken.resolve();
      await woken.promise;
      clearTimeout(timer);
    }
  }
}
