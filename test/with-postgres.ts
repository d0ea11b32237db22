import { existsSync, mkdirSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbedded } from "../src/platform/db/embedded.ts";
import { silentLog } from "../src/platform/log/log.ts";
import { freshFolder } from "./database.ts";

/**
 * Runs a command beside one PostgreSQL that all test files share, so that each need not start
 * its own, and with a cluster to copy for those that must:
 * `bun test/with-postgres.ts bun test src`. A server named by TEST_DATABASE_URL is used as it is.
 */
const command = process.argv.slice(2);
const roomBytesMin = 4 * 1024 ** 3;
if (process.env["TEST_DATABASE_URL"]) process.exit(await run({}));

const folder = freshFolder(inMemory() ?? tmpdir());
const seed = join(folder, "seed");
const dataDir = join(folder, "data");
const options = { log: silentLog, durable: false };
// Copied by every test that starts a PostgreSQL of its own on a folder that need not be empty.
await (await startEmbedded({ ...options, dataDir: seed })).stop();
const TEST_CLUSTER = join(seed, "postgres");
mkdirSync(dataDir);
Bun.spawnSync(["cp", "-a", TEST_CLUSTER, dataDir]);
const postgres = await startEmbedded({ ...options, dataDir });
const { path } = postgres.admin;
const url = `postgres://postgres@localhost/postgres?socket=${encodeURIComponent(path)}`;
const code = await run({ TEST_DATABASE_URL: url, TEST_CLUSTER });
await postgres.stop();
rmSync(folder, { recursive: true, force: true });
process.exit(code);

/** Where files cost the processor least, if there is room for what all tests write together. */
function inMemory(): string | null {
  const shared = "/dev/shm";
  if (!existsSync(shared)) return null;
  const { bavail, bsize } = statfsSync(shared);
  return bavail * bsize > roomBytesMin ? shared : null;
}

async function run(env: Record<string, string>): Promise<number> {
  const child = Bun.spawn(command, {
    env: { ...process.env, ...env },
    stdio: ["inherit", "inherit", "inherit"],
  });
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => child.kill(name));
  return await child.exited;
}
