import { SQL } from "bun";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { silentLog } from "../src/platform/log/log.ts";
import { startEmbedded, type EmbeddedPostgres } from "../src/platform/db/embedded.ts";
import { freePort } from "../test/free-port.ts";
import { answering } from "./peers.ts";
import { loadCore, serverCore } from "./load.ts";

/**
 * Stoa as it ships, on its core, with a durable PostgreSQL of its own kind on the other core:
 * what is measured is the Stoa process, as nginx is measured without its disk.
 */
export type Bench = {
  folder: string;
  postgres: EmbeddedPostgres;
  sql: SQL;
  url: string;
  /** The socket for short links alone. */
  edgeUrl: string;
  pid: number;
  key: string;
  metrics(): Promise<Map<string, number>>;
  rssMb(): number;
  stop(): Promise<void>;
};

export async function startPostgres(
  folder: string,
): Promise<{ postgres: EmbeddedPostgres; sql: SQL }> {
  const dataDir = join(folder, "pg");
  mkdirSync(dataDir, { recursive: true });
  const postgres = await startEmbedded({ dataDir, log: silentLog });
  Bun.spawnSync(["taskset", "-acp", loadCore, String(postgres.pid())]);
  return { postgres, sql: new SQL({ ...postgres.app, max: 20 } as SQL.Options) };
}

export async function startStoa(
  folder: string,
  db: { postgres: EmbeddedPostgres; sql: SQL },
  env: Record<string, string> = {},
): Promise<Bench> {
  const main = join(import.meta.dir, "../src/main.ts");
  const dataDir = join(folder, "stoa");
  const [port, edgePort] = [freePort(), freePort()];
  const url = `http://127.0.0.1:${port}`;
  const { path, username, database } = db.postgres.app;
  const child = Bun.spawn(["taskset", "-c", serverCore, process.execPath, main, "serve"], {
    env: {
      ...process.env,
      ...env,
      PORT: String(port),
      STOA_REDIRECT_PORT: String(edgePort),
      HOST: "127.0.0.1",
      STOA_DATA_DIR: dataDir,
      STOA_LOG_LEVEL: "warn",
      STOA_TRUSTED_PROXIES: "127.0.0.1",
      DATABASE_URL: `postgres://${username}@localhost/${database}?socket=${path}`,
    },
    stdout: "ignore",
    stderr: "inherit",
  });
  await answering(`${url}/healthz`, 30_000);
  const key = await makeKey(dataDir, db);
  return {
    folder,
    ...db,
    url,
    edgeUrl: `http://127.0.0.1:${edgePort}`,
    pid: child.pid,
    key,
    metrics: () => readMetrics(url),
    rssMb: () => rssOf(child.pid),
    async stop() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}

/**
 * PostgreSQL shares the load's core. Each of its processes counts there as much as the load does,
 * which then waits its turn and measures that. Given less weight, PostgreSQL takes what the load
 * leaves; that clicks are drained as fast as they come is measured beside it.
 */
export function yieldToLoad({ postgres }: Pick<Bench, "postgres">): void {
  const main = String(postgres.pid());
  const children = Bun.spawnSync(["pgrep", "-P", main]).stdout.toString().split("\n");
  for (const pid of [main, ...children.filter(Boolean)]) {
    Bun.spawnSync(["renice", "-n", "19", "-p", pid], { stderr: "ignore" });
    // Where the scheduler groups by session, a process's own niceness counts within its group only.
    const group = `/proc/${pid}/autogroup`;
    if (existsSync(group)) writeFileSync(group, "19");
  }
}

async function makeKey(dataDir: string, db: { postgres: EmbeddedPostgres }): Promise<string> {
  const { path, username, database } = db.postgres.app;
  const stoa = join(import.meta.dir, "../src/main.ts");
  const command = [process.execPath, stoa, "key", "create", "admin@stoa.local", "--name", "bench"];
  const made = Bun.spawnSync(command, {
    env: {
      ...process.env,
      STOA_DATA_DIR: dataDir,
      DATABASE_URL: `postgres://${username}@localhost/${database}?socket=${path}`,
    },
  });
  const key = made.stdout.toString().trim();
  if (!key.startsWith("stoa_key_")) throw new Error(made.stderr.toString());
  return key;
}

async function readMetrics(url: string): Promise<Map<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const out = new Map<string, number>();
  for (const line of text.split("\n")) {
    const space = line.lastIndexOf(" ");
    if (line.startsWith("#") || space < 0) continue;
    out.set(line.slice(0, space), Number(line.slice(space)));
  }
  return out;
}

function rssOf(pid: number): number {
  const kb = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Math.round(Number(kb) / 1024);
}
