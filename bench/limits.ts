/**
 * Rate limits beside rate-limiter-flexible, in one run. Prints ratios and merges the figures into
 * bench/measured-limits.json.
 *
 *   bun bench/limits.ts                everything, about eight minutes
 *   bun bench/limits.ts memory leased  parts by name: memory and guard, and on Redis strict, peer,
 *                                     leased, hot and local
 */
import { benchGuard } from "./limits-guard.ts";
import { benchMemory } from "./limits-memory.ts";
import { redisParts } from "./limits-redis.ts";
import { runParts } from "./run.ts";

await runParts("measured-limits.json", { memory: benchMemory, ...redisParts, guard: benchGuard });
