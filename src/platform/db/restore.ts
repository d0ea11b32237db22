import type { SQL } from "bun";
import type { OnProgress, Summary } from "./backup.ts";
import {
  listMigrations,
  listObstacles,
  listTables,
  migrationsTable,
  namesOf,
  prepareSession,
  type Sequence,
  sum,
  type Table,
} from "./backup-catalog.ts";
import {
  BackupError,
  type Footer,
  type Frames,
  type Header,
  readBackupFile,
} from "./backup-file.ts";
import { type FilesIn, loadFiles, noFiles } from "./backup-files.ts";

/**
 * Puts a backup in place of what the database holds, wholly or not at all. The database must hold
 * nothing but what its migrations wrote, unless `force`. No Stoa may run on it meanwhile: it
 * would go on with what it remembers.
 */
export async function restore(
  client: SQL,
  path: string,
  options: { force?: boolean; files?: FilesIn; onProgress?: OnProgress } = {},
): Promise<Summary> {
  const { force = false, files = nowhere, onProgress = () => {} } = options;
  let isWhole = false;
  try {
    return await readBackupFile(
      path,
      ({ header, frames, sizeBytes }) =>
        client.begin("READ WRITE", async (tx) => {
          const loaded = (what: string, at: number) =>
            onProgress({ phase: "restoring", at: what, fraction: at / sizeBytes });
          await prepareSession(tx);
          await requireSameSchema(tx, header, path);
          const obstacles = await listObstacles(tx);
          await emptyTables(tx, force);
          for (const { off } of obstacles) await tx.unsafe(off);
          await createPartitions(tx, header.tables);
          await frames.next();
          const rows = await loadTables(tx, header.tables, frames, loaded);
          const count = await loadFiles(frames, files, loaded);
          const footer = requireAll(frames, { tables: header.tables, rows, files: count });
          await tx.unsafe("SET CONSTRAINTS ALL IMMEDIATE");
          for (const { on } of obstacles) await tx.unsafe(on);
          for (const sequence of header.sequences) await advance(tx, sequence);
          isWhole = true;
          return {
            ...{ ...noFiles, tables: header.tables.length, rows: sum(rows), files: count },
            elsewhere: header.files?.inside === false ? header.files.count : 0,
            unreadable: footer.unreadable ?? 0,
          };
        }),
      (fraction) => onProgress({ phase: "checking", at: "", fraction }),
    );
  } catch (error) {
    // A commit without an answer may have been made: its files stay.
    if (!isWhole) await files.undo();
    throw error;
  }
}

/** For databases whose rows lead to no files. */
const nowhere: FilesIn = {
  async put({ key }) {
    throw new BackupError(`The backup has files, such as ${key}, and there is no place for them.`);
  },
  async undo() {},
};

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

/** Frames of one table follow each other, so one COPY is open at a time. */
async function loadTables(
  tx: SQL,
  tables: Table[],
  frames: Frames,
  loaded: (table: string, at: number) => void,
): Promise<number[]> {
  const rows = tables.map(() => 0);
  while (frames.current?.kind === "rows") {
    const index = frames.current.table;
    const table = tables[index];
    if (!table) throw new BackupError(`The backup has rows of an unknown table ${index}.`);
    const query = tx.unsafe(`COPY ${table.name} (${table.columns.join(", ")}) FROM STDIN`);
    const copy = query.writable().getWriter();
    while (frames.current?.kind === "rows" && frames.current.table === index) {
      await copy.write(frames.current.text);
      loaded(table.name, frames.current.at);
      await frames.next();
    }
    await copy.close();
    rows[index] = (await query).count;
  }
  return rows;
}

function requireAll(
  { current }: Frames,
  { tables, rows, files }: { tables: Table[]; rows: number[]; files: number },
): Footer {
  if (current?.kind !== "end") throw new BackupError("The backup goes on where it should end.");
  const { footer } = current;
  const different = tables.findIndex((_, index) => rows[index] !== footer.rows[index]);
  if (different >= 0) {
    throw new BackupError(
      `${tables[different]?.name} has ${footer.rows[different]} rows in the backup, and ` +
        `${rows[different]} arrived. Nothing was restored.`,
    );
  }
  const { files: expected = 0 } = footer;
  if (files === expected) return footer;
  throw new BackupError(
    `The backup has ${expected} files, and ${files} arrived. Nothing was restored.`,
  );
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
