import type { SQL } from "bun";

/**
 * What a database of ours consists of, read from its catalog: every table and sequence in the
 * schemas that the current role owns. Names arrive quoted and qualified, ready to be put in SQL.
 */
export type Table = {
  name: string;
  /** Quoted; generated columns are left out, since the database computes them again. */
  columns: string[];
  /** A partition's parent and bound; null for any other table. */
  partition_of: string | null;
  bound: string | null;
  /** How a table is partitioned itself: it then has no rows of its own. */
  partition_key: string | null;
  size_bytes: number;
};

export type Sequence = { name: string; last_value: string; is_called: boolean };

/** Something that stands in the way of loading rows: taken off before and put back after. */
export type Obstacle = { off: string; on: string };

export const migrationsTable = "platform.migrations";
/** Longest wait for the locks: somebody else is using the tables. */
const lockTimeoutMs = 10_000;

const owned = `
  n.nspowner = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user)
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
    WHERE e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')`;

/** Parents before their partitions, otherwise by name. */
export async function listTables(tx: SQL): Promise<Table[]> {
  const tables: Table[] = await tx.unsafe(`
    SELECT format('%I.%I', n.nspname, c.relname) AS name,
      (SELECT coalesce(json_agg(quote_ident(a.attname) ORDER BY a.attnum), '[]')
        FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
        AND NOT a.attisdropped AND a.attgenerated = '') AS columns,
      (SELECT format('%I.%I', pn.nspname, p.relname) FROM pg_catalog.pg_inherits i
        JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
        JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
        WHERE i.inhrelid = c.oid AND c.relispartition) AS partition_of,
      pg_get_expr(c.relpartbound, c.oid) AS bound,
      CASE c.relkind WHEN 'p' THEN pg_get_partkeydef(c.oid) END AS partition_key,
      coalesce(pg_relation_size(c.oid), 0)::float8 AS size_bytes
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND ${owned}
    ORDER BY (SELECT count(*) FROM pg_partition_ancestors(c.oid)), 1`);
  return tables.filter((table) => table.name !== migrationsTable);
}

/** Read after the snapshot was taken: never behind the rows that it holds. */
export async function listSequences(tx: SQL): Promise<Sequence[]> {
  const names: { name: string }[] = await tx.unsafe(`
    SELECT format('%I.%I', n.nspname, c.relname) AS name
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'S' AND ${owned} ORDER BY 1`);
  const sequences: Sequence[] = [];
  for (const { name } of names) {
    const [row] = await tx.unsafe(`SELECT last_value::text, is_called FROM ${name}`);
    sequences.push({ name, ...row });
  }
  return sequences;
}

export async function listMigrations(tx: SQL): Promise<{ id: string; checksum: string }[]> {
  const [found] = await tx`SELECT to_regclass(${migrationsTable}) IS NOT NULL AS exists`;
  if (!found.exists) return [];
  return [...(await tx.unsafe(`SELECT id, checksum FROM ${migrationsTable} ORDER BY id`))];
}

/**
 * Foreign keys and triggers. No order of tables satisfies keys that go in circles, checking them
 * row by row holds every row in memory until the end, and triggers would repeat effects that are
 * in the backup already.
 */
export async function listObstacles(tx: SQL): Promise<Obstacle[]> {
  return await tx.unsafe(`
    SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', k.conrelid::regclass, k.conname) AS off,
      format('ALTER TABLE %s ADD CONSTRAINT %I %s', k.conrelid::regclass, k.conname,
        pg_get_constraintdef(k.oid)) AS on
    FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE k.contype = 'f' AND k.conparentid = 0 AND ${owned}
    UNION ALL
    SELECT format('ALTER TABLE %s DISABLE TRIGGER %I', t.tgrelid::regclass, t.tgname),
      format('ALTER TABLE %s ENABLE TRIGGER %I', t.tgrelid::regclass, t.tgname)
    FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND t.tgenabled = 'O' AND ${owned}`);
}

/** Values as text mean the same whoever wrote them; nothing is cut short or left out. */
export async function prepareSession(tx: SQL): Promise<void> {
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

export function namesOf(tables: Table[]): string {
  return tables.map((table) => table.name).join(", ");
}

export function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
