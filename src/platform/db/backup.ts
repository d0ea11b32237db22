import type { SQL } from "bun";
import {
  listMigrations,
  listSequences,
  listTables,
  namesOf,
  prepareSession,
  sum,
} from "./backup-catalog.ts";
import { BackupError, type Header, readBackupFile, writeBackupFile } from "./backup-file.ts";
import {
  copyFiles,
  type FilesOut,
  type FileSummary,
  keepingFiles,
  noFiles,
  observed,
} from "./backup-files.ts";

/**
 * A backup of everything Stoa keeps in PostgreSQL and of the files that its rows lead to, as one
 * file, by COPY in one snapshot: it needs no superuser and no pg_dump, so it is the same on the
 * embedded server and any other, and moves from one to the other. The price against a copy of the
 * data files: a restore writes every index anew.
 *
 * The schema is not in it: it comes from the migrations, whose names and checksums the header
 * has. `restore` wants a database with exactly these, so an older backup is restored by applying
 * the migrations that `inspectBackup` names, restoring, and then applying the rest.
 */
export { BackupError, type Header };

export type Progress = {
  phase: "copying" | "checking" | "restoring";
  /** The table or file at hand, empty while checking. */
  at: string;
  /** 0 to 1 within the phase. */
  fraction: number;
};
export type OnProgress = (progress: Progress) => void;
export type Summary = FileSummary & { tables: number; rows: number };

/** A partition may be dropped between the snapshot and its lock; a new snapshot knows that. */
const snapshotTriesMax = 3;

/** Writes all tables, and the files, to `path`. Reads and writes of others go on meanwhile. */
export async function backup(
  client: SQL,
  path: string,
  options: { files?: FilesOut; onProgress?: OnProgress } = {},
): Promise<Summary> {
  return await keepingFiles(client, async (session) => {
    for (let tried = 1; ; tried++) {
      try {
        return await session.begin("ISOLATION LEVEL REPEATABLE READ READ ONLY", (tx) =>
          copyOut(tx, path, options),
        );
      } catch (error) {
        const dropped = (error as { errno?: unknown }).errno === "42P01";
        if (!dropped || tried === snapshotTriesMax) throw error;
      }
    }
  });
}

/** What a backup holds, without a database. Checks the whole file. */
export async function inspectBackup(path: string): Promise<Header> {
  return await readBackupFile(path, async ({ header }) => header);
}

async function copyOut(
  tx: SQL,
  path: string,
  { files, onProgress = () => {} }: { files?: FilesOut; onProgress?: OnProgress },
): Promise<Summary> {
  await prepareSession(tx);
  const migrations = await listMigrations(tx);
  const tables = await listTables(tx);
  if (migrations.length === 0 || tables.length === 0) {
    throw new BackupError(
      "The role of this connection owns no tables of Stoa; connect as the role that migrated.",
    );
  }
  await tx.unsafe(`LOCK TABLE ${namesOf(tables)} IN ACCESS SHARE MODE`);
  const sequences = await listSequences(tx);
  const [server] = await tx`SELECT current_setting('server_version') AS version, now() AS now`;
  const inside = files?.here ?? false;
  const totals = (await files?.measure(tx)) ?? { count: 0, bytes: 0 };
  const tableBytes = sum(tables.map((table) => table.size_bytes));
  const told = telling(onProgress, tableBytes + (inside ? totals.bytes : 0));
  const rows: number[] = [];
  let copied = noFiles;
  await writeBackupFile(path, async (file) => {
    const created_at = (server.now as Date).toISOString();
    const server_version = server.version as string;
    const contents = { migrations, tables, sequences, files: { inside, ...totals } };
    await file.header({ created_at, server_version, ...contents });
    for (const [index, { name, size_bytes, partition_key, columns }] of tables.entries()) {
      told.begin(name, size_bytes);
      if (partition_key === null) {
        const query = tx.unsafe(`COPY ${name} (${columns.join(", ")}) TO STDOUT`);
        await file.table(index, observed(query.readable(), told.copied));
        rows.push((await query).count);
      } else rows.push(0);
    }
    told.begin("", totals.bytes);
    if (files && inside) {
      copied = await copyFiles(tx, file, files, (key, bytes) => told.copied(bytes, key));
    } else copied = { ...noFiles, elsewhere: totals.count };
    const { files: count, unreadable } = copied;
    await file.footer({ rows, files: count, unreadable });
  });
  onProgress({ phase: "copying", at: "", fraction: 1 });
  return { tables: tables.length, rows: sum(rows), ...copied };
}

/** Tables take another space as text than on the disk, so that each counts as what was measured. */
function telling(onProgress: OnProgress, totalBytes: number) {
  let name = "";
  let before = 0;
  let size = 0;
  let copied = 0;
  const tell = (at: string) => {
    const fraction = (before + Math.min(size, copied)) / Math.max(1, totalBytes);
    onProgress({ phase: "copying", at, fraction });
  };
  return {
    begin(what: string, sizeBytes: number) {
      [name, before, size, copied] = [what, before + size, sizeBytes, 0];
      tell(name);
    },
    copied(bytes: number, what = name) {
      copied += bytes;
      tell(what);
    },
  };
}
