import type { Config } from "../platform/config/config.ts";
import { createLog } from "../platform/log/log.ts";
import { startStoa, type Running } from "../stoa.ts";

/** `stoa serve`: runs until a signal, then drains. Resolves with the exit code. */
export async function serveCommand(config: Config): Promise<number> {
  const log = createLog({ level: config.logLevel });
  const running = await startStoa(config, log);
  greet(running);
  return await new Promise((resolve) => {
    let stopping = false;
    const stop = (signal: string) => {
      if (stopping) {
        log.warn("stopping at once", { signal });
        return resolve(1);
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
          resolve(1);
        },
      );
    };
    process.on("SIGTERM", () => stop("SIGTERM"));
    process.on("SIGINT", () => stop("SIGINT"));
    running.onFatal((error) => {
      log.error("the database keeps failing; giving up", { error });
      resolve(1);
    });
  });
}

function greet({ publicUrl, port, firstAdmin }: Running): void {
  const lines = ["", `  Stoa is ready: ${publicUrl}`, ""];
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
