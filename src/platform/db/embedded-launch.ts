import { createHash } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import type { Log } from "../log/log.ts";
import {
  clearLeftovers,
  EmbeddedPostgresError,
  explainFailure,
  shutdownSteps,
} from "./embedded-owner.ts";
import { chooseRunner, cleanEnv, giveTo, type Runner } from "./embedded-runner.ts";

/** A cluster on disk and how it is run; made once, launched as often as it takes. */
export type Cluster = {
  pgdata: string;
  socketDir: string;
  port: number;
  durable: boolean;
  connectionsMax: number;
  runner: Runner;
  log: Log;
};

export type Server = {
  pid: number;
  exited: Promise<number>;
  kill(signal: NodeJS.Signals): void;
  /** The last things it said. */
  lastWords(): string;
};

const postgresMajor = "18";
/** Replaying the log after a crash takes as long as it takes; past this it is stuck. */
const startTimeoutMs = 300_000;
const lastWordsLinesMax = 20;
/** Portable limit of a socket's path: 103 bytes and a NUL on macOS, 107 on Linux. */
const socketPathBytesMax = 103;
const mebibyte = 1024 ** 2;

export async function prepareCluster(
  options: Omit<Cluster, "pgdata" | "socketDir" | "runner"> & { dataDir: string },
): Promise<Cluster> {
  const { dataDir, port, log } = options;
  const pgdata = join(dataDir, "postgres");
  await requireVersion(pgdata);
  const runner = await chooseRunner(dataDir, pgdata, log);
  const socketDir = placeSocket(dataDir, port);
  const cluster = { ...options, pgdata, socketDir, runner };
  if (!(await Bun.file(join(pgdata, "PG_VERSION")).exists())) await initialise(cluster, dataDir);
  await giveTo(runner, pgdata);
  return cluster;
}

export function socketPath(socketDir: string, port: number): string {
  return join(socketDir, `.s.PGSQL.${port}`);
}

async function requireVersion(pgdata: string): Promise<void> {
  const found = (await readFile(join(pgdata, "PG_VERSION"), "utf8").catch(() => "")).trim();
  if (found === "" || found === postgresMajor) return;
  throw new EmbeddedPostgresError(
    `${pgdata} was made by PostgreSQL ${found}, and this Stoa runs PostgreSQL ${postgresMajor}. ` +
      "Run `stoa backup` with the version of Stoa that made it, move that folder away, " +
      "start this version once, and run `stoa restore`.",
  );
}

function placeSocket(dataDir: string, port: number): string {
  const within = join(dataDir, "socket");
  if (Buffer.byteLength(socketPath(within, port)) <= socketPathBytesMax) return within;
  const hash = createHash("sha256").update(dataDir).digest("hex").slice(0, 12);
  return join(tmpdir(), `stoa-${hash}`);
}

/** Made anew each time: that drops stale sockets, and fails on a folder somebody else planted. */
async function makeSocketDir({ socketDir, runner }: Cluster): Promise<void> {
  await rm(socketDir, { recursive: true, force: true });
  await mkdir(socketDir, { mode: 0o700 });
  await giveTo(runner, socketDir);
}

/** Made aside and renamed when whole, so that a crash in the middle leaves nothing half made. */
async function initialise(cluster: Cluster, dataDir: string): Promise<void> {
  const { pgdata, runner, log, durable } = cluster;
  const started = performance.now();
  const making = `${pgdata}.new`;
  log.info("creating the database; this takes a few seconds once", { folder: pgdata });
  await clearLeftovers(making, log);
  await rm(making, { recursive: true, force: true });
  await mkdir(making, { mode: 0o700 });
  await giveTo(runner, making);
  // The provider decides how text sorts and folds; LC_CTYPE is still read by pg_trgm, and must
  // know UTF-8. macOS has no C.UTF-8.
  const ctype = process.platform === "darwin" ? "en_US.UTF-8" : "C.UTF-8";
  const flags =
    "--username=postgres --encoding=UTF8 --data-checksums --no-instructions " +
    "--locale-provider=builtin --builtin-locale=C.UTF-8 --locale=C " +
    `--lc-ctype=${ctype} --auth-local=trust --auth-host=reject${durable ? "" : " --no-sync"}`;
  const initdb = join(runner.native, "bin", "initdb");
  const command = [...runner.prefix, initdb, "-D", making, ...flags.split(" ")];
  const pipes = { stdin: "ignore", stdout: "ignore", stderr: "pipe" } as const;
  // In the folder it fills: that is how the next start finds one that outlives us, and ends it.
  const child = Bun.spawn(command, { ...runner.identity, env: cleanEnv, cwd: making, ...pipes });
  const said = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) {
    await rm(making, { recursive: true, force: true });
    throw explainFailure("PostgreSQL could not create its data folder", pgdata, said);
  }
  await rename(making, pgdata);
  const parent = await open(dataDir);
  await parent.sync().finally(() => parent.close());
  log.info("database created", { took_ms: Math.round(performance.now() - started) });
}

