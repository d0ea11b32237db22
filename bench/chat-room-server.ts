/**
 * A room on Stoa's realtime block, without a database behind it: what comes from one socket is
 * parsed, written as a message frame once, and published to all, as chat does after its commit.
 * Beside it the limit: Bun's own publish with nothing around it.
 */
import type { Server } from "bun";
import { systemClock } from "../src/platform/clock/clock.ts";
import { settings } from "../src/platform/config/config.ts";
import { Metrics } from "../src/platform/metrics/metrics.ts";
import { Connection, Realtime } from "../src/platform/realtime/realtime.ts";
import { EmbeddedState } from "../src/platform/state/embedded.ts";

const [, , kind = "", portText = ""] = process.argv;
const port = Number(portText);
const topic = "c1";
let rev = 1_000_000;

function frameOf(text: string): string {
  const { body } = JSON.parse(text) as { body: { text: string } };
  rev++;
  const message = {
    ...{ conversation_id: "910001", seq: rev, rev, id: "123456789012345678" },
    ...{ sender_id: "1000001", client_msg_id: "bench-0000000001", by_program: true, body },
    ...{ reply_to_seq: null, thread_seq: null, reply_count: 0, extra: {} },
    ...{ created_at: "2026-01-01T00:00:00.000Z", edited_at: null, deleted_at: null },
    ...{ pinned_at: null, expires_at: null },
  };
  return JSON.stringify({ type: "message", rev, message });
}

function block(): void {
  const realtime = new Realtime({
    ...{ socketsMax: 20_000, socketAcceptsPerSecond: 20_000 },
    socketBufferBytesMax: settings.socketBufferBytesMax.fallback,
    socketSlowMsMax: settings.socketSlowMsMax.fallback,
    ...{ socketOrigins: [], drainGraceMs: 1_000, publicUrl: "http://stoa.test" },
    ...{ state: new EmbeddedState(), clock: systemClock, metrics: new Metrics() },
  });
  class Member extends Connection {
    opened(): void {
      this.follow(topic);
      realtime.prove(this);
    }
    received(text: string | null): void {
      if (text !== null) realtime.publish(topic, frameOf(text));
    }
    closed(): void {}
    resync(): void {
      throw new Error("the load reads too slowly to measure anything");
    }
    drain(): void {}
    isBusy(): boolean {
      return false;
    }
    check(): void {}
  }
  realtime.register({ path: "/", connect: (address) => new Member(address) });
  const server = Bun.serve<Connection>({
    ...{ hostname: "127.0.0.1", port },
    fetch: (request) => realtime.upgrade(request, "/", "127.0.0.1") ?? undefined,
    websocket: realtime.handler,
  });
  realtime.attach(server);
}

function bare(): void {
  const server: Server<undefined> = Bun.serve<undefined>({
    ...{ hostname: "127.0.0.1", port },
    fetch: (request) => (server.upgrade(request) ? undefined : new Response("no", { status: 426 })),
    websocket: {
      open: (socket) => void socket.subscribe(topic),
      message: (_, text) => void server.publish(topic, frameOf(String(text))),
    },
  });
}

if (kind === "block") block();
else bare();
