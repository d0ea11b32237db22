import { constants, existsSync } from "node:fs";
import { access, readFile, stat, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { Config } from "../platform/config/config.ts";
import { bytesOf, spoolsIn } from "../systems/links/clicks/spool-folder.ts";
import { fail, type Finding, sound, warn } from "./finding.ts";
import { showBytes } from "./quantity.ts";

/** The data folder: whose it is, what is in it, and the room for more. */
const spaceBytesMin = 100e6;
const spaceBytesWanted = 2e9;
/** Of the path of a Unix socket; 103 on macOS, 107 on Linux. */
const socketPathBytesMax = 103;
const spoolShareMax = 0.5;

export async function checkFolder(config: Config): Promise<Finding[]> {
  return [...(await checkDataFolder(config)), checkSocketPath(config), checkSpool(config)];
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
    owned ? sound(check, state) : warn(check, `${there} belongs to user ${uid}`, remedy),
    await checkVersion(join(folder, "postgres", "PG_VERSION")),
    await checkSpace(there),
  ];
}

async function checkVersion(path: string): Promise<Finding> {
  const check = "data version";
  const found = (await readFile(path, "utf8").catch(() => "")).trim();
  if (found === "") return sound(check, "no database in the data folder yet");
  if (found === "18") return sound(check, "PostgreSQL 18");
  const remedy = "stoa backup with the version that made it, stoa restore with this one.";
  return fail(check, `made by PostgreSQL ${found}; this one is 18`, remedy);
}

async function checkSpace(folder: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const found = `${showBytes(free)} free`;
  const remedy = `Free space on the disk that holds ${folder}, or move STOA_DATA_DIR.`;
  if (free < spaceBytesMin) return fail("disk space", found, remedy);
  return free < spaceBytesWanted ? warn("disk space", found, remedy) : sound("disk space", found);
}

function checkSocketPath(config: Config): Finding {
  const check = "socket path";
  if (config.databaseUrl !== "") return sound(check, "not needed: DATABASE_URL is set");
  const sizeOf = (folder: string) => Buffer.byteLength(join(folder, ".s.PGSQL.5432"));
  const within = sizeOf(join(resolve(config.dataDir), "socket"));
  const limit = `${socketPathBytesMax} fit`;
  if (within <= socketPathBytesMax) return sound(check, `${within} bytes; ${limit}`);
  if (sizeOf(join(tmpdir(), "stoa-0123456789ab")) <= socketPathBytesMax) {
    return sound(check, `${within} bytes; ${limit}, so the socket lies in ${tmpdir()}`);
  }
  const remedy = "Set STOA_DATA_DIR or TMPDIR to a folder with a shorter path.";
  return fail(check, `${within} bytes; ${limit}, and ${tmpdir()} is too long as well`, remedy);
}

function checkSpool(config: Config): Finding {
  const check = "click spool";
  const root = join(resolve(config.dataDir), "spool", "clicks");
  let bytes = 0;
  try {
    for (const spool of spoolsIn(root)) bytes += bytesOf(join(root, spool));
  } catch (error) {
    const remedy = "The user that runs Stoa must be able to read and write it.";
    return fail(check, `cannot be read: ${(error as Error).message}`, remedy);
  }
  const room = showBytes(config.clickSpoolBytesMax);
  const found = `${showBytes(bytes)} wait to be stored; ${room} fit`;
  if (bytes < config.clickSpoolBytesMax * spoolShareMax) return sound(check, found);
  const remedy = "Is the database away or slow? When the spool is full, clicks are lost.";
  return bytes < config.clickSpoolBytesMax
    ? warn(check, found, remedy)
    : fail(check, found, remedy);
}
