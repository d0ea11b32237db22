import type { Socket } from "bun";

/**
 * Hands the rest of a connection, byte for byte, to the server that parses all of HTTP. Nothing in
 * it is looked at, so the two cannot disagree about where a request ends. What one side does not
 * take in time is kept, and above a limit the other side is not read any further.
 */
export type End = {
  socket: Socket<End> | null;
  /** The other end of the same tunnel. */
  far: End;
  unsent: Uint8Array[];
  unsentBytes: number;
  /** Nothing more will come: close once all is sent. */
  ended: boolean;
};

const unsentBytesMax = 256 * 1024;
const unavailable =
  "HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\n" +
  "connection: close\r\n\r\n";

/** Where tunnels lead. */
export type Upstream = {
  host: string;
  port: number;
  /** The clients' addresses, by the port that their tunnel comes from. */
  visitors: Map<number, string>;
};

/**
 * Opens one. `first` is what `client` has sent so far that nobody has answered. The caller passes
 * the client's events on to `receive`, `flush` and `close`.
 */
export function openTunnel(
  client: Socket<unknown>,
  options: { upstream: Upstream; address: string; first: Uint8Array },
): End {
  const { upstream, address, first } = options;
  const { visitors } = upstream;
  const near = { socket: client, unsent: [], unsentBytes: 0, ended: false } as unknown as End;
  const far: End = { socket: null, far: near, unsent: [], unsentBytes: 0, ended: false };
  near.far = far;
  send(far, first);
  pause(near);
  let localPort = -1;
  const connected = Bun.connect<End>({
    ...{ hostname: upstream.host, port: upstream.port, data: far },
    socket: {
      open(socket) {
        localPort = socket.localPort;
        visitors.set(localPort, address);
        far.socket = socket;
        flush(far);
      },
      data: (_, bytes) => send(near, bytes),
      drain: () => flush(far),
      close() {
        visitors.delete(localPort);
        close(far);
      },
    },
  });
  connected.catch(() => {
    near.socket?.end(unavailable);
    near.socket = null;
  });
  return near;
}

/** What the client has sent. */
export function receive(near: End, bytes: Uint8Array): void {
  send(near.far, bytes);
}

/** Its socket takes more. */
export function flush(end: End): void {
  const { socket } = end;
  if (!socket) return;
  while (end.unsent.length > 0) {
    const next = end.unsent[0] as Uint8Array;
    const written = Math.max(0, socket.write(next));
    end.unsentBytes -= written;
    if (written < next.length) {
      end.unsent[0] = next.subarray(written);
      return;
    }
    end.unsent.shift();
  }
  if (end.ended) socket.end();
  else resume(end.far);
}

/** Its socket is gone; the other one closes when all that came is sent. */
export function close(end: End): void {
  end.socket = null;
  end.far.ended = true;
  flush(end.far);
}

function send(end: End, bytes: Uint8Array): void {
  if (end.ended) return;
  const idle = end.unsent.length === 0;
  const written = idle && end.socket ? Math.max(0, end.socket.write(bytes)) : 0;
  if (written === bytes.length) return;
  end.unsent.push(bytes.slice(written));
  end.unsentBytes += bytes.length - written;
  if (end.unsentBytes > unsentBytesMax) pause(end.far);
}

function pause(end: End): void {
  end.socket?.pause();
}

function resume(end: End): void {
  end.socket?.resume();
}
