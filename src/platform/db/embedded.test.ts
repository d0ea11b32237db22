import { SQL } from "bun";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import {
  chmod,
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copyCluster } from "../../../test/data-folder.ts";
import { silentLog } from "../log/log.ts";
import { postgresProcesses, signal } from "./embedded-owner.ts";
import { completeLinks } from "./embedded-runner.ts";
import {
  type Connection,
  type EmbeddedOptions,
  type EmbeddedPostgres,
  findRunning,
  startEmbedded,
} from "./embedded.ts";

const isRoot = process.getuid?.() === 0;
const recoveryMs = 20_000;
/** Beyond the deadline: under a second, and what a busy machine adds. */
const frozenStopMs = 10_000;
const base = await mkdtemp(join(tmpdir(), "stoa-embedded-"));
/** A folder that a first start has filled, copied by the tests that need no first start. */
const seed = join(base, "seed");
const running: EmbeddedPostgres[] = [];
let folders = 0;

async function freshFolder(): Promise<string> {
  const folder = join(base, `data-${folders++}`);
  const copied = Bun.spawnSync(["cp", "-a", seed, folder]);
  expect(copied.success).toBe(true);
  return folder;
}

async function start(dataDir: string, options: Partial<EmbeddedOptions> = {}) {
  const pg = await startEmbedded({ dataDir, log: silentLog, durable: false, ...options });
  running.push(pg);
  return pg;
}

async function query(connection: Connection, statement: string): Promise<unknown[][]> {
  const sql = new SQL({ ...connection, max: 1 });
  try {
    return await sql.unsafe(statement).values();
  } finally {
    await sql.close();
  }
}

