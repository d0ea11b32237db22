import type { SQL } from "bun";
import {
  listMigrations,
  listObstacles,
  listSequences,
  listTables,
  migrationsTable,
  type Sequence,
  type Table,
} from "./backup-catalog.ts";
import { BackupError, type Header, readBackupFile, writeBackupFile } from "./backup-file.ts";

/**
 * A backup of everything Stoa keeps in PostgreSQL, as one file, by COPY in one snapshot: it needs
 * no superuser and no pg_dump, so it is the same on the embedded server and any other, and moves
 * from one to the other. The price against a copy of the data files: a restore writes every
 * index anew.
 *
 * The schema is not in it: it comes from the migrations, whose names and checksums the header
 * has. `restore` wants a database with exactly these, so an older backup is restored by applying
 * the migrations that `inspectBackup` names, restoring, and then applying the rest.
 */
export { BackupError };

export type Progress = {
  phase: "copying" | "checking" | "restoring";
  /** The table at hand, empty while checking. */
  table: string;
  /** 0 to 1 within the phase. */
  fraction: number;
};
export type OnProgress = (progress: Progress) => void;
export type Summary = { tables: number; rows: number };

/** Longest wait for the locks: somebody else is using the tables. */
const lockTimeoutMs = 10_000;
/** A partition may be dropped between the snapshot and its lock; a new snapshot knows that. */
const snapshotTriesMax = 3;

/** Writes all tables to `path`. Reads and writes of others go on meanwhile. */
export async function backup(
  client: SQL,
  path: string,
  onProgress: OnProgress = () => {},
): Promise<Summary> {
  for (let tried = 1; ; tried++) {
    try {
      return await client.begin("ISOLATION LEVEL REPEATABLE READ READ ONLY", (tx) =>
        copyOut(tx, path, onProgress),
      );
    } catch (error) {
      const dropped = (error as { errno?: unknown }).errno === "42P01";
      if (!dropped || tried === snapshotTriesMax) throw error;
    }
  }
}

/** What a backup holds, without a database. Checks the whole file. */
export async function inspectBackup(path: string): Promise<Header> {
  return await readBackupFile(path, async ({ header }) => header);
}

/**
 * Puts a backup in place of what the database holds, wholly or not at all. The database must hold
 * nothing but what its migrations wrote, unless `force`. No Stoa may run on it meanwhile: it
 * would go on with what it remembers.
 */
export async function restore(
  client: SQL,
  path: string,
  options: { force?: boolean; onProgress?: OnProgress } = {},
): Promise<Summary> {
  const { force = false, onProgress = () => {} } = options;
  return await readBackupFile(
    path,
    ({ header, frames, sizeBytes }) =>
      client.begin(async (tx) => {
        await prepareSession(tx);
        await requireSameSchema(tx, header, path);
        const obstacles = await listObstacles(tx);
        await emptyTables(tx, force);
        for (const { off } of obstacles) await tx.unsafe(off);
        await createPartitions(tx, header.tables);
        const rows = await loadTables(tx, header.tables, frames(), (table, at) =>
          onProgress({ phase: "restoring", table, fraction: at / sizeBytes }),
        );
        await tx.unsafe("SET CONSTRAINTS ALL IMMEDIATE");
        for (const { on } of obstacles) await tx.unsafe(on);
        for (const sequence of header.sequences) await advance(tx, sequence);
        return { tables: header.tables.length, rows };
      }),
    (fraction) => onProgress({ phase: "checking", table: "", fraction }),
  );
}

async function copyOut(tx: SQL, path: string, onProgress: OnProgress): Promise<Summary> {
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
  const rows: number[] = [];
  const totalBytes = Math.max(1, sum(tables.map((table) => table.size_bytes)));
  let doneBytes = 0;
  await writeBackupFile(path, async (file) => {
    const created_at = (server.now as Date).toISOString();
    const server_version = server.version as string;
    await file.header({ created_at, server_version, migrations, tables, sequences });
    for (const [index, table] of tables.entries()) {
      const { name, size_bytes, partition_key } = table;
      let tableBytes = 0;
      const report = (bytes: number) => {
        tableBytes = Math.min(size_bytes, tableBytes + bytes);
        const fraction = (doneBytes + tableBytes) / totalBytes;
        onProgress({ phase: "copying", table: name, fraction });
      };
      report(0);
      if (partition_key === null) {
        const query = tx.unsafe(`COPY ${name} (${table.columns.join(", ")}) TO STDOUT`);
        await file.table(index, observed(query.readable(), report));
        rows.push((await query).count);
      } else rows.push(0);
      doneBytes += size_bytes;
    }
    await file.footer({ rows });
  });
  onProgress({ phase: "copying", table: "", fraction: 1 });
  return { tables: tables.length, rows: sum(rows) };
}

async function* observed(stream: ReadableStream<Uint8Array>, seen: (bytes: number) => void) {
  for await (const chunk of stream) {
    seen(chunk.byteLength);
    yield chunk;
  }
}

