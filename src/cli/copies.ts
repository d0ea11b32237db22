import type { SQL } from "bun";
import { resolve } from "node:path";
import { backup, inspectBackup, type OnProgress, restore } from "../platform/db/backup.ts";
import { migrate, type Migration, pendingMigrations } from "../platform/db/migrate.ts";
import { type Call, CommandError } from "./call.ts";
import type { Progress } from "./terminal.ts";
import {
  allMigrations,
  hasDatabase,
  logOf,
  serverSessionCount,
  withDatabase,
} from "./workplace.ts";
import { leapAhead } from "../systems/links/leap.ts";

/** `stoa backup` and `stoa restore`: everything Stoa keeps in PostgreSQL, as one file. */
export async function backupCommand(call: Call): Promise<number> {
  const file = resolve(call.args[0] ?? "");
  if (!hasDatabase(call)) {
    throw new CommandError(`there is no database in ${resolve(call.config.dataDir)} to back up`);
  }
  const summary = await withDatabase(call, async ({ db }) => {
    return await withProgress(call, (onProgress) => backup(db.client, file, onProgress));
  });
  const bytes = Bun.file(file).size;
  if (call.is("json")) call.json({ file, bytes, ...summary });
  else call.print(file);
  call.say(`${summary.tables} tables, ${summary.rows} rows, ${bytes} bytes.`);
  call.say("It holds password hashes and signing keys: keep it as safe as the database.");
  return 0;
}

export async function restoreCommand(call: Call): Promise<number> {
  const file = resolve(call.args[0] ?? "");
  if (!(await Bun.file(file).exists())) throw new CommandError(`there is no file ${file}`);
  const force = call.is("force");
  const migrations = await allMigrations();
  const summary = await withDatabase(call, async ({ db: { client } }) => {
    const servers = await serverSessionCount(client);
    if (servers > 0 && !force) {
      throw new CommandError(
        "Stoa is running on this database and would go on with what it remembers. Stop it " +
          "first, or use --force and restart it afterwards.",
      );
    }
    await meetBackup(call, client, migrations, file);
    const done = await withProgress(call, (onProgress) =>
      restore(client, file, { force, onProgress }),
    );
    await migrate(client, migrations, logOf(call));
    await leapAhead(client);
    if (servers > 0) call.say("Restart the running Stoa now: it still remembers what was before.");
    return done;
  });
  if (call.is("json")) call.json({ file, ...summary });
  call.say(`Restored ${summary.tables} tables, ${summary.rows} rows.`);
  return 0;
}

/**
 * Brings a fresh database to the schema that the backup was made with; the rest of the
 * migrations follow the data. On a database in use, `restore` says what is different.
 */
async function meetBackup(
  call: Call,
  client: SQL,
  migrations: Migration[],
  file: string,
): Promise<void> {
  const wanted = (await inspectBackup(file)).migrations.map(({ id }) => id);
  const unknown = wanted.filter((id) => !migrations.some((migration) => migration.id === id));
  if (unknown.length > 0) {
    throw new CommandError(
      `${file} was made by a newer Stoa (it has ${unknown.join(", ")}); restore it with that one.`,
    );
  }
  const pending = await pendingMigrations(client, migrations);
  const applied = migrations.filter(({ id }) => !pending.includes(id));
  const steps = migrations.filter(({ id }) => wanted.includes(id));
  if (applied.every(({ id }) => wanted.includes(id))) await migrate(client, steps, logOf(call));
}

/** Ctrl-C is noticed wherever progress is told, and undoes what was begun. */
async function withProgress<T>(
  call: Call,
  work: (onProgress: OnProgress) => Promise<T>,
): Promise<T> {
  let phase = "";
  let progress: Progress | undefined;
  try {
    return await work((now) => {
      call.signal.throwIfAborted();
      if (phase !== now.phase) {
        progress?.end();
        progress = call.progress(now.phase);
        phase = now.phase;
      }
      progress?.at(now.fraction, now.table);
    });
  } finally {
    progress?.end();
  }
}
