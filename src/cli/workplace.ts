import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { SQL } from "bun";
import { explain, serverSessions } from "../platform/db/db.ts";
import { type Migration, pendingMigrations } from "../platform/db/migrate.ts";
import { createLog, type Log } from "../platform/log/log.ts";
import { type Database, openDatabase, type Platform } from "../platform/platform.ts";
import { type Call, CommandError } from "./call.ts";

/**
 * The database for the time of a command: the running server's, or the embedded one started for
 * as long as it takes. Sessions are named by process, so that commands and servers know each
 * other.
 */
const sessionsStart = "stoa-cli";
const sessions = `${sessionsStart} ${process.pid}`;
/** A server that is just starting holds the folder before it can be joined. */
const joinWithinMs = 15_000;
/** How long other commands may go on using the embedded server that this one started. */
const othersWithinMs = 30_000;
const pollMs = 50;

export async function withDatabase<T>(
  call: Call,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const database = await open(call, logOf(call));
  try {
    return await work(database);
  } catch (error) {
    throw explain(error);
  } finally {
    if (database.embedded && !call.signal.aborted) await waitForOthers(database.db.client);
    await database.close();
  }
}

/** With ids, events and jobs, on a schema that is up to date; of a Stoa that has been started. */
export async function withPlatform<T>(
  call: Call,
  work: (platform: Platform) => Promise<T>,
): Promise<T> {
  const { openPlatform } = await import("../platform/platform.ts");
  const { migrations } = await import("../migrations.ts");
  // A new one in whatever folder this is would hide that another was meant.
  if (!hasDatabase(call)) throw new CommandError(`${noDatabase(call)}. ${whereTo}`);
  return await withDatabase(call, async (database) => {
    await refuseToMigrateUnderServer(database.db.client, await allMigrations());
    const platform = await openPlatform(call.config, logOf(call), database, migrations);
    try {
      return await work(platform);
    } finally {
      for (const one of [...platform.leaseServers, platform.state]) await one.close();
      await platform.ids.close();
    }
  });
}

/** Of the platform and every system, in their order. */
export async function allMigrations(): Promise<Migration[]> {
  const { platformMigrations } = await import("../platform/platform.ts");
  const { migrations } = await import("../migrations.ts");
  return [...platformMigrations, ...migrations];
}

/** How many sessions servers hold on this database. */
export async function serverSessionCount(client: SQL): Promise<number> {
  const [row] = await client`
    SELECT count(*)::int AS count FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = ${serverSessions}`;
  return row.count;
}

/** Whether the embedded server has a database to open; one of DATABASE_URL is assumed to. */
export function hasDatabase({ config }: Call): boolean {
  return config.databaseUrl !== "" || existsSync(join(config.dataDir, "postgres", "PG_VERSION"));
}

export function noDatabase({ config }: Call): string {
  return `there is no database in ${resolve(config.dataDir)}`;
}

const whereTo =
  "Set STOA_DATA_DIR or DATABASE_URL as for the Stoa you mean; a new one begins with `stoa serve`.";

/** Warnings as sentences; with STOA_LOG_LEVEL=debug everything as it is logged. */
export function logOf(call: Call): Log {
  if (call.config.logLevel === "debug") return createLog({ level: "debug" });
  return createLog({
    level: "warn",
    write(line) {
      const { message, error } = JSON.parse(line) as { message: string; error?: Error };
      // What PostgreSQL says while it stops is of no use to anybody.
      if (message === "postgres") return;
      call.say(`stoa: ${message}${error ? `: ${error.message}` : ""}`);
    },
  });
}

async function open(call: Call, log: Log): Promise<Database> {
  if (call.config.databaseUrl === "" && !hasDatabase(call)) {
    call.say("Creating the database; this takes a few seconds once.");
  }
  const deadline = performance.now() + joinWithinMs;
  for (;;) {
    try {
      return await openDatabase(call.config, log, { join: true, applicationName: sessions });
    } catch (error) {
      const inUse = error instanceof Error && error.message.includes("in use by process");
      if (!inUse || performance.now() > deadline) throw error;
    }
    call.signal.throwIfAborted();
    await Bun.sleep(pollMs);
  }
}

/** A schema must not change under a server that does not know the change. */
async function refuseToMigrateUnderServer(client: SQL, migrations: Migration[]): Promise<void> {
  const pending = await pendingMigrations(client, migrations);
  if (pending.length === 0 || (await serverSessionCount(client)) === 0) return;
  throw new CommandError(
    `A server of another version is running: its schema lacks ${pending.join(", ")}. ` +
      "Restart it with this version first.",
  );
}

async function waitForOthers(client: SQL): Promise<void> {
  const deadline = performance.now() + othersWithinMs;
  while (performance.now() < deadline) {
    const [row] = await client`
      SELECT EXISTS (SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND application_name LIKE ${`${sessionsStart} %`}
          AND application_name <> ${sessions}) AS others`.catch(() => [{ others: false }]);
    if (!row.others) return;
    await Bun.sleep(pollMs);
  }
}
