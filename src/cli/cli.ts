import { ConfigError, loadConfig } from "../platform/config/config.ts";
import { serveCommand } from "./serve.ts";

type Env = Record<string, string | undefined>;

/** Runs one `stoa` command and resolves with its exit code. */
export async function runCommand(args: string[], env: Env): Promise<number> {
  const [name = "help"] = args;
  try {
    const config = loadConfig(env);
    if (name === "serve") return await serveCommand(config);
    process.stderr.write(`stoa: there is no command "${name}"\n`);
    return 2;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
}
