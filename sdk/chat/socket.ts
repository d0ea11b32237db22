import type { StoaOptions } from "../transport.ts";
import type { ClientFrame, ServerFrame } from "./frames.ts";

/** A connection to the server, whatever carries it. */
export interface Carrier {
  send(frame: ClientFrame): void;
  close(): void;
}

/** What a carrier tells. Nothing follows `closed`. */
export type Heard = {
  opened(): void;
  received(frame: ServerFrame): void;
  closed(code: number, reason: string, retryAfterMs?: number): void;
};

export type Credentials = Pick<StoaOptions, "apiKey" | "getToken">;

const notSignedIn = 4401;
const broken = 1006;

/**
 * A WebSocket. The token goes into the first frame and never into the address, which ends up in
 * logs. Each message is one frame or more, one a line.
 */
export function openSocket(
  url: string,
  credentials: Credentials & { refresh: boolean },
  heard: Heard,
  make: (url: string) => WebSocket,
): Carrier {
  let socket: WebSocket | null = null;
  let done = false;
  let token: string | null = null;
  const end = (code: number, reason: string) => {
    if (done) return;
    done = true;
    heard.closed(code, reason);
  };
  const connect = async () => {
    token = await tokenOf(credentials);
    if (done) return;
    if (token === null) return end(notSignedIn, "There is no token.");
    socket = make(url);
    socket.addEventListener("open", () => done || heard.opened());
    socket.addEventListener("message", ({ data }) => {
      for (const frame of framesOf(String(data))) if (!done) heard.received(frame);
    });
    // After an `error` as well.
    socket.addEventListener("close", ({ code, reason }) => end(code, reason));
  };
  connect().catch((error: unknown) => end(broken, messageOf(error)));
  return {
    send(frame) {
      if (done || socket?.readyState !== 1) return;
      socket.send(JSON.stringify(frame.type === "hello" ? { ...frame, token } : frame));
    },
    close() {
      done = true;
      socket?.close();
    },
  };
}

async function tokenOf(credentials: Credentials & { refresh: boolean }): Promise<string | null> {
  const { apiKey, getToken, refresh } = credentials;
  return apiKey || (await getToken?.({ refresh })) || null;
}

/** What is no frame of this version is passed over. */
export function framesOf(text: string): ServerFrame[] {
  const frames: ServerFrame[] = [];
  for (const line of text.split("\n")) {
    try {
      const frame = JSON.parse(line) as ServerFrame | null;
      if (typeof frame?.type === "string") frames.push(frame);
    } catch {
      continue;
    }
  }
  return frames;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
