import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";

/** Figures by the name that they have in the file of what was measured. */
export type Measured = Record<string, number>;

/**
 * Runs the parts that the command line names, or all of them, each with an empty folder of its
 * own, and merges what they measured into `file`, beside what other parts measured before.
 */
export async function runParts(
  file: string,
  parts: Record<string, (folder: string) => Promise<Measured>>,
): Promise<never> {
  const wanted = process.argv.slice(2);
  const names = wanted.length > 0 ? wanted : Object.keys(parts);
  const unknown = names.find((name) => !Object.hasOwn(parts, name));
  if (unknown !== undefined) {
    throw new Error(`no part "${unknown}"; there are ${Object.keys(parts).join(", ")}`);
  }
  const measured: Measured = {};
  for (const name of names) {
    const folder = mkdtempSync(join(tmpdir(), "stoa-bench-"));
    try {
      console.log(`\n== ${name}`);
      Object.assign(measured, await parts[name]?.(folder));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const out = join(import.meta.dir, file);
  const before = existsSync(out) ? (JSON.parse(readFileSync(out, "utf8")) as object) : {};
  const machine = {
    date: new Date().toISOString().slice(0, 10),
    machine: cpus()[0]?.model.trim() ?? "a machine",
    cores: navigator.hardwareConcurrency,
  };
  writeFileSync(out, `${JSON.stringify({ ...before, ...machine, ...measured }, null, 2)}\n`);
  process.exit(0);
}
