import { mkdtempSync, rmSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clearAfterUs } from "./reaper.ts";
import { randomFrom, seed, type Random } from "./seed.ts";

/**
 * What one scenario opened: processes, folders, mounts, sockets. All of it is closed in reverse
 * order when the scenario ends, however it ends.
 *
 *   await using stage = new Stage();
 */
export class Stage implements AsyncDisposable {
  readonly random: Random = randomFrom(seed);
  private readonly closers: (() => unknown)[] = [];

  defer(close: () => unknown): void {
    this.closers.push(close);
  }

  /** A folder that the database's user may pass through. */
  async folder(name: string): Promise<string> {
    const path = mkdtempSync(join(tmpdir(), `stoa-fault-${name}-`));
    const cleared = clearAfterUs("folder", path);
    await chmod(path, 0o711);
    this.defer(() => {
      rmSync(path, { recursive: true, force: true });
      cleared();
    });
    return path;
  }

  /** Has the process killed at the end if it still lives then. */
  own(child: { pid: number; exited: Promise<unknown>; kill(signal: NodeJS.Signals): void }): void {
    const cleared = clearAfterUs("process", child.pid);
    let gone = false;
    void child.exited.then(() => {
      gone = true;
      cleared();
    });
    this.defer(async () => {
      if (gone) return;
      child.kill("SIGCONT");
      child.kill("SIGKILL");
      await child.exited;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = [];
    for (const close of this.closers.splice(0).toReversed()) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, "the stage was not cleared");
  }
}

/** Asks again until it is so. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  options: { withinMs?: number; everyMs?: number; giveUp?: () => string | null } = {},
): Promise<number> {
  const { withinMs = 15_000, everyMs = 20 } = options;
  const began = performance.now();
  while (!(await holds())) {
    const why = options.giveUp?.() ?? null;
    if (why !== null) throw new Error(`${what}: ${why}`);
    if (performance.now() - began > withinMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await Bun.sleep(everyMs);
  }
  return performance.now() - began;
}

/** Lets time pass while something else goes on. */
export async function lasting(ms: number, each: () => void | Promise<void> = () => {}) {
  const end = performance.now() + ms;
  for (let left = ms; left > 0; left = end - performance.now()) {
    await each();
    await Bun.sleep(Math.min(left, 20));
  }
}
