import { connect, type Socket } from "node:net";

/**
 * A WebSocket client on bare TCP, which can stop reading: then the kernel's buffers fill up, and
 * after them the server's. It understands whole unmasked text frames and the closing one.
 */
export type StalledClient = {
  /** Text messages read so far. */
  messages: string[];
  /** The code of the closing frame, once it was read. */
  closeCode(): number | null;
  /** Whether the connection has ended, however it did. */
  ended(): boolean;
  stall(): void;
  read(): void;
  send(text: string): void;
  destroy(): void;
};

export async function openStalled(
  port: number,
  path: string,
  headers: Record<string, string> = {},
): Promise<StalledClient> {
  const socket = connect({ host: "127.0.0.1", port });
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\n` +
      "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${lines.join("")}\r\n`,
  );
  return await new Promise((resolve, reject) => {
    socket.once("error", reject);
    let head = Buffer.alloc(0);
    const onHead = (chunk: Buffer) => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      socket.off("data", onHead);
      if (!head.toString("latin1").startsWith("HTTP/1.1 101")) {
        return reject(new Error(head.toString("latin1")));
      }
      resolve(clientOn(socket, head.subarray(end + 4)));
    };
    socket.on("data", onHead);
  });
}

function clientOn(socket: Socket, first: Buffer): StalledClient {
  let unread = first;
  let code: number | null = null;
  let over = false;
  const messages: string[] = [];
  const parse = () => {
    for (let frame = frameOf(unread); frame !== null; frame = frameOf(unread)) {
      unread = unread.subarray(frame.end);
      if (frame.opcode === 1) messages.push(frame.payload.toString());
      if (frame.opcode === 8) code = frame.payload.readUInt16BE(0);
    }
  };
  socket.on("data", (chunk: Buffer) => {
    unread = Buffer.concat([unread, chunk]);
    parse();
  });
  socket.on("close", () => (over = true));
  socket.on("error", () => (over = true));
  parse();
  return {
    messages,
    closeCode: () => code,
    ended: () => over,
    stall: () => void socket.pause(),
    read: () => void socket.resume(),
    send: (text) => void socket.write(masked(text)),
    destroy: () => void socket.destroy(),
  };
}

function frameOf(bytes: Buffer): { opcode: number; payload: Buffer; end: number } | null {
  if (bytes.length < 2) return null;
  const short = (bytes[1] as number) & 0x7f;
  const start = short === 127 ? 10 : short === 126 ? 4 : 2;
  if (bytes.length < start) return null;
  const length =
    short === 127
      ? Number(bytes.readBigUInt64BE(2))
      : short === 126
        ? bytes.readUInt16BE(2)
        : short;
  const end = start + length;
  if (bytes.length < end) return null;
  return { opcode: (bytes[0] as number) & 0x0f, payload: bytes.subarray(start, end), end };
}

/** With a mask of zeros, as clients must send one. */
function masked(text: string): Buffer {
  const payload = Buffer.from(text);
  const head =
    payload.length < 126
      ? Buffer.from([0x81, 0x80 | payload.length])
      : Buffer.from([0x81, 0xfe, payload.length >> 8, payload.length & 0xff]);
  return Buffer.concat([head, Buffer.alloc(4), payload]);
}
