import type { Caller } from "../api.ts";
import { StoaError } from "../errors.ts";
import { parseEvents } from "../events.ts";
import type { ClientFrame, ServerFrame } from "./frames.ts";
import { framesOf, messageOf, type Carrier, type Heard } from "./socket.ts";

/**
 * The same frames where WebSockets do not get through: the server's as an event stream, one's own
 * by POST, one request after the other so that they arrive in order.
 */
const framesAtOnceMax = 50;
const broken = 1006;

export function openStream(api: Caller, heard: Heard): Carrier {
  const stop = new AbortController();
  const waiting: ClientFrame[] = [];
  let posting = false;
  let device = "";
  let session = "";
  const end = (code: number, reason: string, retryAfterMs?: number) => {
    if (stop.signal.aborted) return;
    stop.abort();
    heard.closed(code, reason, retryAfterMs);
  };
  const fail = (error: unknown) => {
    if (!(error instanceof StoaError)) return end(broken, messageOf(error));
    const code = error.status === 401 ? 4401 : broken;
    end(code, error.message, (error.retryAfterSeconds ?? 0) * 1_000);
  };
  const take = (frame: ServerFrame) => {
    if (stop.signal.aborted) return;
    if (frame.type === "welcome") session = frame.session_id;
    heard.received(frame);
  };

  async function listen(): Promise<void> {
    const call = { method: "GET", path: "/chat/events", accept: "text/event-stream" } as const;
    const options = { query: { device_id: device }, retries: 0, signal: stop.signal };
    for await (const event of parseEvents(await api.response({ ...call, ...options }))) {
      if (stop.signal.aborted) return;
      if (event.event !== "close") framesOf(event.data).forEach(take);
      else {
        const { code, reason } = JSON.parse(event.data) as { code: number; reason: string };
        return end(code, reason);
      }
    }
    end(broken, "");
  }

  async function post(): Promise<void> {
    if (posting || session === "") return;
    posting = true;
    try {
      while (waiting.length > 0 && !stop.signal.aborted) {
        const frames = waiting.splice(0, framesAtOnceMax);
        const body = { device_id: device, session_id: session, frames };
        const options = { retries: 0, signal: stop.signal };
        const reply = await api.post<{ frames: ServerFrame[] }>("/chat/frames", body, options);
        reply.frames.forEach(take);
      }
    } finally {
      posting = false;
    }
  }

  queueMicrotask(() => stop.signal.aborted || heard.opened());
  return {
    send(frame) {
      if (stop.signal.aborted) return;
      if (frame.type === "hello") {
        device = frame.device_id;
        listen().catch(fail);
        return;
      }
      waiting.push(frame);
      post().catch(fail);
    },
    close: () => stop.abort(),
  };
}
