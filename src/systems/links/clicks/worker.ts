import { systemClock } from "../../../platform/clock/clock.ts";
import { openDb, type Connection } from "../../../platform/db/db.ts";
import type { Fields, Level, Log } from "../../../platform/log/log.ts";
import { Drainer, type Progress } from "./drainer.ts";

/** The drainer in a thread of its own, so that it never holds up a redirect. */
export type WorkerStart = {
  type: "start";
  connection: Connection;
  root: string;
  own: string;
  retentionDays: number;
  visitors: boolean;
};
export type ToWorker =
  WorkerStart | { type: "wake" } | { type: "settle"; call: number } | { type: "stop" };
export type FromWorker =
  | { type: "ready" }
  | { type: "progress"; progress: Progress }
  | { type: "key"; day: number; key: Uint8Array }
  | { type: "settled"; call: number; error: string | null }
  | { type: "stopped" }
  | { type: "log"; level: Level; message: string; fields: Fields };

declare const self: Worker;

const poolMax = 4;
const acquireTimeoutMs = 5_000;
const statementTimeoutMs = 30_000;

const post = (message: FromWorker) => self.postMessage(message, []);
const log = forwardLog();
let drainer: Drainer | null = null;
let close = async () => {};

self.addEventListener("message", async ({ data }: MessageEvent<ToWorker>) => {
  switch (data.type) {
    case "start":
      await start(data);
      return post({ type: "ready" });
    case "wake":
      return drainer?.wake();
    case "settle": {
      const error = await drainer?.settle().then(
        () => null,
        (failure: unknown) => String(failure),
      );
      return post({ type: "settled", call: data.call, error: error ?? null });
    }
    case "stop":
      await drainer?.stop();
      await close();
      return post({ type: "stopped" });
  }
});

async function start(options: WorkerStart): Promise<void> {
  const { connection, root, own, retentionDays, visitors } = options;
  const db = openDb({
    primary: connection,
    poolMax,
    acquireTimeoutMs,
    statementTimeoutMs,
    clock: systemClock,
    log,
  });
  close = () => db.close();
  drainer = new Drainer({
    db,
    clock: systemClock,
    log,
    root,
    own,
    retentionDays,
    visitors,
    progress: (progress) => post({ type: "progress", progress }),
    key: (day, key) => post({ type: "key", day, key }),
  });
  await drainer.start();
}

/** Errors do not survive the way to the other thread whole, so their text goes. */
function forwardLog(): Log {
  const say =
    (level: Level) =>
    (message: string, fields: Fields = {}) => {
      const error = fields["error"];
      const said = error instanceof Error ? { ...fields, error: describe(error) } : fields;
      post({ type: "log", level, message, fields: said });
    };
  const out: Log = {
    debug: say("debug"),
    info: say("info"),
    warn: say("warn"),
    error: say("error"),
    with: () => out,
  };
  return out;
}

function describe(error: Error): string {
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : "";
  return `${error.name}: ${error.message}${cause}`;
}
