import { SQL } from "bun";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../src/platform/clock/clock.ts";
import { type Connection, type Db, openDb } from "../src/platform/db/db.ts";
import { startEmbedded } from "../src/platform/db/embedded.ts";
import { migrate, type Migration } from "../src/platform/db/migrate.ts";
import { silentLog } from "../src/platform/log/log.ts";

/**
 * Real databases for tests. Each call clones a migrated template, which takes milliseconds, so
 * tests never share rows. Whoever comes first makes the template, for all files of a server.
 * `TEST_DATABASE_URL` names one whose role may create databases; without it a PostgreSQL of this
 * process is started once and dies with it.
 */
export type TestDatabase = {
  db: Db;
  connection: Connection;
  /** A client with the rights to break things. */
  admin: SQL;
  drop(): Promise<void>;
};

type Server = { admin: SQL; connect(database: string, owner?: boolean): Connection };

let server: Promise<Server> | undefined;
const templates = new Map<string, Promise<string>>();
let created = 0;

export async function testDatabase(migrations: Migration[]): Promise<TestDatabase> {
  server ??= startServer();
  const { admin, connect } = await server;
  const template = await templateFor(migrations);
  const name = `t_${process.pid}_${++created}_${crypto.randomUUID().slice(0, 8)}`;
  const owner = await appRole(admin);
  // The other strategy writes every page to the log as well, which takes twice the processor.
  await admin.unsafe(
    `CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY file_copy OWNER ${owner}`,
  );
  const connection = connect(name);
  const db = openTestDb(connection);
  return {
    db,
    connection,
    admin,
    async drop() {
      await db.close();
      await admin.unsafe(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

/** A second pool on the same database, as another process would have. */
export function openTestDb(connection: Connection, poolMax = 8): Db {
  return openDb({
    primary: connection,
    poolMax,
    acquireTimeoutMs: 20_000,
    statementTimeoutMs: 10_000,
    clock: systemClock,
    log: silentLog,
  });
}

const folderPrefix = "stoa-test-";

/** A test runner ends without a word, so each start removes what dead ones left. */
export function freshFolder(base: string): string {
  for (const name of readdirSync(base)) {
    const pid = name.startsWith(folderPrefix) ? Number(name.split("-")[2]) : Number.NaN;
    if (Number.isNaN(pid) || existsSync(`/proc/${pid}`)) continue;
    rmSync(join(base, name), { recursive: true, force: true });
  }
  return mkdtempSync(join(base, `${folderPrefix}${process.pid}-`));
}

function templateFor(migrations: Migration[]): Promise<string> {
  const hash = new Bun.CryptoHasher("sha256");
  for (const migration of migrations) hash.update(migration.id).update(migration.sql);
  const name = `template_${hash.digest("hex").slice(0, 12)}`;
  let template = templates.get(name);
  if (!template) {
    template = makeTemplate(name, migrations);
    templates.set(name, template);
  }
  return template;
}

async function makeTemplate(name: string, migrations: Migration[]): Promise<string> {
  const { admin, connect } = await (server as Promise<Server>);
  const turn = await admin.reserve();
  try {
    await turn`SELECT pg_advisory_lock(${templateLock})`;
    const [made] = await turn`SELECT 1 FROM pg_database WHERE datname = ${name}`;
    if (made) return name;
    // It gets its name when it is whole: whoever made it may be killed before.
    const unfinished = `${name}_unfinished`;
    await turn.unsafe(`DROP DATABASE IF EXISTS ${unfinished} WITH (FORCE)`);
    await turn.unsafe(`CREATE DATABASE ${unfinished} OWNER ${await appRole(turn)}`);
    const connection = connect(unfinished);
    const client = typeof connection === "string" ? new SQL(connection) : new SQL(connection);
    await migrate(client, migrations, silentLog);
    await client.close();
    await turn.unsafe(`ALTER DATABASE ${unfinished} RENAME TO ${name}`);
    return name;
  } finally {
    await turn`SELECT pg_advisory_unlock(${templateLock})`;
    turn.release();
  }
}

const templateLock = 7_311_000_900;

/** The role that owns test databases: `stoa` where Stoa made the server, else whoever we are. */
async function appRole(admin: SQL): Promise<string> {
  const [row] = await admin`
    SELECT coalesce((SELECT rolname FROM pg_roles WHERE rolname = 'stoa' AND NOT rolsuper),
                    current_user)::text AS role`;
  return row.role;
}

async function startServer(): Promise<Server> {
  const url = process.env["TEST_DATABASE_URL"];
  if (url) {
    const admin = new SQL(url, { max: 2 });
    const role = await appRole(admin);
    const connect = (database: string) => {
      const target = new URL(url);
      target.pathname = `/${database}`;
      // Only the server that Stoa made for itself lets a role in without its password.
      if (role === "stoa") target.username = role;
      return target.href;
    };
    return { admin, connect };
  }
  const dataDir = freshFolder(tmpdir());
  const embedded = await startEmbedded({ dataDir, log: silentLog, durable: false });
  const options = (connection: Connection, database: string): Connection =>
    typeof connection === "string" ? connection : { ...connection, database };
  return {
    admin: new SQL({ ...(embedded.admin as SQL.Options), max: 2 }),
    connect: (database) => options(embedded.app, database),
  };
}
