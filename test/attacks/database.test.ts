import { SQL } from "bun";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EmbeddedPostgres, startEmbedded } from "../../src/platform/db/embedded.ts";
import { migrate } from "../../src/platform/db/migrate.ts";
import { silentLog } from "../../src/platform/log/log.ts";
import { platformMigrations } from "../../src/platform/platform.ts";
import { migrations } from "../../src/migrations.ts";
import { copyCluster } from "../data-folder.ts";
import { isCode, isTest, lineAt, readProject, type Source, sourceOf } from "../tidy/source.ts";

/** Whoever got SQL into a statement would find little; nobody can, because values are parameters. */
describe("the application's role", () => {
  let folder: string;
  let embedded: EmbeddedPostgres;
  let app: SQL;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "stoa-role-"));
    copyCluster(folder);
    embedded = await startEmbedded({ dataDir: folder, log: silentLog, durable: false });
    const admin = new SQL({ ...(embedded.admin as SQL.Options), max: 1 });
    await admin`CREATE DATABASE neighbour`;
    await admin`REVOKE ALL ON DATABASE neighbour FROM PUBLIC`;
    await admin.close();
    app = new SQL({ ...(embedded.app as SQL.Options), max: 1 });
    await migrate(app, [...platformMigrations, ...migrations], silentLog);
  });
  afterAll(async () => {
    await app.close();
    await embedded.stop();
    await rm(folder, { recursive: true });
  });

  test("holds no power and no membership that brings one", async () => {
    const held = await app`
      SELECT r.rolname::text AS name FROM pg_roles r
      WHERE r.rolname <> current_user AND pg_has_role(current_user, r.oid, 'MEMBER')
        AND r.rolname <> 'pg_database_owner'`;
    expect([...held]).toEqual([]);
    const [own] = await app`SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication,
      rolbypassrls FROM pg_roles WHERE rolname = current_user`;
    expect(Object.values(own)).toEqual([false, false, false, false, false]);
  });

  test.each([
    ["a file", "SELECT pg_read_file('/etc/passwd')"],
    ["a binary file", "SELECT pg_read_binary_file('PG_VERSION')"],
    ["a folder", "SELECT pg_ls_dir('/')"],
    ["the state of a file", "SELECT pg_stat_file('/etc/passwd')"],
    ["a file by COPY", "COPY platform.secrets FROM '/etc/passwd'"],
    ["a file to write", "COPY (SELECT 1) TO '/var/x'"],
    ["a program", "COPY (SELECT 1) TO PROGRAM 'id'"],
    ["a file as large object", "SELECT lo_import('/etc/passwd')"],
    ["hashes of passwords", "SELECT rolpassword FROM pg_authid"],
    ["the older table of them", "SELECT passwd FROM pg_shadow"],
    ["who may connect", "SELECT * FROM pg_hba_file_rules"],
    ["what the settings files say", "SELECT * FROM pg_file_settings"],
    ["another role", "SET SESSION AUTHORIZATION postgres"],
    ["a role to become", "SET ROLE postgres"],
    ["the server's settings", "ALTER SYSTEM SET archive_command = 'id'"],
    ["a library", "LOAD 'x.so'"],
    ["C code", "CREATE FUNCTION x() RETURNS int AS 'x.so' LANGUAGE c"],
    [
      "code of the server",
      "CREATE FUNCTION x(text) RETURNS text AS 'pg_read_file' LANGUAGE internal",
    ],
    ["the system's tables", "UPDATE pg_catalog.pg_roles SET rolsuper = true"],
    ["a foreign data wrapper", "CREATE EXTENSION file_fdw"],
    ["a way to other servers", "CREATE EXTENSION dblink"],
    ["another's database", "DROP DATABASE neighbour"],
    ["others' sessions", "SELECT pg_reload_conf()"],
  ])("does not reach %s", async (_, statement) => {
    // 42501 insufficient privilege, 55000 a view that cannot be written, 0A000 no such extension.
    const refused = app.unsafe(statement).then(
      () => "done",
      (error: { errno?: string }) => error.errno,
    );
    expect(["42501", "55000", "0A000"]).toContain((await refused) as string);
  });

  test("cannot look into a neighbour's database, nor its own superuser's", async () => {
    for (const database of ["neighbour", "postgres", "template1"]) {
      const there = new SQL({ ...(embedded.app as SQL.Options), database, max: 1 });
      await expect(there`SELECT 1`).rejects.toThrow("permission denied");
      await there.close().catch(() => {});
    }
  });
});

