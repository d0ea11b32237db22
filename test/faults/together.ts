import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { startRedis, type TestRedis } from "../redis.ts";
import { Line } from "./line.ts";
import { freePort } from "../free-port.ts";
import { type Stage, until } from "./stage.ts";
import { signal, startStoa, type Stoa, type StoaOptions } from "./stoa.ts";

/** `stoa serve --processes 4`: a supervisor and those that share its ports, with a Redis. */
export const processes = 4;

export type Together = {
  stoa: Stoa;
  redirectPort: number;
  redis: TestRedis;
  /** Of the processes that serve and live now. */
  pids(): number[];
  /** A connection to that very process. */
  lineTo(pid: number): Promise<Line>;
};

export type TogetherOptions = StoaOptions & {
  redirectPort?: number;
  redis?: TestRedis;
};

const name = "serve-process";
const connectionsTriedMax = 400;

export async function startTogether(stage: Stage, options: TogetherOptions): Promise<Together> {
  const redis = options.redis ?? (await redisOf(stage));
  const redirectPort = options.redirectPort ?? freePort();
  const stoa = await startStoa(stage, {
    ...options,
    env: {
      REDIS_URL: redis.url,
      STOA_PROCESSES: String(processes),
      STOA_REDIRECT_PORT: String(redirectPort),
      STOA_DATABASE_POOL_MAX: "8",
      ...options.env,
    },
  });
  const pids = () => childrenOf(stoa.pid);
  // The first one answers before the others are there.
  await until("all processes are ready", () => stoa.said().includes("Stoa is ready"), {
    withinMs: options.readyWithinMs ?? 120_000,
    giveUp: () => (stoa.isRunning() ? null : `it ended:\n${stoa.said().slice(-1_500)}`),
  });
  const known = pids();
  // A supervisor that was killed on a broken build leaves them behind.
  stage.defer(() => {
    for (const pid of known.filter(isOne)) signal(pid, "SIGKILL");
  });
  return { stoa, redirectPort, redis, pids, lineTo: (pid) => lineTo(stoa.port, pid) };
}

export async function redisOf(stage: Stage, options: { durable?: boolean } = {}) {
  const redis = await startRedis(options);
  stage.defer(() => redis.stop());
  return redis;
}

/** Waits until as many processes as there should be answer again. */
export async function allReady({ stoa }: Together): Promise<void> {
  await until("all processes are ready again", async () => {
    const ready = await stoa.metric("stoa_processes_ready").catch(() => 0);
    return ready === processes;
  });
}

async function lineTo(port: number, pid: number): Promise<Line> {
  const others: Line[] = [];
  try {
    for (let tried = 0; tried < connectionsTriedMax; tried++) {
      const line = new Line(port);
      await line.ask({ path: "/healthz" });
      if (holds(pid, { server: port, client: line.localPort })) return line;
      others.push(line);
    }
    throw new Error(`no connection to process ${pid} in ${connectionsTriedMax}`);
  } finally {
    for (const line of others) line.close();
  }
}

function childrenOf(parent: number): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter(isOne)
    .filter((pid) => {
      const status = textOf(`/proc/${pid}/status`);
      return Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]) === parent;
    });
}

function isOne(pid: number): boolean {
  return pid > 0 && textOf(`/proc/${pid}/cmdline`).split("\0").includes(name);
}

/** Whether the server's end of this connection is that process's. */
function holds(pid: number, ports: { server: number; client: number }): boolean {
  const hex = (port: number) => `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = textOf("/proc/net/tcp")
    .split("\n")
    .map((row) => row.trim().split(/\s+/));
  const row = rows.find(
    ([, local, remote]) =>
      local?.endsWith(hex(ports.server)) && remote?.endsWith(hex(ports.client)),
  );
  const inode = row?.[9];
  return readdirSync(`/proc/${pid}/fd`).some((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`;
    } catch {
      return false; // closed meanwhile
    }
  });
}

/** Empty when it is gone. */
function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
