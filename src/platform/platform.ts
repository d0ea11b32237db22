import { openBlobs } from "./blobs/open.ts";
import { openUploads, uploadsMigration } from "./blobs/uploads.ts";
import { systemClock, type Clock } from "./clock/clock.ts";
import { publicUrlOf, type Config } from "./config/config.ts";
import { openDb, type Connection, type Db } from "./db/db.ts";
import { findRunning, startEmbedded, type EmbeddedPostgres } from "./db/embedded.ts";
import { migrate, type Migration } from "./db/migrate.ts";
import { secretsMigration } from "./db/secrets.ts";
import { createEvents, eventsMigration } from "./events/outbox.ts";
import { idempotencyMigration } from "./http/idempotency.ts";
import { idsMigration, openIds } from "./ids/ids.ts";
import { createJobs, jobsMigration } from "./jobs/queue.ts";
import type { Log } from "./log/log.ts";
import { Metrics } from "./metrics/metrics.ts";
import { createOutbound } from "./outbound/outbound.ts";
import { Realtime } from "./realtime/realtime.ts";
import { openState } from "./state/open.ts";

/** What every system is built from: the database and the blocks that stand on it. */
export const platformMigrations: Migration[] = [
  secretsMigration,
  idempotencyMigration,
  idsMigration,
  jobsMigration,
  eventsMigration,
  uploadsMigration,
];

export type Database = {
  db: Db;
  connection: Connection;
  /** Null when DATABASE_URL names the server. */
  embedded: EmbeddedPostgres | null;
  close(deadline?: AbortSignal): Promise<void>;
};

export type DatabaseOptions = {
  join?: boolean;
  /** Of an embedded server that the process above this one runs. */
  connection?: Connection;
  clock?: Clock;
  applicationName?: string;
};

/**
 * The database of this configuration. The embedded one is started, or joined when `join` allows
 * it and another process of this install runs it already (the command line beside the server).
 */
export async function openDatabase(
  config: Config,
  log: Log,
  options: DatabaseOptions = {},
): Promise<Database> {
  const { connection, embedded } = await connect(config, log, options);
  const db = openDb({
    primary: connection,
    replica: config.databaseReplicaUrl || undefined,
    poolMax: config.databasePoolMax,
    acquireTimeoutMs: config.databaseAcquireTimeoutMs,
    statementTimeoutMs: config.databaseStatementTimeoutMs,
    clock: options.clock ?? systemClock,
    log,
    applicationName: options.applicationName,
  });
  return {
    db,
    connection,
    embedded,
    async close(deadline) {
      await db.close(deadline);
      await embedded?.stop(deadline);
    },
  };
}

async function connect(config: Config, log: Log, options: DatabaseOptions) {
  const given = config.databaseUrl || options.connection;
  if (given !== undefined) return { connection: given, embedded: null };
  const running = options.join ? await findRunning(config.dataDir) : null;
  if (running) return { connection: running.app, embedded: null };
  const embedded = await startEmbedded({ dataDir: config.dataDir, log });
  return { connection: embedded.app, embedded };
}

export type Platform = Awaited<ReturnType<typeof openPlatform>>;

/** Brings the schema up to date and opens the blocks. Nothing runs until `jobs.start()`. */
export async function openPlatform(
  config: Config,
  log: Log,
  database: Database,
  migrations: Migration[],
  clock: Clock = systemClock,
) {
  const { db, connection, embedded } = database;
  await migrate(db.client, [...platformMigrations, ...migrations], log);
  const metrics = new Metrics();
  const ids = await openIds({ db, clock, log });
  const jobs = createJobs({ db, clock, log, ids, metrics });
  const events = createEvents({ db, clock, log, ids, jobs, metrics });
  const outbound = createOutbound({ log, clock, allowPrivate: config.outboundAllowPrivate });
  const { redisUrl, leaseRedisUrls, redisCommandTimeoutMs: commandTimeoutMs } = config;
  const stateOptions = { commandTimeoutMs, clock, log, metrics };
  const state = await openState({ ...stateOptions, redisUrl });
  const leaseServers = await Promise.all(
    leaseRedisUrls.map((url, i) => {
      return openState({ ...stateOptions, redisUrl: url, server: `lease ${i + 1}` });
    }),
  );
  const publicUrl = publicUrlOf(config);
  const realtime = new Realtime({ ...config, publicUrl, state, clock, metrics });
  const blobs = await openBlobs(config, clock);
  const uploads = await openUploads({ config, blobs, db, ids, clock, log });
  measureProcess(metrics, () => embedded?.restarts() ?? 0);
  const blocks = { config, log, clock, db, connection, metrics, ids, jobs, events, outbound };
  return { ...blocks, state, leaseServers, realtime, blobs, uploads };
}

export function measureProcess(metrics: Metrics, databaseRestarts: () => number): void {
  const restarts = "Restarts of the embedded PostgreSQL.";
  metrics.countedBy("stoa_db_restarts_total", restarts, databaseRestarts);
  metrics.gauge("process_resident_memory_bytes", "Memory of this process.", () => {
    return process.memoryUsage.rss();
  });
  metrics.countedBy("process_cpu_seconds_total", "CPU time of this process.", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
}
