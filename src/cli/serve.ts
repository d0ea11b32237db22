import { type Config, loadConfig } from "../platform/config/config.ts";
import { createLog } from "../platform/log/log.ts";
import { startStoa, type Running } from "../stoa.ts";
import type { Call } from "./call.ts";

/** `stoa serve`: runs until a signal, then drains. Resolves with the exit code. */
export async function serveCommand(call: Call): Promise<number> {
  const config = configOf(call);
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
  return loadConfig({ ...call.env, PORT, HOST });
}

function greet({ publicUrl, port, firstAdmin }: Running, config: Config): void {
  // With PORT=0 only the socket knows which port it is.
  const shown = config.publicUrl === "" ? `http://localhost:${port}` : publicUrl;
  const lines = ["", `  Stoa is ready: ${shown}`, ""];
  if (firstAdmin) {
    const { email, password } = firstAdmin;
    const local = `http://localhost:${port}`;
    lines.push(
      "  Sign in (made for this install, shown once):",
      `    e-mail    ${email}`,
      `    password  ${password}`,
      "",
      "  Three commands to try:",
      `    TOKEN=$(bin/stoa key create ${email} --name first)`,
      `    curl -s ${local}/api/v1/links -H "Authorization: Bearer $TOKEN" \\`,
      `      -H 'Content-Type: application/json' -d '{"url":"https://example.com","alias":"hello"}'`,
      `    curl -i ${local}/hello`,
      "",
    );
  }
  process.stdout.write(`${lines.join("\n")}\n`);
}
