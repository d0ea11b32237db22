import { Database } from "bun:sqlite";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/**
 * One folder a spool: numbered segments and a lock. The lock is an exclusive SQLite transaction
 * on an empty file, underneath a record lock of the kernel: gone the instant its process dies,
 * however it dies, and held by a process that is merely frozen. So a spool whose lock can be
 * taken has no writer any more and may be adopted.
 */
export type Claim = { release(): void };

const lockName = "lock";
const spoolName = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const segmentName = /^\d{9}\.clicks$/;

/** Null when another process, or another owner in this one, has it. */
export function claim(folder: string): Claim | null {
  let lock: Database | undefined;
  try {
    lock = new Database(join(folder, lockName), { create: true, readwrite: true });
    lock.run("BEGIN EXCLUSIVE");
    const held = lock;
    return { release: () => held.close() };
  } catch (error) {
    lock?.close();
    const code = (error as { code?: string }).code;
    if (code === "SQLITE_BUSY" || code === "SQLITE_CANTOPEN") return null;
    throw error;
  }
}

export function segmentPath(folder: string, segment: number): string {
  return join(folder, `${String(segment).padStart(9, "0")}.clicks`);
}

/** The segments that are there, in order. */
export function segmentsOf(folder: string): number[] {
  try {
    return readdirSync(folder)
      .filter((name) => segmentName.test(name))
      .map((name) => Number.parseInt(name, 10))
      .toSorted((a, b) => a - b);
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return [];
    throw error;
  }
}

export function bytesOf(folder: string): number {
  return segmentsOf(folder).reduce((sum, n) => sum + sizeOf(segmentPath(folder, n)), 0);
}

export function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** The ids of the spools below `root`, whoever they belong to. */
export function spoolsIn(root: string): string[] {
  try {
    return readdirSync(root).filter((name) => spoolName.test(name));
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return [];
    throw error;
  }
}
