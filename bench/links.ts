/**
 * Short links measured beside nginx and a bare Bun server, each on one core with the load on the
 * other, in one run. Prints ratios and writes bench/measured.json, which `stoa plan` reads.
 *
 *   bun bench/links.ts            everything, about 15 minutes
 *   bun bench/links.ts redirects  one part: redirects, creates, growth, edges, clicks, costs
 */
import { mkdtempSync, rmSync, writeFileSync, existsSync, readFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { benchClicks } from "./clicks.ts";
import { benchCosts } from "./links-costs.ts";
import { benchCreates } from "./links-creates.ts";
import { benchEdges } from "./links-edges.ts";
import { benchGrowth } from "./links-growth.ts";
import { benchRedirects } from "./links-redirects.ts";

export type Measured = Record<string, number>;

const parts = {
  redirects: benchRedirects,
  creates: benchCreates,
  growth: benchGrowth,
  edges: benchEdges,
  clicks: (folder: string) => benchClicks(folder),
  costs: benchCosts,
};

const wanted = process.argv.slice(2);
const names = (wanted.length > 0 ? wanted : Object.keys(parts)) as (keyof typeof parts)[];
const out = join(import.meta.dir, "measured.json");
const before = existsSync(out) ? (JSON.parse(readFileSync(out, "utf8")) as object) : {};
const measured: Measured = {};

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
  machine: cpus()[0]?.model.trim() ?? "a machine",
  cores: navigator.hardwareConcurrency,
};
writeFileSync(out, `${JSON.stringify({ ...before, ...machine, ...measured }, null, 2)}\n`);
process.exit(0);
