import { join, relative, resolve } from "node:path";
import type { Config } from "../platform/config/config.ts";
import type { Running } from "../stoa.ts";

export type Greeting = Pick<Running, "port" | "publicUrl" | "firstAdmin">;

/** What a person is told once Stoa answers. */
export function greet({ publicUrl, port, firstAdmin }: Greeting, config: Config): void {
  // With PORT=0 only the socket knows which port it is.
  const shown = config.publicUrl === "" ? `http://localhost:${port}` : publicUrl;
  const lines = ["", `  Stoa is ready: ${shown}`, ""];
  if (firstAdmin) {
    const { email, password } = firstAdmin;
    lines.push(
      "  Sign in (made for this install, shown once):",
      `    e-mail    ${email}`,
      `    password  ${password}`,
      "",
      "  Three commands to try:",
      `    TOKEN=$(${command(config)} key create ${email} --name first)`,
      `    curl -s ${shown}/api/v1/links -H "Authorization: Bearer $TOKEN" \\`,
      `      -H 'Content-Type: application/json' -d '{"url":"https://example.com","alias":"hello"}'`,
      `    curl -i ${shown}/hello`,
      "",
    );
  }
  process.stdout.write(`${lines.join("\n")}\n`);
}

/** How to call `stoa` from here; `bin/stoa` itself knows no data but its installation's. */
function command({ dataDir }: Config): string {
  const root = join(import.meta.dir, "../..");
  const near = relative(process.cwd(), join(root, "bin/stoa"));
  const path = word(near.startsWith("..") ? join(root, "bin/stoa") : near);
  const data = resolve(dataDir);
  return data === join(root, "data") ? path : `STOA_DATA_DIR=${word(data)} ${path}`;
}

/** As one word of a shell. */
function word(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
