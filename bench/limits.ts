/**
 * Rate limits beside rate-limiter-flexible, in one run. Prints ratios and merges the figures into
 * bench/measured-limits.json.
 *
 *   bun bench/limits.ts         everything
 *   bun bench/limits.ts memory  one part
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { benchMemory } from "./limits-memory.ts";

const parts = { memory: benchMemory };

const wanted = process.argv.slice(2);
const names = (wanted.length > 0 ? wanted : Object.keys(parts)) as (keyof typeof parts)[];
const out = join(import.meta.dir, "measured-limits.json");
const before = existsSync(out) ? (JSON.parse(readFileSync(out, "utf8")) as object) : {};
const measured: Record<string, number> = {};

for (const name of names) {
  const part = parts[name];
  if (!part) throw new Error(`no part "${name}"; there are ${Object.keys(parts).join(", ")}`);
  const folder = mkdtempSync(join(tmpdir(), "stoa-bench-"));
  try {
    console.log(`\n== ${name}`);
    Object.assign(measured, await part(folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const machine = {
  date: new Date().toISOString().slice(0, 10),
  cores: navigator.hardwareConcurrency,
};
writeFileSync(out, `${JSON.stringify({ ...before, ...machine, ...measured }, null, 2)}\n`);
process.exit(0);
