import type { Config } from "../platform/config/config.ts";
import { createLog, type Log } from "../platform/log/log.ts";
import { mergeExpositions } from "../platform/metrics/merge.ts";
import { openDatabase } from "../platform/platform.ts";
import { startStoa, type Running } from "../stoa.ts";
import { type Call, UsageError } from "./call.ts";
import { overdueMs, type FromProcess, type ToProcess } from "./serve-messages.ts";

/**
 * One of several processes on the same ports. The supervisor starts it and tells it when to end;
 * it also ends when the supervisor is gone. Signals may come more than once, from the supervisor,
 * a service manager and the kernel, so that a second one means no more than the first.
 */
export async function serveProcessCommand(call: Call): Promise<number> {
  const number = Number(call.args[0]);
  if (!process.send || !Number.isInteger(number)) {
    throw new UsageError("serve-process is what stoa serve --processes N starts");
  }
  const supervisor = new Supervisor(number);
  const config = shareOf(call.config);
  const log = createLog({ level: config.logLevel, base: { process: number } });
  let running: Running | null = null;
  let ending = false;
  const end = (why: string) => {
    if (ending) return;
    ending = true;
    log.info("draining", { why, grace_ms: config.drainGraceMs });
    endWithin(config.drainGraceMs + overdueMs, log);
    void stop(running, log);
  };
  process.on("SIGTERM", () => end("SIGTERM"));
  process.on("SIGINT", () => end("SIGINT"));
  process.on("disconnect", () => {
    end("the supervisor is gone");
    endWithin(orphanMsMax, log);
  });
  const connection = await supervisor.connection();
  const database = await openDatabase(config, log, connection ? { connection } : {});
  running = await startStoa(config, log, database, undefined, supervisor);
  supervisor.ready(running);
  return await new Promise<never>(() => {});
}

/** What is told for all processes together, each gets its part of. */
function shareOf(config: Config): Config {
  const clickSpoolBytesMax = Math.floor(config.clickSpoolBytesMax / config.processes);
  return { ...config, clickSpoolBytesMax };
}

/**
 * The embedded PostgreSQL goes with the supervisor, and the next one wants the ports: what is in
 * flight gets a moment, and clicks are on the disk.
 */
const orphanMsMax = 1_500;

function endWithin(ms: number, log: Log): void {
  setTimeout(() => {
    log.warn("ending before all is drained", { after_ms: ms });
    process.exit(1);
  }, ms);
}

async function stop(running: Running | null, log: Log): Promise<void> {
  // Nobody was served yet.
  if (!running) process.exit(0);
  try {
    const { cut } = await running.stop();
    log.info("stopped", { requests_cut: cut });
    process.exit(0);
  } catch (error) {
    log.error("could not stop cleanly", { error });
    process.exit(1);
  }
}

const collectMsMax = 2_000;

/** The process above this one, as seen from here. */
class Supervisor {
  private readonly number: number;
  private readonly started = Promise.withResolvers<ToProcess & { kind: "start" }>();
  private collecting: PromiseWithResolvers<string> | null = null;
  private running: Running | null = null;

  constructor(number: number) {
    this.number = number;
    process.on("message", (message: ToProcess) => this.hear(message));
  }

  async connection() {
    return (await this.started.promise).connection;
  }

  ready(running: Running): void {
    this.running = running;
    const { port, publicUrl, firstAdmin } = running;
    this.tell({ kind: "ready", greeting: { port, publicUrl, firstAdmin } });
  }

  /** Of this process alone when the supervisor does not answer. */
  async collectMetrics(): Promise<string> {
    if (!this.collecting) {
      const collecting = Promise.withResolvers<string>();
      this.collecting = collecting;
      const own = () => mergeExpositions([{ process: this.number, text: this.render() }]);
      setTimeout(() => collecting.resolve(own()), collectMsMax).unref();
      this.tell({ kind: "collect" });
    }
    return await this.collecting.promise.finally(() => (this.collecting = null));
  }

  private hear(message: ToProcess): void {
    switch (message.kind) {
      case "start":
        return this.started.resolve(message);
      case "render":
        return this.tell({ kind: "rendered", ask: message.ask, text: this.render() });
      case "beat":
        return this.tell({ kind: "beat" });
      case "merged":
        this.collecting?.resolve(message.text);
    }
  }

  private render(): string {
    return this.running?.metrics.render() ?? "";
  }

  private tell(message: FromProcess): void {
    try {
      process.send?.(message);
    } catch {
      // It is gone, which ends this process as well.
    }
  }
}
