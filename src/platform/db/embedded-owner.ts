import { Database } from "bun:sqlite";
import { readFileSync, readdirSync, readlinkSync, realpathSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Log } from "../log/log.ts";

/**
 * Who may use a data folder, and what an earlier run left behind in it.
 *
 * The claim is an exclusive SQLite transaction on an empty file. Underneath that is a record lock
 * of the kernel (fcntl): taken atomically, gone the instant its process dies however it dies, seen
 * by every container that shares the folder, the same on Linux and macOS. A pid file cannot do
 * that (numbers are reused, two starters can both find it stale) and a socket file must be
 * unlinked by somebody who cannot know that nobody else just did. The pid beside the lock is only
 * there to name the owner in the error message.
 */
export class EmbeddedPostgresError extends Error {
  override readonly name = "EmbeddedPostgresError";
}

/** Says what to do about it where that is known, with what the system or PostgreSQL said. */
export function explainFailure(what: string, folder: string, said: unknown): Error {
  if (said instanceof EmbeddedPostgresError) return said;
  const text = said instanceof Error ? said.message : String(said).trim();
  const advice = isDiskFull(text)
    ? `The disk that holds ${folder} is full: free at least 100 MB there and start again. `
    : /permission|permitted|denied|read-?only|EACCES|EPERM|EROFS|CANTOPEN|unable to open/i.test(
          text,
        )
      ? `The user that runs Stoa must own ${folder} and be able to write to it: chown it, or set ` +
        "STOA_DATA_DIR to another folder. "
      : "";
  return new EmbeddedPostgresError(`${what}: ${folder}. ${advice}What was said: ${text}`, {
    cause: said,
  });
}

export function isDiskFull(text: string): boolean {
  return /ENOSPC|EDQUOT|No space left|quota exceeded|disk is full/i.test(text);
}

export type Claim = { release(): void };

/** Kept here, because a lock that nobody refers to any more is closed, and so let go of. */
const held = new Set<Database>();

export function claimFolder(dataDir: string): Claim {
  const pidPath = join(dataDir, "stoa.pid");
  let lock: Database | undefined;
  try {
    lock = new Database(join(dataDir, "stoa.lock"), { create: true, readwrite: true });
    lock.run("BEGIN EXCLUSIVE");
    writeFileSync(pidPath, `${process.pid}\n`);
    const mine = lock;
    held.add(mine);
    return {
      release() {
        held.delete(mine);
        mine.close();
      },
    };
  } catch (cause) {
    lock?.close();
    if ((cause as { code?: string }).code !== "SQLITE_BUSY") {
      throw explainFailure("cannot claim the data folder", dataDir, cause);
    }
    throw new EmbeddedPostgresError(
      `this data folder is in use by process ${readPid(pidPath) ?? "(not known)"}: ${dataDir}. ` +
        "Stop that process, or give this one another STOA_DATA_DIR.",
    );
  }
}

/**
 * Fast shutdown, immediate shutdown, the end: how long each may take before the next, and how
 * long where time is up. None of them loses what was committed; after the latter two the next
 * start replays the log.
 */
export const shutdownSteps = [
  { signal: "SIGINT", waitMs: 20_000, hurriedMs: 500 },
  { signal: "SIGQUIT", waitMs: 3_000, hurriedMs: 200 },
  { signal: "SIGKILL", waitMs: 5_000, hurriedMs: 200 },
] as const;

/** How long children may take to notice by themselves that their postmaster is gone. */
const childrenExitMs = 2_000;

/**
 * Ends every PostgreSQL that still runs on `pgdata` and removes what would stop the next one.
 * The caller holds the claim, so whatever runs there has lost its owner.
 */
export async function clearLeftovers(pgdata: string, log: Log): Promise<void> {
  const pidPath = join(pgdata, "postmaster.pid");
  const found = postgresProcesses(pgdata);
  if (found.length > 0) {
    log.warn("stopping a PostgreSQL that an earlier run left behind", { pids: found });
    const postmaster = found.find((pid) => pid === readPid(pidPath));
    for (const pid of found) signal(pid, "SIGCONT");
    for (const step of shutdownSteps) {
      const fast = step.signal === "SIGINT";
      const waitMs = fast && postmaster === undefined ? childrenExitMs : step.waitMs;
      const targets = !fast ? postgresProcesses(pgdata) : postmaster ? [postmaster] : [];
      for (const pid of targets) signal(pid, step.signal);
      if (await goneWithin(pgdata, waitMs)) break;
    }
    const left = postgresProcesses(pgdata);
    if (left.length > 0) {
      throw new EmbeddedPostgresError(
        `PostgreSQL processes ${left.join(", ")} on ${pgdata} do not end, even by SIGKILL.`,
      );
    }
  }
  // PostgreSQL refuses to start when the number in a stale pid file now belongs to another
  // process of its user. Nothing runs on the folder at this point, so the file is stale.
  const stale = readPid(pidPath);
  if (stale !== undefined && signal(stale, 0)) await rm(pidPath, { force: true });
}

/** The pids of the PostgreSQL processes whose data folder this is, children included. */
export function postgresProcesses(pgdata: string): number[] {
  let folder: string;
  try {
    folder = realpathSync(pgdata);
  } catch {
    return [];
  }
  return process.platform === "linux" ? processesByCwd(folder) : postmastersByCommand(folder);
}

/** What runs on a data folder: the server, what makes the folder, and what starts either. */
const programs = ["postgres", "initdb", "setpriv", "unshare"];

/** Every PostgreSQL process works in its data folder, and its number cannot lie about that. */
function processesByCwd(folder: string): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => {
      if (!Number.isInteger(pid)) return false;
      try {
        if (readlinkSync(`/proc/${pid}/cwd`) !== folder) return false;
        const program = basename(readlinkSync(`/proc/${pid}/exe`));
        return programs.some((name) => program.startsWith(name)); // or "postgres (deleted)"
      } catch {
        return false; // gone meanwhile, or another user's
      }
    });
}

function postmastersByCommand(folder: string): number[] {
  const listed = Bun.spawnSync(["ps", "-axo", "pid=,command="]).stdout.toString().split("\n");
  return listed
    .filter((line) => programs.some((name) => line.includes(`${name} -D ${folder} `)))
    .map((line) => Number.parseInt(line, 10));
}

export async function goneWithin(pgdata: string, waitMs: number): Promise<boolean> {
  const deadline = performance.now() + waitMs;
  while (postgresProcesses(pgdata).length > 0) {
    if (performance.now() > deadline) return false;
    await Bun.sleep(20);
  }
  return true;
}

/** False when no process has that number, or it is not ours to signal. */
export function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}

function readPid(path: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(path, "utf8"), 10);
    return pid > 1 ? pid : undefined;
  } catch {
    return undefined;
  }
}
