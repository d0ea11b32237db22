import { SQL } from "bun";
import { mkdir, readFile, realpath, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Log } from "../log/log.ts";
import { prepareCluster, socketPath } from "./embedded-launch.ts";
import { claimFolder, explainFailure, signal } from "./embedded-owner.ts";
import { Supervisor } from "./embedded-supervisor.ts";

/**
 * A PostgreSQL of Stoa's own, so that one command needs nothing installed. It listens on a Unix
 * socket in a private folder only, lives and dies with this process, and is started again when it
 * dies alone. Not for several machines: that is what DATABASE_URL is for.
 */
export type Connection = {
  adapter: "postgres";
  path: string;
  username: string;
  database: string;
};

export type EmbeddedPostgres = {
  /** Superuser: for tests and the set-up of roles only. */
  admin: Connection;
  /** Role `stoa`, owner of the database `stoa`, with no right beyond it. */
  app: Connection;
  pid(): number;
  /** In order where there is time; past the deadline it may have to recover at its next start. */
  stop(deadline?: AbortSignal): Promise<void>;
  /** Called once, when PostgreSQL keeps dying; the process should then exit non-zero. */
  onFatal(callback: (error: Error) => void): void;
  restarts(): number;
};

export type EmbeddedOptions = {
  dataDir: string;
  log: Log;
  /** False only for tests: a crash of the machine may then lose everything. */
  durable?: boolean;
  /** Names the socket; nothing listens on TCP. */
  port?: number;
  /** That may be open at once. */
  connectionsMax?: number;
};

const defaultPort = 5432;
const defaultConnectionsMax = 200;

export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const { log, durable = true, port = defaultPort } = options;
  const { connectionsMax = defaultConnectionsMax } = options;
  const dataDir = await makeDataDir(options.dataDir);
  const claim = claimFolder(dataDir);
  try {
    const cluster = await prepareCluster({ dataDir, port, durable, connectionsMax, log });
    const supervisor = new Supervisor(cluster);
    const connections = connectionsOf(cluster.socketDir, port);
    try {
      await supervisor.start();
      await setUpRole(connections.admin);
    } catch (error) {
      await supervisor.stop();
      throw error;
    }
    log.info("database ready", { pid: supervisor.pid, folder: cluster.pgdata });
    return {
      ...connections,
      pid: () => supervisor.pid,
      restarts: () => supervisor.restarts,
      onFatal: (callback) => void supervisor.fatal.then(callback),
      async stop(deadline) {
        await supervisor.stop(deadline);
        await rm(cluster.socketDir, { recursive: true, force: true });
        claim.release();
      },
    };
  } catch (error) {
    claim.release();
    throw explainFailure("the embedded PostgreSQL cannot run", dataDir, error);
  }
}

/** How to reach the PostgreSQL that another process runs on this folder; null when none does. */
export async function findRunning(
  folder: string,
): Promise<{ admin: Connection; app: Connection } | null> {
  const path = join(resolve(folder), "postgres", "postmaster.pid");
  const lines = (await readFile(path, "utf8").catch(() => "")).split("\n");
  const [pid, , , port, socketDir, , , status] = lines;
  if (status?.trim() !== "ready" || !signal(Number(pid), 0)) return null;
  return connectionsOf(socketDir ?? "", Number(port));
}

function connectionsOf(socketDir: string, port: number) {
  const path = socketPath(socketDir, port);
  const admin: Connection = {
    adapter: "postgres",
    path,
    username: "postgres",
    database: "postgres",
  };
  const app: Connection = { adapter: "postgres", path, username: "stoa", database: "stoa" };
  return { admin, app };
}

async function makeDataDir(folder: string): Promise<string> {
  const path = resolve(folder);
  try {
    // As root PostgreSQL runs as another user, who must be able to pass through.
    await mkdir(path, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
    return await realpath(path);
  } catch (cause) {
    throw explainFailure("cannot make the data folder", path, cause);
  }
}

/** Runs at every start, so that it also mends what a crash or a person left different. */
async function setUpRole(admin: Connection): Promise<void> {
  const sql = new SQL({ ...admin, max: 1 });
  try {
    const [role] = await sql`SELECT 1 AS found FROM pg_roles WHERE rolname = 'stoa'`;
    if (!role) await sql`CREATE ROLE stoa LOGIN`;
    await sql`ALTER ROLE stoa LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS`;
    const [database] = await sql`SELECT 1 AS found FROM pg_database WHERE datname = 'stoa'`;
    if (!database) await sql`CREATE DATABASE stoa OWNER stoa`;
    await sql`REVOKE ALL ON DATABASE stoa, postgres, template1 FROM PUBLIC`;
  } finally {
    await sql.close();
  }
}
