import { SQL } from "bun";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  chooseRunner,
  cleanEnv,
  giveTo,
  type Runner,
} from "../../src/platform/db/embedded-runner.ts";
import { silentLog } from "../../src/platform/log/log.ts";
import { freePort } from "../free-port.ts";
import { until, type Stage } from "./stage.ts";
import { killPostgres, postgresOf } from "./stoa.ts";

/**
 * A PostgreSQL that is not Stoa's own, for several processes on one database: on a loopback port
 * of its own, with a password, so that connections to it can be cut and held by a proxy.
 */
export type Postgres = {
  port: number;
  url(port?: number): string;
  admin: SQL;
  /** The processes of the server. */
  pids(): number[];
  /** Ends it at once, as a crash or a failover would, and starts it again. */
  restart(): Promise<void>;
};

const startTimeoutMs = 20_000;

export async function startPostgres(stage: Stage): Promise<Postgres> {
  const folder = await stage.folder("database");
  const pgdata = join(folder, "postgres");
  const socketDir = join(folder, "socket");
  const password = crypto.randomUUID();
  const passwordFile = join(folder, "password");
  await writeFile(passwordFile, password);
  const runner = await chooseRunner(folder, pgdata, silentLog);
  for (const path of [pgdata, socketDir]) {
    await mkdir(path, { mode: 0o700 });
    await giveTo(runner, path);
  }
  await initialise(runner, pgdata, passwordFile);
  const port = freePort();
  const url = (to: number, database: string) =>
    `postgres://postgres:${password}@127.0.0.1:${to}/${database}`;
  stage.defer(() => killPostgres(folder));
  let server: Bun.Subprocess;
  const launch = async () => {
    server = start(runner, pgdata, { port, socketDir });
    stage.own(server);
    await until("PostgreSQL answers", () => answers(url(port, "postgres")), {
      withinMs: startTimeoutMs,
      giveUp: () => (server.exitCode === null ? null : `it ended with ${server.exitCode}`),
    });
  };
  await launch();
  const admin = new SQL(url(port, "stoa"), { max: 2 });
  const maker = new SQL(url(port, "postgres"), { max: 1 });
  await maker`CREATE DATABASE stoa`;
  await maker.close();
  stage.defer(() => admin.close({ timeout: 0 }));
  return {
    port,
    url: (through = port) => url(through, "stoa"),
    admin,
    pids: () => postgresOf(folder),
    async restart() {
      await killPostgres(folder);
      // Dead but not waited for, it still has its number, and the next one takes that for life.
      await server.exited;
      await launch();
    },
  };
}

async function initialise(runner: Runner, pgdata: string, passwordFile: string): Promise<void> {
  const flags = "--username=postgres --encoding=UTF8 --no-sync --locale=C --auth=scram-sha-256";
  const initdb = join(runner.native, "bin/initdb");
  const command = [...runner.prefix, initdb, "-D", pgdata, ...flags.split(" ")];
  Bun.spawnSync(["chmod", "644", passwordFile]);
  const made = Bun.spawnSync([...command, `--pwfile=${passwordFile}`], {
    ...runner.identity,
    env: cleanEnv,
    cwd: "/",
  });
  if (!made.success) throw new Error(`initdb: ${made.stderr}`);
}

function start(runner: Runner, pgdata: string, at: { port: number; socketDir: string }) {
  const settings = {
    listen_addresses: "127.0.0.1",
    port: at.port,
    unix_socket_directories: at.socketDir,
    max_connections: 400,
    shared_buffers: "64MB",
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const binary = join(runner.native, "bin/postgres");
  return Bun.spawn([...runner.prefix, binary, "-D", pgdata, ...flags], {
    ...runner.identity,
    env: cleanEnv,
    cwd: "/",
    stdio: ["ignore", "ignore", "ignore"],
  });
}

async function answers(url: string): Promise<boolean> {
  const sql = new SQL(url, { max: 1, connectionTimeout: 1 });
  try {
    await sql`SELECT 1`;
    return true;
  } catch {
    return false;
  } finally {
    await sql.close({ timeout: 0 });
  }
}
