import { systemClock } from "../platform/clock/clock.ts";
import type { Config } from "../platform/config/config.ts";
import { type Connection, type Db, openDb } from "../platform/db/db.ts";
import { findRunning } from "../platform/db/embedded.ts";
import { pendingMigrations } from "../platform/db/migrate.ts";
import { silentLog } from "../platform/log/log.ts";
import { fail, type Finding, sound, warn } from "./finding.ts";
import { allMigrations } from "./workplace.ts";

/** The database, when one runs: what it is, what our role may do, and its clock. */
const timeoutMs = 5_000;
const clockMsMax = 1_000;
/** Ids are leased for this long; beyond it they and their leases tell different times. */
const clockMsFatal = 30_000;
const versionMin = 150_000;

type Facts = {
  version: number;
  version_text: string;
  role: string;
  superuser: boolean;
  may_create: boolean;
  encoding: string;
  durable: boolean;
  connections: number;
  trigram: boolean;
  encrypted: boolean;
  remote: boolean;
};

export async function checkDatabase(config: Config): Promise<Finding[]> {
  const embedded = config.databaseUrl === "" ? await findRunning(config.dataDir) : null;
  const connection: Connection | undefined = config.databaseUrl || embedded?.app;
  if (!connection) {
    return [sound("database", "the embedded one is not running; it starts with Stoa")];
  }
  const replica = config.databaseReplicaUrl;
  return [
    ...(await withDb(connection, "database", (db) => checkPrimary(db, config))),
    ...(replica === "" ? [] : await withDb(replica, "replica", checkReplica)),
  ];
}

async function withDb(
  connection: Connection,
  check: string,
  work: (db: Db) => Promise<Finding[]>,
): Promise<Finding[]> {
  let db: Db | undefined;
  try {
    db = openDb({
      ...{ primary: connection, poolMax: 2, clock: systemClock, log: silentLog },
      ...{ acquireTimeoutMs: timeoutMs, statementTimeoutMs: timeoutMs },
      applicationName: `stoa-cli ${process.pid}`,
    });
    return await work(db);
  } catch (error) {
    const { message, cause } = error as Error;
    const reason = cause instanceof Error ? cause.message : message;
    const name = check === "replica" ? "DATABASE_REPLICA_URL" : "DATABASE_URL";
    const remedy = `Check host, port, user and password in ${name}, and that the server runs.`;
    return [fail(check, `not reached: ${reason}`, remedy)];
  } finally {
    await db?.close();
  }
}

async function checkPrimary(db: Db, config: Config): Promise<Finding[]> {
  const facts = (await db.one<Facts>`
    SELECT current_setting('server_version_num')::int AS version,
      current_setting('server_version') AS version_text, current_user::text AS role,
      (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
      has_database_privilege(current_database(), 'CREATE') AS may_create,
      current_setting('server_encoding') AS encoding,
      current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on'
        AND current_setting('synchronous_commit') <> 'off' AS durable,
      current_setting('max_connections')::int AS connections,
      EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm') AS trigram,
      coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS encrypted,
      coalesce(NOT inet_server_addr() <<= '127.0.0.0/8' AND inet_server_addr() <> '::1', false)
        AS remote`) as Facts;
  return [
    ...factFindings(facts, config),
    await checkClock(db),
    ...(await checkMigrations(db, facts)),
  ];
}

function factFindings(facts: Facts, config: Config): Finding[] {
  const { role, connections } = facts;
  const { processes } = config;
  const own = `ALTER DATABASE ... OWNER TO ${role}`;
  const places = config.databasePoolMax * processes;
  const takers = processes === 1 ? "each process" : `${processes} processes`;
  return [
    facts.version >= versionMin
      ? sound("database", `PostgreSQL ${facts.version_text}`)
      : fail("database", `PostgreSQL ${facts.version_text}`, "Stoa needs version 15 or newer."),
    facts.superuser
      ? warn("role", `${role} is a superuser`, "Give Stoa a role of its own (deploy/postgres).")
      : sound("role", `${role}, no superuser`),
    facts.may_create
      ? sound("schemas", `${role} may create them`)
      : fail("schemas", `${role} may not create them`, `As an administrator: ${own}.`),
    facts.trigram
      ? sound("pg_trgm", "available")
      : fail("pg_trgm", "not available", "Install the server's contrib package."),
    facts.encoding === "UTF8"
      ? sound("encoding", "UTF8")
      : fail("encoding", facts.encoding, "Make the database anew with ENCODING 'UTF8'."),
    facts.durable
      ? sound("durability", "commits are on disk before they are answered")
      : warn(
          "durability",
          "a crash of the server may lose what was answered",
          "Switch on fsync, full_page_writes and synchronous_commit there.",
        ),
    connections > places
      ? sound("connections", `${places} of ${connections} for ${takers}`)
      : fail(
          "connections",
          `${takers}: up to ${places}, the server gives ${connections}`,
          "Lower STOA_DATABASE_POOL_MAX, or raise max_connections.",
        ),
    ...(facts.remote && !facts.encrypted
      ? [warn("encryption", "the connection is in the clear", "Add ?sslmode=require to its URL.")]
      : []),
  ];
}

async function checkClock(db: Db): Promise<Finding> {
  const before = systemClock.now();
  const row = await db.one<{ ms: number }>`
    SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms`;
  const after = systemClock.now();
  // Half of the way there and back is the most that this may be wrong by.
  const apart = Math.round((row?.ms ?? 0) - (before + after) / 2);
  const found = `${Math.abs(apart)} ms ${apart < 0 ? "behind" : "ahead of"} this machine's`;
  const remedy = "Run a time service (chrony, systemd-timesyncd) on both machines.";
  if (Math.abs(apart) > clockMsFatal) return fail("clock", `the database's is ${found}`, remedy);
  if (Math.abs(apart) > clockMsMax) return warn("clock", `the database's is ${found}`, remedy);
  return sound("clock", `the database's is ${found}`);
}

async function checkMigrations(db: Db, { version }: Facts): Promise<Finding[]> {
  if (version < versionMin) return [];
  const check = "schema";
  const migrations = await allMigrations();
  const pending = await pendingMigrations(db.client, migrations);
  const newer = pending.length === migrations.length ? [] : await unknownMigrations(db, migrations);
  if (newer.length > 0) {
    const found = `has migrations that this version does not know: ${newer.join(", ")}`;
    return [fail(check, found, "Run the newer version of Stoa.")];
  }
  if (pending.length === 0) return [sound(check, "up to date")];
  const found = `${pending.length} migrations are pending: ${pending.join(", ")}`;
  return [warn(check, found, "The next start applies them, or now: stoa migrate.")];
}

async function unknownMigrations(db: Db, known: { id: string }[]): Promise<string[]> {
  const rows = await db.all<{ id: string }>`SELECT id FROM platform.migrations ORDER BY id`;
  return rows.map(({ id }) => id).filter((id) => !known.some((migration) => migration.id === id));
}

async function checkReplica(db: Db): Promise<Finding[]> {
  const row = await db.one<{ replica: boolean; lag: number | null }>`
    SELECT pg_is_in_recovery() AS replica,
      extract(epoch FROM now() - pg_last_xact_replay_timestamp())::float8 AS lag`;
  if (row?.replica) return [sound("replica", `follows, ${Math.round(row.lag ?? 0)} s behind`)];
  const remedy = "Point DATABASE_REPLICA_URL at a hot standby of the primary, or remove it.";
  return [fail("replica", "it is no replica", remedy)];
}
