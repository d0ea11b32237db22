import { join } from "node:path";
import { simulate } from "../src/systems/limits/simulate.ts";
import type { Limit } from "../src/systems/limits/limiter.ts";

/**
 * Decisions in process. Each case is a process of its own, so that none inherits another's heap,
 * and runs several times in turn with the others. Rates are per second of CPU that the process
 * used, its collector and compiler included, which a busy machine disturbs less than the clock;
 * beside it, that of the best slice of a thousand decisions, which it disturbs least. A
 * pause is CPU time of one thread within 64 decisions, which kernels tell in steps of up to 4 ms:
 * "nothing", a loop that decides nothing, says how much of it is that.
 */
export type CaseFigures = {
  perSecond: number;
  bestPerSecond: number;
  bytesPerKey: number;
  pauseMs: number;
};

const peer = "rate-limiter-flexible@11.4.0";
const rounds = Number(process.env["BENCH_ROUNDS"] ?? 3);
const cases = [
  "uniform 1M",
  "hot 1k",
  "hot 1k fresh",
  "three rules 100k",
  "nothing 1M",
  "growth 1M",
  "full 1M",
  "ours 100k",
  "peer 100k",
  "map 1M",
  "map 1k",
  "map 1k fresh",
  "map growth 1M",
] as const;
type Case = (typeof cases)[number];

export async function benchMemory(folder: string): Promise<Record<string, number>> {
  await install(folder);
  const all = new Map<Case, CaseFigures[]>();
  for (let round = 0; round < rounds; round++) {
    for (const name of cases) all.set(name, [...(all.get(name) ?? []), await run(name, folder)]);
  }
  const best = (name: Case) => {
    const figures = all.get(name) ?? [];
    return {
      perSecond: Math.max(...figures.map((one) => one.perSecond)),
      bestPerSecond: Math.max(...figures.map((one) => one.bestPerSecond)),
      bytesPerKey: Math.max(...figures.map((one) => one.bytesPerKey)),
      pauseMs: Math.max(...figures.map((one) => one.pauseMs)),
    };
  };
  for (const name of cases) {
    const { perSecond, bestPerSecond, bytesPerKey, pauseMs } = best(name);
    const rate = (perSecond / 1e6).toFixed(2).padStart(6);
    const slice = bestPerSecond > 0 ? `, at best ${(bestPerSecond / 1e6).toFixed(2)} M/s` : "";
    const size = bytesPerKey > 0 ? `, ${bytesPerKey.toFixed(0)} bytes a key` : "";
    const pause = pauseMs > 0 ? `, longest pause ${pauseMs.toFixed(2)} ms` : "";
    console.log(`${name.padEnd(17)} ${rate} M/s${slice}${size}${pause}`);
  }
  const ratio = best("ours 100k").perSecond / best("peer 100k").perSecond;
  console.log(`beside ${peer} at 100k keys: ${ratio.toFixed(1)} x`);
  sayEdge();
  return {
    limits_memory_uniform_per_second: Math.round(best("uniform 1M").perSecond),
    limits_memory_hot_per_second: Math.round(best("hot 1k").perSecond),
    limits_memory_uniform_best_per_second: Math.round(best("uniform 1M").bestPerSecond),
    limits_memory_hot_best_per_second: Math.round(best("hot 1k").bestPerSecond),
    limits_memory_hot_fresh_per_second: Math.round(best("hot 1k fresh").perSecond),
    limits_memory_three_rules_per_second: Math.round(best("three rules 100k").perSecond),
    limits_memory_bytes_per_key: Math.round(best("growth 1M").bytesPerKey),
    limits_memory_pause_nothing_ms: best("nothing 1M").pauseMs,
    limits_memory_pause_ms: Math.max(best("growth 1M").pauseMs, best("full 1M").pauseMs),
    limits_memory_peer_ratio: Number(ratio.toFixed(2)),
  };
}

async function run(name: Case, folder: string): Promise<CaseFigures> {
  const file = join(import.meta.dir, "limits-memory-case.ts");
  const child = Bun.spawn([process.execPath, file, name, folder], { stderr: "inherit" });
  const text = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`the case "${name}" failed: ${text}`);
  return JSON.parse(text) as CaseFigures;
}

/** The peer goes into a folder of its own: it is no dependency of Stoa. */
async function install(folder: string): Promise<void> {
  await Bun.write(join(folder, "package.json"), "{}");
  const command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", peer];
  const npm = Bun.spawn(command, { cwd: folder, stdout: "ignore", stderr: "inherit" });
  if ((await npm.exited) !== 0) throw new Error(`npm could not install ${peer}`);
}

/** What each algorithm lets through around the edge of a window: 199 calls within 167 ms. */
function sayEdge(): void {
  const limit: Limit = {
    id: "edge",
    algorithm: "fixed_window",
    limit: 100,
    windowMs: 1_000,
    burst: 100,
    waitMsMax: 0,
    queueMax: 0,
    penaltyMs: 0,
    accuracy: "local",
    subKeys: 1,
    onFailure: "open",
  };
  const calls = Array.from({ length: 199 }, (_, i) => ({
    at_ms: 917 + Math.floor((i * 167) / 199),
    cost: 1,
  }));
  for (const [algorithm, outcomes] of Object.entries(simulate(limit, calls))) {
    const passed = outcomes.filter((one) => one.allowed).length;
    console.log(`199 calls in 167 ms at 100 a second: ${algorithm} lets ${passed} pass`);
  }
}