async function until(what: string, holds: () => boolean | Promise<boolean>, ms = recoveryMs) {
  const deadline = performance.now() + ms;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`);
    await Bun.sleep(20);
  }
}

/** Another Stoa: a process that starts PostgreSQL on the folder and then only lives. */
async function startOwner(dataDir: string, env: Record<string, string> = {}) {
  const child = spawnOwner(dataDir, env);
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  return { child, postmaster: Number(new TextDecoder().decode(value)) };
}

function spawnOwner(dataDir: string, env: Record<string, string> = {}) {
  const script = `
    import { startEmbedded } from ${JSON.stringify(join(import.meta.dir, "embedded.ts"))};
    import { silentLog } from ${JSON.stringify(join(import.meta.dir, "../log/log.ts"))};
    const dataDir = ${JSON.stringify(dataDir)};
    const pg = await startEmbedded({ dataDir, log: silentLog, durable: false });
    console.log(pg.pid());
    setInterval(() => {}, 1000);`;
  return Bun.spawn([process.execPath, "-e", script], {
    env: { ...process.env, ...env },
    detached: true,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
}

beforeAll(async () => {
  await chmod(base, 0o711);
  copyCluster(seed);
  const pg = await startEmbedded({ dataDir: seed, log: silentLog, durable: false });
  await query(pg.app, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)");
  await pg.stop();
});

afterEach(async () => {
  for (const pg of running.splice(0)) await pg.stop();
});

afterAll(() => rm(base, { recursive: true, force: true }));

describe("a running server", () => {
  test("gives the application a role that can do nothing beyond its database", async () => {
    const { app } = await start(await freshFolder());
    const [attributes] = await query(
      app,
      `SELECT rolname, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls
       FROM pg_roles WHERE rolname = current_user`,
    );
    expect(attributes).toEqual(["stoa", false, false, false, false, false]);
    const owner = await query(
      app,
      "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()",
    );
    expect(owner).toEqual([["stoa"]]);
    for (const refused of [
      "SELECT pg_read_file('postgresql.conf')",
      "CREATE TEMP TABLE t (x text); COPY t FROM PROGRAM 'id'",
      "COPY (SELECT 1) TO '/dev/null'",
      "CREATE ROLE other SUPERUSER",
      "ALTER SYSTEM SET fsync = off",
      "CREATE DATABASE other",
    ]) {
      await expect(query(app, refused)).rejects.toMatchObject({ errno: "42501" });
    }
    await expect(query({ ...app, database: "postgres" }, "SELECT 1")).rejects.toThrow("permission");
  });

  test("is durable, checksummed, sorts by code point and listens on no TCP port", async () => {
    const port = 54_329;
    const { app, admin } = await start(await freshFolder(), { durable: true, port });
    const settings = await query(
      admin,
      `SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes',
       'synchronous_commit', 'data_checksums', 'listen_addresses', 'server_encoding') ORDER BY 1`,
    );
    expect(Object.fromEntries(settings)).toEqual({
      data_checksums: "on",
      fsync: "on",
      full_page_writes: "on",
      listen_addresses: "",
      server_encoding: "UTF8",
      synchronous_commit: "on",
    });
    const locale = await query(
      app,
      `SELECT datlocprovider, datlocale, upper('straße é') FROM pg_database
       WHERE datname = current_database()`,
    );
    expect(locale).toEqual([["b", "C.UTF-8", "STRAßE É"]]);
    const dialled = Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
    await expect(dialled).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  test("ends with stop(), keeps its data, and frees the folder", async () => {
    const folder = await freshFolder();
    const first = await start(folder);
    expect(postgresProcesses(join(folder, "postgres"))).toContain(first.pid());
    expect(await findRunning(folder)).toEqual({ admin: first.admin, app: first.app });
    await first.stop();
    expect(postgresProcesses(join(folder, "postgres"))).toEqual([]);
    expect(await findRunning(folder)).toBeNull();
    const second = await start(folder);
    expect(await query(second.app, "SELECT n FROM kept")).toEqual([[1]]);
  });

  test("that is frozen ends soon after the deadline, and keeps what was committed", async () => {
    const folder = await freshFolder();
    const pgdata = join(folder, "postgres");
    const pg = await start(folder, { durable: true });
    await query(pg.app, "INSERT INTO kept SELECT generate_series(2, 5000)");
    for (const pid of postgresProcesses(pgdata)) signal(pid, "SIGSTOP");
    const began = performance.now();
    await pg.stop(AbortSignal.timeout(200));
    expect(performance.now() - began).toBeLessThan(200 + frozenStopMs);
    // They have been killed, and on a busy machine are not gone yet.
    await until("gone", () => postgresProcesses(pgdata).length === 0);
    const again = await start(folder);
    expect(await query(again.app, "SELECT count(*)::int FROM kept")).toEqual([[5000]]);
  });
});

describe("when PostgreSQL dies", () => {
  test("kill -9 of the postmaster: it runs again with all that was committed", async () => {
    const pg = await start(await freshFolder(), { durable: true });
    await query(pg.app, "INSERT INTO kept SELECT generate_series(2, 5000)");
    const busy = query(pg.app, "SELECT count(*) FROM generate_series(1, 1e10)").catch(() => {});
    const died = pg.pid();
    process.kill(died, "SIGKILL");
    await until("restarted", () => pg.restarts() === 1);
    expect(pg.pid()).not.toBe(died);
    expect(await query(pg.app, "SELECT count(*)::int FROM kept")).toEqual([[5000]]);
    await busy;
  });

  test("kill -9 of a backend: it recovers under the same postmaster", async () => {
    const pg = await start(await freshFolder(), { durable: true });
    const postmaster = pg.pid();
    const sql = new SQL({ ...pg.app, max: 1 });
    const [{ pid }] = await sql`SELECT pg_backend_pid() AS pid`;
    process.kill(pid, "SIGKILL");
    await sql.close().catch(() => {});
    const answers = () =>
      query(pg.app, "SELECT n FROM kept").then(
        () => true,
        () => false,
      );
    await until("recovered", answers);
    expect(pg.pid()).toBe(postmaster);
  });

  test("when it cannot be started again, onFatal is told", async () => {
    const folder = await freshFolder();
    const pg = await start(folder);
    const control = join(folder, "postgres/global/pg_control");
    await rename(control, `${control}.away`);
    const told = new Promise<Error>((resolve) => {
      pg.onFatal(resolve);
    });
    process.kill(pg.pid(), "SIGKILL");
    expect((await told).message).toContain("pg_control");
    expect(postgresProcesses(join(folder, "postgres"))).toEqual([]);
  });

  test("stop() during a restart leaves nothing running", async () => {
    const folder = await freshFolder();
    const pg = await start(folder);
    process.kill(pg.pid(), "SIGKILL");
    await until("noticed", () => !existsSync(`/proc/${pg.pid()}`));
    await pg.stop();
    expect(postgresProcesses(join(folder, "postgres"))).toEqual([]);
  });
});

describe("after a crash", () => {
  test("kill -9 of the owner takes PostgreSQL along, and the folder starts again", async () => {
    const folder = await freshFolder();
    const { child, postmaster } = await startOwner(folder);
    expect(postgresProcesses(join(folder, "postgres"))).toContain(postmaster);
    child.kill("SIGKILL");
    const gone = () => postgresProcesses(join(folder, "postgres")).length === 0;
    if (Bun.which("setpriv")) await until("no orphan", gone);
    const pg = await start(folder);
    expect(await query(pg.app, "SELECT n FROM kept")).toEqual([[1]]);
  });

  test("an orphan that outlived its owner is stopped first", async () => {
    const folder = await freshFolder();
    const tools = join(base, `tools-${folders}`);
    await mkdir(tools);
    for (const tool of ["sh", "unshare", "ps"]) {
      const found = Bun.which(tool);
      if (found) await symlink(found, join(tools, tool));
    }
    const { child, postmaster } = await startOwner(folder, { PATH: tools });
    child.kill("SIGKILL");
    await child.exited;
    expect(postgresProcesses(join(folder, "postgres"))).toContain(postmaster);
    const pg = await start(folder);
    expect(pg.pid()).not.toBe(postmaster);
    expect(await query(pg.app, "SELECT n FROM kept")).toEqual([[1]]);
  });

  test("so is a frozen one", async () => {
    const folder = await freshFolder();
    const { child, postmaster } = await startOwner(folder);
    process.kill(postmaster, "SIGSTOP");
    child.kill("SIGKILL");
    await child.exited;
    const pg = await start(folder);
    expect(pg.pid()).not.toBe(postmaster);
    expect(await query(pg.app, "SELECT n FROM kept")).toEqual([[1]]);
  });

  test("a stale pid file whose number is now somebody else's, and a stale socket", async () => {
    const folder = await freshFolder();
    const pgdata = join(folder, "postgres");
    const { child, postmaster } = await startOwner(folder);
    const stale = readFileSync(join(pgdata, "postmaster.pid"), "utf8");
    const socketLock = readFileSync(join(folder, "socket/.s.PGSQL.5432.lock"), "utf8");
    for (const pid of postgresProcesses(pgdata)) signal(pid, "SIGKILL");
    child.kill("SIGKILL");
    await child.exited;
    await until("dead", () => postgresProcesses(pgdata).length === 0);
    const owner = (await lstat(pgdata)).uid;
    const identity = isRoot ? { uid: owner, gid: owner } : {};
    const stranger = Bun.spawn(["sleep", "60"], identity);
    const renumbered = (text: string) => text.replace(`${postmaster}`, `${stranger.pid}`);
    await writeFile(join(pgdata, "postmaster.pid"), renumbered(stale));
    await writeFile(join(folder, "socket/.s.PGSQL.5432.lock"), renumbered(socketLock));
    const pg = await start(folder);
    expect(await query(pg.app, "SELECT n FROM kept")).toEqual([[1]]);
    expect(stranger.killed).toBe(false);
    expect(stranger.exitCode).toBeNull();
    stranger.kill();
  });

  test("a first start that was cut short is made anew", async () => {
    const folder = join(base, "half");
    await mkdir(join(folder, "postgres.new/base"), { recursive: true });
    await writeFile(join(folder, "postgres.new/PG_VERSION"), "18\n");
    const pg = await start(folder);
    expect(await query(pg.app, "SELECT 1")).toEqual([[1]]);
    expect(existsSync(join(folder, "postgres.new"))).toBe(false);
  });

  test("a first start that Ctrl-C cut short is made anew by one right behind it", async () => {
    for (const made of ["", "global/pg_control"]) {
      const folder = join(base, `cut-${folders++}`);
      const child = spawnOwner(folder);
      await until("half made", () => existsSync(join(folder, "postgres.new", made)));
      // A terminal tells everybody: Stoa, which ends at once, and initdb, which tidies up.
      process.kill(-child.pid, "SIGINT");
      await child.exited;
      const pg = await start(folder);
      expect(await query(pg.app, "SELECT 1")).toEqual([[1]]);
      expect(existsSync(join(folder, "postgres.new"))).toBe(false);
    }
  });
});

describe("the data folder", () => {
  test("has one owner: others are told which process that is", async () => {
    const folder = await freshFolder();
    const { child } = await startOwner(folder);
    await expect(start(folder)).rejects.toThrow(
      `this data folder is in use by process ${child.pid}`,
    );
    expect(postgresProcesses(join(folder, "postgres"))).not.toEqual([]);
    child.kill("SIGKILL");
    await child.exited;
    await start(folder);
    await expect(start(folder)).rejects.toThrow(`in use by process ${process.pid}`);
  });

  test("may have a path too long for a socket", async () => {
    const folder = join(base, "long".repeat(40), "data");
    await mkdir(folder, { recursive: true });
    await chmod(join(folder, ".."), 0o711);
    await cp(join(seed, "postgres"), join(folder, "postgres"), { recursive: true });
    const pg = await start(folder);
    expect(Buffer.byteLength(pg.app.path)).toBeLessThanOrEqual(103);
    expect(await query(pg.app, "SELECT n FROM kept")).toEqual([[1]]);
    const socketDir = join(pg.app.path, "..");
    expect((await lstat(socketDir)).mode & 0o777).toBe(0o700);
    await pg.stop();
    expect(existsSync(socketDir)).toBe(false);
  });

  test("of another major version is refused and left alone", async () => {
    const folder = await freshFolder();
    await writeFile(join(folder, "postgres/PG_VERSION"), "17\n");
    await expect(start(folder)).rejects.toThrow("made by PostgreSQL 17");
  });

  test("that cannot be made is named, with what to do", async () => {
    const file = join(base, "file");
    await writeFile(file, "");
    await expect(start(join(file, "data"))).rejects.toThrow(/cannot make the data folder: .*file/);
  });

  test.if(isRoot)("made as root starts as root, whoever may read it", async () => {
    const folder = await freshFolder();
    for (const [mode, byOther] of [
      [0o700, false],
      [0o711, true],
      [0o700, false],
    ] as const) {
      await chmod(folder, mode);
      const pg = await start(folder);
      expect(await query(pg.app, "SELECT n FROM kept")).toEqual([[1]]);
      expect((await lstat(`/proc/${pg.pid()}`)).uid !== 0).toBe(byOther);
      expect((await query(pg.admin, "SHOW data_directory"))[0]).toEqual([`${folder}/postgres`]);
      await pg.stop();
    }
  });
});

test("links that npm left out of the package are put back", async () => {
  const native = join(base, "package/native");
  await mkdir(join(native, "lib"), { recursive: true });
  await writeFile(join(native, "lib/libx.so.1.2"), "");
  const links = [{ source: "native/lib/libx.so.1.2", target: "native/lib/libx.so.1" }];
  await writeFile(join(native, "pg-symlinks.json"), JSON.stringify(links));
  expect(await completeLinks(native)).toBe(true);
  expect(await completeLinks(native)).toBe(true);
  expect(await readlink(join(native, "lib/libx.so.1"))).toBe("libx.so.1.2");
});
