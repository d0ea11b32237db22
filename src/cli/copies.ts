import type { SQL } from "bun";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { filesElsewhere, filesInto, filesOnDisk } from "../platform/blobs/copies.ts";
import { openBlobs } from "../platform/blobs/open.ts";
import { systemClock } from "../platform/clock/clock.ts";
import {
  backup,
  type Header,
  inspectBackup,
  type OnProgress,
  type Summary,
} from "../platform/db/backup.ts";
import { migrate, type Migration, pendingMigrations } from "../platform/db/migrate.ts";
import { restore } from "../platform/db/restore.ts";
import { type Call, CommandError } from "./call.ts";
import type { Progress } from "./terminal.ts";
import {
  allMigrations,
  hasDatabase,
  logOf,
  noDatabase,
  serverSessionCount,
  withDatabase,
} from "./workplace.ts";
import { leapAhead } from "../systems/links/leap.ts";

/**
 * `stoa backup` and `stoa restore`: everything Stoa keeps in PostgreSQL, and the files of people
 * that are on the disk, as one file.
 */
export async function backupCommand(call: Call): Promise<number> {
  const file = resolve(call.args[0] ?? "");
  if (!hasDatabase(call)) throw new CommandError(`${noDatabase(call)} to back up`);
  const files = call.config.s3Url === "" ? filesOnDisk(() => blobsThere(call)) : filesElsewhere();
  const summary = await withDatabase(call, async ({ db }) => {
    return await withProgress(call, (onProgress) => backup(db.client, file, { files, onProgress }));
  });
  const bytes = Bun.file(file).size;
  if (call.is("json")) call.json({ file, bytes, ...summary });
  else call.print(file);
  call.say(`${contentsOf(summary)}, ${bytes} bytes.`);
  call.say("It holds password hashes and signing keys: keep it as safe as the database.");
  const { elsewhere, unreadable, unreadable_keys: keys } = summary;
  if (elsewhere > 0) {
    call.say(
      `NOT in it: ${elsewhere} files that are in S3. Keep copies of that bucket by its own ` +
        "means, made after this backup.",
    );
  }
  if (unreadable === 0) return 0;
  const more = unreadable > keys.length ? ` and ${unreadable - keys.length} more` : "";
  call.say(`NOT in it: ${unreadable} files that are gone or damaged: ${keys.join(", ")}${more}.`);
  return 1;
}

export async function restoreCommand(call: Call): Promise<number> {
  const file = resolve(call.args[0] ?? "");
  if (!(await Bun.file(file).exists())) throw new CommandError(`there is no file ${file}`);
  const force = call.is("force");
  const migrations = await allMigrations();
  const summary = await withDatabase(call, async ({ db }) => {
    const { client } = db;
    const servers = await serverSessionCount(client);
    if (servers > 0 && !force) {
      throw new CommandError(
        "Stoa is running on this database and would go on with what it remembers. Stop it " +
          "first, or use --force and restart it afterwards.",
      );
    }
    await meetBackup(call, client, migrations, file);
    const files = filesInto(await openBlobs(call.config, systemClock));
    const done = await withProgress(call, (onProgress) =>
      restore(client, file, { force, files, onProgress }),
    );
    await migrate(client, migrations, logOf(call));
    await leapAhead(db);
    if (servers > 0) call.say("Restart the running Stoa now: it still remembers what was before.");
    return done;
  });
  if (call.is("json")) call.json({ file, ...summary });
  call.say(`Restored ${contentsOf(summary)}.`);
  const { elsewhere, unreadable } = summary;
  if (elsewhere > 0) {
    call.say(`${elsewhere} files were in S3: they are served once S3_URL leads to them.`);
  }
  if (unreadable > 0) {
    call.say(`${unreadable} files were gone or damaged when it was made, and are not in it.`);
  }
  return 0;
}

const contentsOf = ({ tables, rows, files }: Summary) =>
  `${tables} tables, ${rows} rows, ${files} files`;

/** Asked for with the first file: an install that has none needs no folder for them. */
async function blobsThere(call: Call) {
  const folder = join(resolve(call.config.dataDir), "blobs");
  if (existsSync(folder)) return await openBlobs(call.config, systemClock);
  throw new CommandError(
    `there are files in this install, and not in ${folder}: run this where they are, with its ` +
      "STOA_DATA_DIR",
  );
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
  const header = await inspectBackup(file);
  requireFiles(call, header);
  const wanted = header.migrations.map(({ id }) => id);
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

/** Rows that lead to files in S3 lead nowhere on an install that keeps its own. */
function requireFiles(call: Call, { files }: Header): void {
  if (!files || files.inside || files.count === 0 || call.config.s3Url !== "") return;
  if (call.is("force")) return;
  throw new CommandError(
    `this backup is of an install with ${files.count} files in S3, which are not in it. Set ` +
      "S3_URL to where they are, or use --force to restore it without them.",
  );
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
      progress?.at(now.fraction, now.at);
    });
  } finally {
    progress?.end();
  }
}