/** Starts the postmaster and resolves when it accepts connections. */
export async function launch(cluster: Cluster, spawned: (server: Server) => void): Promise<Server> {
  const { pgdata, runner, log } = cluster;
  await clearLeftovers(pgdata, log);
  await makeSocketDir(cluster);
  const binary = join(runner.native, "bin", "postgres");
  const settings = settingsOf(cluster).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const child = Bun.spawn([...runner.prefix, binary, "-D", pgdata, ...settings], {
    ...runner.identity,
    env: cleanEnv,
    cwd: "/",
    // Its own session: Ctrl-C in a terminal must reach Stoa alone, which then stops it in order.
    detached: true,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const lines: string[] = [];
  const drained = followOutput(child.stderr, lines, log);
  const server: Server = {
    pid: child.pid,
    exited: child.exited,
    kill: (signal) => child.kill(signal),
    lastWords: () => lines.join("\n"),
  };
  spawned(server);
  const deadline = performance.now() + startTimeoutMs;
  while (!(await isReady(pgdata, child.pid))) {
    if (child.exitCode !== null || child.signalCode !== null) {
      await Promise.race([drained, Bun.sleep(500)]);
      throw explainFailure("PostgreSQL did not start", pgdata, server.lastWords());
    }
    if (performance.now() > deadline) {
      await shutDown(server);
      throw explainFailure("PostgreSQL did not become ready", pgdata, server.lastWords());
    }
    await Bun.sleep(10);
  }
  return server;
}

/** Fast shutdown first; harder when that does not end it in time, soon once time is up. */
export async function shutDown(server: Server, deadline?: AbortSignal): Promise<void> {
  for (const step of shutdownSteps) {
    server.kill(step.signal);
    if (await endsWithin(server, step, deadline)) return;
  }
}

async function endsWithin(
  server: Server,
  { waitMs, hurriedMs }: { waitMs: number; hurriedMs: number },
  deadline?: AbortSignal,
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  // A timer that is left behind would keep the process from ending.
  const timers = [setTimeout(resolve, waitMs, false)];
  const hurry = () => void timers.push(setTimeout(resolve, hurriedMs, false));
  if (deadline?.aborted) hurry();
  else deadline?.addEventListener("abort", hurry);
  const ended = await Promise.race([server.exited.then(() => true), promise]);
  deadline?.removeEventListener("abort", hurry);
  for (const timer of timers) clearTimeout(timer);
  return ended;
}

function settingsOf({
  socketDir,
  port,
  durable,
  connectionsMax,
}: Cluster): [string, string | number][] {
  const memory = Math.min(totalmem(), process.constrainedMemory?.() || Infinity) / mebibyte;
  const buffers = Math.round(Math.min(512, Math.max(32, memory / 8)));
  return [
    ["listen_addresses", ""],
    ["port", port],
    ["unix_socket_directories", socketDir],
    ["unix_socket_permissions", "0700"],
    ["fsync", durable ? "on" : "off"],
    ["full_page_writes", durable ? "on" : "off"],
    ["synchronous_commit", durable ? "on" : "off"],
    // On macOS only this reaches the platter.
    ...(process.platform === "darwin" && durable
      ? ([["wal_sync_method", "fsync_writethrough"]] as [string, string][])
      : []),
    ["max_connections", connectionsMax],
    ["shared_buffers", `${buffers}MB`],
    ["effective_cache_size", `${Math.round(Math.max(64, memory / 2))}MB`],
    ["maintenance_work_mem", `${Math.round(Math.min(128, Math.max(16, memory / 32)))}MB`],
    ["work_mem", "8MB"],
    ["random_page_cost", "1.1"],
    ["timezone", "UTC"],
    ["log_timezone", "UTC"],
    // Statements that fail are known to who sent them, and their text may hold what is private.
    ["log_min_messages", "log"],
    ["log_min_error_statement", "panic"],
    ["log_line_prefix", ""],
  ];
}

async function isReady(pgdata: string, pid: number): Promise<boolean> {
  const file = await readFile(join(pgdata, "postmaster.pid"), "utf8").catch(() => "");
  const lines = file.split("\n");
  return Number(lines[0]) === pid && lines[7]?.trim() === "ready";
}

async function followOutput(
  stream: ReadableStream<Uint8Array>,
  kept: string[],
  log: Log,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      kept.push(line);
      if (kept.length > lastWordsLinesMax) kept.shift();
      const grave = /^(FATAL|PANIC|WARNING):/.test(line);
      log[grave ? "warn" : "debug"]("postgres", { said: line });
    }
  }
}
