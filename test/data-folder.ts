import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";

/**
 * What data folders hold in the end and few tests are about: a cluster of PostgreSQL, and the
 * console as it was built. Both take seconds of the processor, so they are made once.
 */
const cache = join(import.meta.dir, "../node_modules/.cache");

/** Kept by what it was made from, so all runs may share it. `kind` keeps other builds apart. */
export function shareConsole(dataDir: string, kind = "default"): void {
  const built = join(cache, `console-${kind}`);
  for (const folder of [built, dataDir]) mkdirSync(folder, { recursive: true, mode: 0o711 });
  const shown = join(dataDir, "console");
  if (!existsSync(shown)) symlinkSync(built, shown);
}

/** Copies the cluster that `with-postgres.ts` has made; without it the next start makes one. */
export function copyCluster(dataDir: string): void {
  const made = process.env["TEST_CLUSTER"];
  if (!made) return;
  mkdirSync(dataDir, { recursive: true, mode: 0o711 });
  const copied = Bun.spawnSync(["cp", "-a", made, join(dataDir, "postgres")]);
  if (!copied.success) throw new Error(`cp: ${copied.stderr}`);
}