/** Values as text mean the same whoever wrote them; nothing is cut short or left out. */
async function prepareSession(tx: SQL): Promise<void> {
  const settings: [string, string][] = [
    ["search_path", ""],
    ["datestyle", "ISO, YMD"],
    ["intervalstyle", "postgres"],
    ["timezone", "UTC"],
    ["bytea_output", "hex"],
    ["extra_float_digits", "1"],
    ["row_security", "off"],
    ["statement_timeout", "0"],
    ["idle_in_transaction_session_timeout", "0"],
    ["lock_timeout", String(lockTimeoutMs)],
  ];
  for (const [name, value] of settings) await tx`SELECT set_config(${name}, ${value}, true)`;
}

async function requireSameSchema(tx: SQL, header: Header, path: string): Promise<void> {
  const describe = (list: { id: string; checksum: string }[]) =>
    list.map(({ id, checksum }) => `${id} ${checksum}`);
  const here = new Set(describe(await listMigrations(tx)));
  const there = new Set(describe(header.migrations));
  const missing = [...there.difference(here)];
  const extra = [...here.difference(there)];
  if (missing.length + extra.length === 0) return;
  throw new BackupError(
    `The schema of this database is not the one that ${path} was made with. ` +
      `Only in the backup: ${missing.join(", ") || "none"}. ` +
      `Only in the database: ${extra.join(", ") || "none"}.`,
  );
}

/** The locks keep others out until the end. Rows that migrations wrote do not count as data. */
async function emptyTables(tx: SQL, force: boolean): Promise<void> {
  const tables = await listTables(tx);
  const names = namesOf(tables);
  await tx.unsafe(`LOCK TABLE ${names} IN ACCESS EXCLUSIVE MODE`);
  for (const { name } of force ? [] : tables) {
    // A migration and its record share a transaction, whose number each row carries.
    const [row] = await tx.unsafe(`SELECT EXISTS (SELECT FROM ${name} WHERE xmin::text NOT IN
      (SELECT xmin::text FROM ${migrationsTable})) AS holds_data`);
    if (row.holds_data) {
      throw new BackupError(
        `The database is not empty: ${name} has rows. Restore into a new one, or use --force ` +
          "to replace everything it holds.",
      );
    }
  }
  await tx.unsafe(`TRUNCATE ${names}`);
}

async function createPartitions(tx: SQL, wanted: Table[]): Promise<void> {
  const present = new Map((await listTables(tx)).map((table) => [table.name, table]));
  for (const table of wanted) {
    const found = present.get(table.name);
    const { name, partition_of, bound, partition_key } = table;
    if (found && found.bound === bound && found.partition_of === partition_of) continue;
    if (found || partition_of === null) {
      throw new BackupError(`The table ${name} is not what it was in the backup.`);
    }
    const divided = partition_key === null ? "" : `PARTITION BY ${partition_key}`;
    await tx.unsafe(`CREATE TABLE ${name} PARTITION OF ${partition_of} ${bound} ${divided}`);
  }
}

type Frames = AsyncGenerator<{ index: number; text: Uint8Array; at: number }, { rows: number[] }>;

/** Frames of one table follow each other, so one COPY is open at a time. */
async function loadTables(
  tx: SQL,
  tables: Table[],
  frames: Frames,
  loaded: (table: string, at: number) => void,
): Promise<number> {
  const rows = tables.map(() => 0);
  let next = await frames.next();
  while (!next.done) {
    const { index } = next.value;
    const table = tables[index];
    if (!table) throw new BackupError(`The backup has rows of an unknown table ${index}.`);
    const query = tx.unsafe(`COPY ${table.name} (${table.columns.join(", ")}) FROM STDIN`);
    const copy = query.writable().getWriter();
    while (!next.done && next.value.index === index) {
      await copy.write(next.value.text);
      loaded(table.name, next.value.at);
      next = await frames.next();
    }
    await copy.close();
    rows[index] = (await query).count;
  }
  const expected = next.value.rows;
  const different = tables.findIndex((_, index) => rows[index] !== expected[index]);
  if (different >= 0) {
    throw new BackupError(
      `${tables[different]?.name} has ${expected[different]} rows in the backup, and ` +
        `${rows[different]} arrived. Nothing was restored.`,
    );
  }
  return sum(rows);
}

/** Never back: what was numbered here after the backup was made must not be numbered again. */
async function advance(tx: SQL, { name, last_value, is_called }: Sequence): Promise<void> {
  await tx.unsafe(
    `SELECT setval('${name.replaceAll("'", "''")}', value, called)
     FROM (SELECT last_value AS value, is_called AS called FROM ${name}
       UNION ALL SELECT $1::bigint, $2::boolean) AS positions
     ORDER BY value DESC, called DESC LIMIT 1`,
    [last_value, is_called],
  );
}

function namesOf(tables: Table[]): string {
  return tables.map((table) => table.name).join(", ");
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
