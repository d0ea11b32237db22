import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbedded } from "../src/platform/db/embedded.ts";
import { silentLog } from "../src/platform/log/log.ts";

/**
 * Runs a command beside one PostgreSQL that all test files share, so that each need not start
 * its own: `bun test/with-postgres.ts bun test src`. A server named by TEST_DATABASE_URL is used
 * as it is.
 */
const command = process.argv.slice(2);
if (process.env["TEST_DATABASE_URL"]) process.exit(await run({}));

const dataDir = mkdtempSync(join(tmpdir(), `stoa-test-${process.pid}-`));
const postgres = await startEmbedded({ dataDir, log: silentLog, durable: false });
const { path } = postgres.admin;
const url = `postgres://postgres@localhost/postgres?socket=${encodeURIComponent(path)}`;
const code = await run({ TEST_DATABASE_URL: url });
await postgres.stop();
rmSync(dataDir, { recursive: true, force: true });
process.exit(code);

async function run(env: Record<string, string>): Promise<number> {
  const child = Bun.spawn(command, {
    env: { ...process.env, ...env },
    stdio: ["inherit", "inherit", "inherit"],
  });
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => child.kill(name));
  return await child.exited;
}
