import { join, resolve } from "node:path";
import { postgresProcesses } from "../../src/platform/db/embedded-owner.ts";
import { Line } from "./line.ts";
import { freePort } from "../free-port.ts";
import { type Stage, until } from "./stage.ts";

/** The real program as a child process, started the way `npm start` does. */
export const tree = resolve(process.env["FAULT_TREE"] ?? join(import.meta.dir, "../.."));

export type StoaOptions = {
  dataDir: string;
  /** Another build; this one when absent. */
  tree?: string | undefined;
  port?: number;
  env?: Record<string, string>;
  /** A command that runs the program, such as strace. */
  prefix?: string[];
  readyWithinMs?: number;
};

export type Stoa = {
  port: number;
  pid: number;
  dataDir: string;
  /** From the start of the process to the first 200 of /readyz. */
  readyAfterMs: number;
  exited: Promise<number>;
  isRunning(): boolean;
  /** Everything it has written so far. */
  said(): string;
  signal(name: NodeJS.Signals): void;
  /** Kills it and waits for its end; what it left running is not touched. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number>;
  metric(name: string): Promise<number>;
};

const saidBytesMax = 4 * 1024 * 1024;

export async function startStoa(stage: Stage, options: StoaOptions): Promise<Stoa> {
  const { dataDir, prefix = [], env = {}, readyWithinMs = 120_000 } = options;
  const from = options.tree ?? tree;
  const port = options.port ?? freePort();
  const began = performance.now();
  const child = Bun.spawn([...prefix, join(from, "bin/bun"), "src/main.ts", "serve"], {
    cwd: from,
    env: {
      PATH: process.env["PATH"] ?? "/usr/bin:/bin",
      PORT: String(port),
      HOST: "127.0.0.1",
      STOA_PUBLIC_URL: "http://stoa.test",
      STOA_DATA_DIR: dataDir,
      STOA_OUTBOUND_ALLOW_PRIVATE: "true",
      STOA_LINK_DEAD_CHECK_ENABLED: "false",
      ...env,
    },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  // After the process itself, which is the first to be killed.
  stage.defer(() => killPostgres(dataDir));
  stage.own(child);
  let said = "";
  const listen = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      if (said.length < saidBytesMax) said += decoder.decode(chunk, { stream: true });
    }
  };
  void listen(child.stdout);
  void listen(child.stderr);
  const stoa: Stoa = {
    port,
    pid: child.pid,
    dataDir,
    readyAfterMs: 0,
    exited: child.exited,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    said: () => said,
    signal: (name) => child.kill(name),
    async kill() {
      child.kill("SIGKILL");
      await child.exited;
    },
    async stop() {
      child.kill("SIGTERM");
      return await child.exited;
    },
    metric: (name) => metric(port, name),
  };
  await until("Stoa is ready", () => isReady(port), {
    withinMs: readyWithinMs,
    giveUp: () => (stoa.isRunning() ? null : `it ended:\n${said.slice(-1_500)}`),
  });
  stoa.readyAfterMs = performance.now() - began;
  return stoa;
}

export async function isReady(port: number): Promise<boolean> {
  const line = new Line(port);
  try {
    return (await line.ask({ path: "/readyz", timeoutMs: 2_000 })).status === 200;
  } catch {
    return false;
  } finally {
    line.close();
  }
}

/** The sum over all labels; 0 when there is no such metric yet. */
async function metric(port: number, name: string): Promise<number> {
  const line = new Line(port);
  const { body } = await line.ask({ path: "/metrics" });
  line.close();
  const lines = body.split("\n").filter((text) => new RegExp(`^${name}[ {]`).test(text));
  return lines.reduce((sum, text) => sum + Number(text.slice(text.lastIndexOf(" ") + 1)), 0);
}

/** Ends every PostgreSQL of this data folder, with no chance to tidy up. */
export async function killPostgres(dataDir: string): Promise<void> {
  const pgdata = join(dataDir, "postgres");
  for (const pid of postgresProcesses(pgdata)) signal(pid, "SIGKILL");
  await until("PostgreSQL is gone", () => postgresProcesses(pgdata).length === 0);
}

export function postgresOf(dataDir: string): number[] {
  return postgresProcesses(join(dataDir, "postgres"));
}

export async function postmasterOf(dataDir: string): Promise<number> {
  const text = await Bun.file(join(dataDir, "postgres/postmaster.pid")).text();
  return Number(text.split("\n")[0]);
}

export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It is gone already, which is what signals here are for.
  }
}

/** Copies a folder as it is on the disk at this moment, owners and all. */
export function copyFolder(from: string, to: string): void {
  const copied = Bun.spawnSync(["cp", "-a", `${from}/.`, to]);
  if (!copied.success) throw new Error(`cp: ${copied.stderr}`);
}