/**
 * Statements that are put together from text, each with why no stranger's text gets there. Names
 * of tables cannot be parameters; everything else must be.
 */
const builtFrom: Record<string, { pieces: string[]; because: string }> = {
  "src/platform/db/backup-catalog.ts": {
    pieces: ["migrationsTable", "name", "owned"],
    because: "constants, and names that PostgreSQL quoted by format(%I)",
  },
  "src/platform/db/backup.ts": {
    pieces: ["name", 'columns.join(", ")', "namesOf(tables)"],
    because: "PostgreSQL quoted the names",
  },
  "src/platform/db/restore.ts": {
    pieces: [
      ...["bound", "divided", "migrationsTable", "name", 'name.replaceAll("\'", "\'\'")'],
      ...["names", "off", "on", "partition_of", 'table.columns.join(", ")', "table.name"],
    ],
    because: "PostgreSQL quoted the names; a backup is the operator's own file, checked by hash",
  },
  "src/platform/db/db.ts": {
    pieces: ["statement"],
    because: "what copyIn is given, which is looked at where that is called",
  },
  "src/platform/db/migrate.ts": { pieces: ["migration.sql"], because: "files of the program" },
  "src/systems/links/clicks/drain.ts": {
    pieces: ["statement"],
    because: "a COPY into a partition named by its day, with constant columns",
  },
};

/** `path: piece` for whatever is no constant in a statement that takes no parameters. */
function builtStatements(sources: Source[]): { at: string; path: string; piece: string }[] {
  const out: { at: string; path: string; piece: string }[] = [];
  for (const source of sources.filter((s) => isCode(s.path) && !isTest(s.path))) {
    for (const call of source.code.matchAll(/\.(?:unsafe|copyIn)(?:<[^>]*>)?\(/g)) {
      const start = call.index + call[0].length;
      const argument = firstArgument(source.uncommented.slice(start)).trim();
      const at = `${source.path}:${lineAt(source.text, start)}`;
      const pieces = /^["'`]/.test(argument)
        ? [...argument.matchAll(/\$\{((?:[^{}]|\{[^}]*\})*)\}/g)].map((m) => m[1] as string)
        : [argument];
      for (const piece of pieces) out.push({ at, path: source.path, piece });
    }
  }
  return out;
}

/** Up to the comma or bracket that ends it; strings and templates count as one piece. */
function firstArgument(text: string): string {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if (/["'`]/.test(char)) {
      for (i++; i < text.length && text[i] !== char; i++) if (text[i] === "\\") i++;
    } else if (/[([{]/.test(char)) depth++;
    else if ((char === "," || char === ")") && depth === 0) return text.slice(0, i);
    else if (/[)\]}]/.test(char)) depth--;
  }
  return text;
}

describe("statements", () => {
  test("one that is put together is found", () => {
    const text = 'await tx.unsafe(`SELECT ${id}`); tx.unsafe("SELECT 1"); tx.unsafe(query);';
    const found = builtStatements([sourceOf("src/a.ts", text)]);
    expect(found.map((f) => f.piece)).toEqual(["id", "query"]);
  });

  test("take values as parameters only", async () => {
    const found = builtStatements((await readProject()).filter((s) => s.path.startsWith("src/")));
    expect(found.length).toBeGreaterThan(10);
    const unknown = found.filter(({ path, piece }) => !builtFrom[path]?.pieces.includes(piece));
    expect(unknown.map(({ at, piece }) => `${at} ${piece}`)).toEqual([]);
    const used = new Set(found.map(({ path, piece }) => `${path} ${piece}`));
    const listed = Object.entries(builtFrom).flatMap(([path, { pieces }]) =>
      pieces.map((piece) => `${path} ${piece}`),
    );
    expect(listed.filter((entry) => !used.has(entry))).toEqual([]);
  });
});
