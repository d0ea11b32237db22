import { type Config, loadConfig } from "../platform/config/config.ts";
import { createLog } from "../platform/log/log.ts";
import { startStoa } from "../stoa.ts";
import type { Call } from "./call.ts";
import { greet } from "./serve-greeting.ts";

/** `stoa serve`: runs until a signal, then drains. Resolves with the exit code. */
export async function serveCommand(call: Call): Promise<number> {
  const config = configOf(call);
  if (config.processes === 1) return await serveAlone(config);
  const { serveTogether } = await import("./serve-together.ts");
  return await serveTogether(call, config);
}

async function serveAlone(config: Config): Promise<number> {
  const log = createLog({ level: config.logLevel });
  const running = await startStoa(config, log);
  greet(running, config);
  return await new Promise((resolve) => {
    let stopping = false;
    const stop = (signal: string) => {
      if (stopping) {
        log.warn("stopping at once", { signal });
        process.exit(1);
      }
      stopping = true;
      log.info("draining", { signal, grace_ms: config.drainGraceMs });
      running.stop().then(
        ({ cut }) => {
          log.info("stopped", { requests_cut: cut });
          resolve(0);
        },
        (error: unknown) => {
          log.error("could not stop cleanly", { error });
          process.exit(1);
        },
      );
    };
    process.on("SIGTERM", () => stop("SIGTERM"));
    process.on("SIGINT", () => stop("SIGINT"));
    running.onFatal((error) => {
      log.error("the database keeps failing; giving up", { error });
      // The socket is still open, and nothing behind it can answer any more.
      process.exit(1);
    });
  });
}

/** Flags say the same as their settings, and are checked like them. */
function configOf(call: Call): Config {
  const PORT = call.text("port") ?? call.env["PORT"];
  const HOST = call.text("host") ?? call.env["HOST"];
  const STOA_PROCESSES = call.text("processes") ?? call.env["STOA_PROCESSES"];
  return loadConfig({ ...call.env, PORT, HOST, STOA_PROCESSES });
}
