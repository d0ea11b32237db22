import { ConfigError, type Config } from "../platform/config/config.ts";
import { startEmbedded, type EmbeddedPostgres } from "../platform/db/embedded.ts";
import { createLog, type Log } from "../platform/log/log.ts";
import { mergeExpositions } from "../platform/metrics/merge.ts";
import { Metrics } from "../platform/metrics/metrics.ts";
import { measureProcess } from "../platform/platform.ts";
import { type Call, CommandError } from "./call.ts";
import { Keeper } from "./serve-keeper.ts";
import { greet, type Greeting } from "./serve-greeting.ts";

/**
 * `stoa serve --processes N`: this process answers nobody. It runs the embedded PostgreSQL, if
 * that is wanted, and N processes that share the ports, each of which the kernel gives its share
 * of the connections. In logs and metrics it is process 0.
 */
export async function serveTogether(call: Call, config: Config): Promise<number> {
  requireShared(config);
  const log = createLog({ level: config.logLevel, base: { process: 0 } });
  const port = await requireFree(config.host, config.port);
  for (const other of [config.redirectPort, config.limitGrpcPort]) {
    if (other !== 0) await requireFree(config.host, other);
  }
  const embedded = await databaseOf(config, log);
  const keepers = keepersOf(call, { ...config, port }, embedded, log);
  const ended = Promise.withResolvers<number>();
  endOnSignal(keepers, log, () => ended.resolve(0));
  endOnFailure(keepers, embedded, log, () => ended.resolve(1));
  let code = 1;
  try {
    const greeting = await Promise.race([startAll(keepers), ended.promise]);
    if (typeof greeting !== "number") greet({ ...greeting, port }, config);
    code = await ended.promise;
  } finally {
    const ends = await Promise.all(keepers.map((keeper) => keeper.stop()));
    await embedded?.stop();
    if (ends.includes(false)) code = 1;
    log.info("all processes have ended");
  }
  return code;
}

function requireShared({ processes, redisUrl }: Config): void {
  if (redisUrl !== "") return;
  const why = `${processes} processes count limits and hear of changes through it`;
  throw new ConfigError([`REDIS_URL: must be set, since ${why}; or let STOA_PROCESSES be 1`]);
}

/** What a killed predecessor left behind lets go of the port by then. */
const freeWithinMs = 3_000;
const freeAgainMs = 50;

/**
 * The port, or one that is free for 0. On a port that may be shared a second install would get
 * half of the first one's visitors instead of an error, so it is first taken for oneself.
 */
async function requireFree(hostname: string, wanted: number): Promise<number> {
  const until = performance.now() + freeWithinMs;
  for (;;) {
    try {
      const listener = Bun.listen({ hostname, port: wanted, socket: { data() {} } });
      const { port } = listener;
      listener.stop(true);
      return port;
    } catch (cause) {
      if (performance.now() > until) {
        const message = `cannot listen on port ${wanted} of ${hostname}: stoa doctor says why`;
        throw new CommandError(message, { cause });
      }
    }
    await Bun.sleep(freeAgainMs);
  }
}

/** Beside its pool a process listens, drains clicks, and may be asked by commands. */
const connectionsBeside = 12;
const connectionsMin = 200;

async function databaseOf(config: Config, log: Log): Promise<EmbeddedPostgres | null> {
  if (config.databaseUrl !== "") return null;
  const wanted = config.processes * (config.databasePoolMax + connectionsBeside);
  const connectionsMax = Math.max(connectionsMin, wanted);
  return await startEmbedded({ dataDir: config.dataDir, log, connectionsMax });
}

function keepersOf(
  call: Call,
  config: Config,
  embedded: EmbeddedPostgres | null,
  log: Log,
): Keeper[] {
  const { host, port, processes } = config;
  const limits = { graceMs: config.drainGraceMs, silenceMsMax: config.processSilenceMsMax };
  // What flags said; the rest is read from the same environment.
  const given = { HOST: host, PORT: String(port), STOA_PROCESSES: String(processes) };
  const env = { ...call.env, ...given };
  const start = { kind: "start", connection: embedded?.app ?? null } as const;
  const metrics = new Metrics();
  let collecting: Promise<string> | null = null;
  const collect = (): Promise<string> => {
    collecting ??= collectMetrics(keepers, metrics).finally(() => (collecting = null));
    return collecting;
  };
  const keepers: Keeper[] = Array.from(
    { length: processes },
    (_, n) => new Keeper({ number: n + 1, env, start, ...limits, log, collect }),
  );
  measureProcess(metrics, () => embedded?.restarts() ?? 0);
  metrics.gauge("stoa_processes_ready", "Processes that answer requests.", () => {
    return keepers.filter((keeper) => keeper.isReady).length;
  });
  metrics.countedBy("stoa_process_restarts_total", "Processes that died, started again.", () => {
    return keepers.reduce((sum, { restarts }) => sum + restarts, 0);
  });
  return keepers;
}

/** Of this process and of all that answer in time. */
async function collectMetrics(keepers: Keeper[], own: Metrics): Promise<string> {
  const texts = await Promise.all(keepers.map((keeper) => keeper.render()));
  return mergeExpositions([
    { process: 0, text: own.render() },
    ...texts.flatMap((text, n) => (text === null ? [] : [{ process: n + 1, text }])),
  ]);
}

/** One before the others: it migrates the schema, makes the first admin and builds the console. */
async function startAll([first, ...others]: Keeper[]): Promise<Greeting> {
  if (!first) throw new Error("there is no process to start");
  const greeting = await first.start();
  await Promise.all(others.map((keeper) => keeper.start()));
  return greeting;
}

function endOnSignal(keepers: Keeper[], log: Log, end: () => void): void {
  let ending = false;
  const stop = (signal: string) => {
    if (ending) {
      log.warn("stopping at once", { signal });
      for (const keeper of keepers) keeper.kill();
      process.exit(1);
    }
    ending = true;
    log.info("stopping all processes", { signal });
    end();
  };
  process.on("SIGTERM", () => stop("SIGTERM"));
  process.on("SIGINT", () => stop("SIGINT"));
}

function endOnFailure(
  keepers: Keeper[],
  embedded: EmbeddedPostgres | null,
  log: Log,
  end: () => void,
): void {
  embedded?.onFatal((error) => {
    log.error("the database keeps failing; giving up", { error });
    end();
  });
  for (const keeper of keepers) {
    void keeper.fatal.then((error) => {
      log.error("a process keeps dying; giving up", { error });
      end();
    });
  }
}
