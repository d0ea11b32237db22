import type { SQL } from "bun";
import type { Log } from "../log/log.ts";

/**
 * Brings the schema up to date at start. Every process may call it at once: an advisory lock
 * lets one work while the others wait and then find nothing to do. Each migration runs in its
 * own transaction together with its own record, so a crash leaves it wholly done or not at all.
 */
export type Migration = { id: string; sql: string };

const migrationLock = 7_311_000_001;

export class MigrationError extends Error {
  override readonly name = "MigrationError";
}

/** Returns the ids that this call applied. */
export async function migrate(client: SQL, migrations: Migration[], log: Log): Promise<string[]> {
  const connection = await client.reserve();
  try {
    await connection`SET statement_timeout = 0`;
    await connection`SET default_transaction_read_only = off`;
    await connection`SELECT pg_advisory_lock(${migrationLock})`;
    await requireVersion(connection);
    await connection`CREATE SCHEMA IF NOT EXISTS platform`;
    await connection`CREATE TABLE IF NOT EXISTS platform.migrations (
      id text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`;
    const applied = await appliedChecksums(connection);
    const done: string[] = [];
    for (const migration of migrations) {
      const checksum = checksumOf(migration.sql);
      const known = applied.get(migration.id);
      if (known === undefined) {
        await apply(connection, migration, checksum);
        done.push(migration.id);
      } else if (known !== checksum) {
        throw new MigrationError(
          `Migration ${migration.id} was edited after it ran here; add a new one instead.`,
        );
      }
    }
    refuseNewer(applied, migrations);
    if (done.length > 0) log.info("schema migrated", { applied: done });
    return done;
  } finally {
    await connection`SELECT pg_advisory_unlock(${migrationLock})`.catch(() => {});
    await connection`RESET statement_timeout`.catch(() => {});
    await connection`RESET default_transaction_read_only`.catch(() => {});
    await connection.release();
  }
}

/** The ids that `migrate` would apply; for `doctor` and `migrate --dry-run`. */
export async function pendingMigrations(client: SQL, migrations: Migration[]): Promise<string[]> {
  const [table] = await client`SELECT to_regclass('platform.migrations') AS name`;
  if (!table?.name) return migrations.map((m) => m.id);
  const applied = await appliedChecksums(client);
  return migrations.filter((m) => !applied.has(m.id)).map((m) => m.id);
}

async function apply(connection: SQL, migration: Migration, checksum: string): Promise<void> {
  await connection.unsafe("BEGIN");
  try {
    await connection.unsafe(migration.sql).simple();
    await connection`INSERT INTO platform.migrations (id, checksum)
      VALUES (${migration.id}, ${checksum})`;
    await connection.unsafe("COMMIT");
  } catch (error) {
    await connection.unsafe("ROLLBACK").catch(() => {});
    throw new MigrationError(`Migration ${migration.id} failed: ${String(error)}`, {
      cause: error,
    });
  }
}

async function appliedChecksums(connection: SQL): Promise<Map<string, string>> {
  const rows: { id: string; checksum: string }[] =
    await connection`SELECT id, checksum FROM platform.migrations`;
  return new Map(rows.map((row) => [row.id, row.checksum]));
}

async function requireVersion(connection: SQL): Promise<void> {
  const [row] = await connection`SELECT current_setting('server_version_num')::int AS version`;
  if (row.version < 150_000) {
    throw new MigrationError(`PostgreSQL 15 or newer is needed; this one is ${row.version}.`);
  }
}

/** An older Stoa on a newer schema would corrupt what it does not know of. */
function refuseNewer(applied: Map<string, string>, migrations: Migration[]): void {
  const known = new Set(migrations.map((m) => m.id));
  const unknown = [...applied.keys()].filter((id) => !known.has(id));
  if (unknown.length > 0) {
    throw new MigrationError(
      `The database has migrations that this version does not know: ${unknown.join(", ")}. ` +
        "Run the newer version of Stoa.",
    );
  }
}

function checksumOf(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 32);
}
