import type { Socket } from "bun";

/**
 * WebSocket clients on bare TCP that count what they are sent without reading it: a load that
 * parses JSON measures itself. Of each message only its length and one character are looked at, by
 * which kinds of frames can be told apart.
 */
const kindAt = 9;
const peekBytes = 12;

/** By the character at `kindAt`: how many messages, and how many bytes of payload. */
export class Tally {
  readonly messages = new Float64Array(256);
  readonly bytes = new Float64Array(256);

  messagesOf(kind: string): number {
    return this.messages[kind.charCodeAt(0)] as number;
  }

  bytesOf(kind: string): number {
    return this.bytes[kind.charCodeAt(0)] as number;
  }
}

export type WireOptions = {
  port: number;
  path: string;
  tally: Tally;
  /** Called with the kind of each message. */
  noticed?: (kind: string) => void;
  /** Where it reads messages after all, until it is told not to. */
  read?: (text: string) => void;
  closed?: () => void;
};

export class Refused extends Error {
  readonly retryAfterMs: number;
  constructor(head: string) {
    super(head.split("\r\n", 1)[0]);
    this.retryAfterMs = Number(/retry-after: (\d+)/i.exec(head)?.[1] ?? 1) * 1_000;
  }
}

export class Wire {
  isOpen = false;
  read: ((text: string) => void) | null;
  private readonly options: WireOptions;
  private readonly opened = Promise.withResolvers<void>();
  private socket: Socket<Wire> | null = null;
  private rest: Buffer | null = null;
  private skip = 0;
  private unsent: Buffer | null = null;

  private constructor(options: WireOptions) {
    this.options = options;
    this.read = options.read ?? null;
  }

  /** Throws `Refused` where there is an answer other than the upgrade. */
  static async open(options: WireOptions): Promise<Wire> {
    const wire = new Wire(options);
    const { port, path } = options;
    const at = { hostname: "127.0.0.1", port };
    wire.socket = await Bun.connect<Wire>({ ...at, socket: handlers, data: wire });
    wire.socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\n` +
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    await wire.opened.promise;
    return wire;
  }

  send(text: string): void {
    this.write(frameOf(Buffer.from(text), 0x81));
  }

  /** Without a word, as a lost network. */
  drop(): void {
    this.socket?.terminate();
  }

  flush(): void {
    const { unsent } = this;
    this.unsent = null;
    if (unsent) this.write(unsent);
  }

  took(chunk: Buffer): void {
    const bytes = this.rest ? Buffer.concat([this.rest, chunk]) : chunk;
    this.rest = null;
    if (this.isOpen) this.parse(bytes);
    else this.greeted(bytes);
  }

  ended(): void {
    this.opened.reject(new Error("the connection ended"));
    if (this.isOpen) this.options.closed?.();
    this.isOpen = false;
    this.socket = null;
  }

  private write(bytes: Buffer): void {
    if (this.unsent) {
      this.unsent = Buffer.concat([this.unsent, bytes]);
      return;
    }
    const written = this.socket?.write(bytes) ?? bytes.length;
    if (written < bytes.length) this.unsent = bytes.subarray(Math.max(0, written));
  }

  private greeted(bytes: Buffer): void {
    const end = bytes.indexOf("\r\n\r\n");
    if (end < 0) {
      this.rest = Buffer.from(bytes);
      return;
    }
    const head = bytes.toString("latin1", 0, end);
    if (!head.startsWith("HTTP/1.1 101")) {
      this.opened.reject(new Refused(head));
      return this.drop();
    }
    this.isOpen = true;
    this.opened.resolve();
    this.parse(bytes.subarray(end + 4));
  }

  private parse(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.skip > 0) {
        const passed = Math.min(this.skip, bytes.length - at);
        at += passed;
        this.skip -= passed;
        continue;
      }
      const head = headAt(bytes, at);
      const wanted = this.read ? (head?.length ?? 0) : Math.min(head?.length ?? 0, peekBytes);
      if (head === null || bytes.length < head.start + wanted) {
        this.rest = Buffer.from(bytes.subarray(at));
        return;
      }
      this.look(bytes, head);
      at = head.start;
      this.skip = head.length;
    }
  }

  private look(bytes: Buffer, { opcode, start, length }: Head): void {
    if (opcode === 9) return this.write(frameOf(Buffer.alloc(0), 0x8a));
    if (opcode !== 1) return;
    const { tally, noticed } = this.options;
    const kind = length > kindAt ? (bytes[start + kindAt] as number) : 0;
    tally.messages[kind] = (tally.messages[kind] as number) + 1;
    tally.bytes[kind] = (tally.bytes[kind] as number) + length;
    noticed?.(String.fromCharCode(kind));
    // Socket.IO asks by a message of its own whether one is still there.
    if (length === 1 && bytes[start] === 0x32) this.send("3");
    this.read?.(bytes.toString("utf8", start, start + length));
  }
}

type Head = { opcode: number; start: number; length: number };

function headAt(bytes: Buffer, at: number): Head | null {
  if (bytes.length < at + 2) return null;
  const short = (bytes[at + 1] as number) & 0x7f;
  const start = at + (short === 127 ? 10 : short === 126 ? 4 : 2);
  if (bytes.length < start) return null;
  const opcode = (bytes[at] as number) & 0x0f;
  if (short < 126) return { opcode, start, length: short };
  const length = short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
  return { opcode, start, length };
}

/** With a mask of zeros, which leaves the bytes as they are. */
function frameOf(payload: Buffer, first: number): Buffer {
  const { length } = payload;
  const head =
    length < 126
      ? [first, 0x80 | length]
      : length < 65_536
        ? [first, 0xfe, length >> 8, length & 0xff]
        : [
            first,
            0xff,
            0,
            0,
            0,
            0,
            length >>> 24,
            (length >> 16) & 0xff,
            (length >> 8) & 0xff,
            length & 0xff,
          ];
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), payload]);
}

const handlers = {
  data: (socket: Socket<Wire>, chunk: Buffer) => socket.data.took(chunk),
  drain: (socket: Socket<Wire>) => socket.data.flush(),
  close: (socket: Socket<Wire>) => socket.data.ended(),
  error: (socket: Socket<Wire>) => socket.data.ended(),
};

/** So many at once; each waits its turn. */
export async function inTurn<T>(
  count: number,
  atOnce: number,
  work: (n: number) => Promise<T>,
): Promise<T[]> {
  const out: T[] = [];
  let next = 0;
  const worker = async () => {
    for (let n = next++; n < count; n = next++) out[n] = await work(n);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, worker));
  return out;
}
