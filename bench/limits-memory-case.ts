/** One case of bench/limits-memory.ts in a process of its own; prints its figures as JSON. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { systemClock } from "../src/platform/clock/clock.ts";
import type { Limit } from "../src/systems/limits/limiter.ts";
import { MemoryLimiter } from "../src/systems/limits/memory.ts";
import type { CaseFigures } from "./limits-memory.ts";
import { lcg } from "./load.ts";

type Decide = (key: string) => boolean;

const [, , wanted = "", folder = ""] = process.argv;
const seconds = Number(process.env["BENCH_SECONDS"] ?? 2);
const warmUpMs = 2_000;
const sliceOf = 1_000;
const random = lcg(7);

const limitOf = (id: string): Limit => ({
  id,
  algorithm: "token_bucket",
  limit: 100,
  windowMs: 60_000,
  burst: 100,
  waitMsMax: 0,
  queueMax: 0,
  penaltyMs: 0,
  accuracy: "local",
  subKeys: 1,
  onFailure: "open",
});

/** Addresses and ids, as rules are asked about. */
const keyOf = (n: number) =>
  n % 2 === 0 ? `ip:10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}` : `key:k_${n * 7_919}`;

function limiterOf(keysMax = 2_000_000): { limiter: MemoryLimiter; decide: Decide } {
  const limiter = new MemoryLimiter({ clock: systemClock, keysMax });
  const limit = limitOf("rule");
  return { limiter, decide: (key) => limiter.takeOne(limit, key, 1) };
}

/** What a Map from keys to GCRA times costs: no bound, no expiry, no other algorithm. */
function mapOf(): Decide {
  const times = new Map<string, number>();
  const [emission, tolerance] = [600, 59_400];
  return (key) => {
    const now = systemClock.now();
    const time = Math.max(times.get(key) ?? 0, now);
    if (time - now > tolerance) return false;
    times.set(key, time + emission);
    return true;
  };
}

/**
 * Decisions over keys in a random order. Fresh keys are made of bytes each time, as those of
 * requests are; making them is part of what is timed.
 */
function rateOf(decide: Decide, keys: string[], fresh = false): CaseFigures {
  const order = Uint32Array.from({ length: 1 << 20 }, () => Math.floor(random() * keys.length));
  const bytes = fresh ? keys.map((key) => Buffer.from(key, "latin1")) : [];
  let at = 0;
  const slice = fresh
    ? () => {
        for (let i = 0; i < sliceOf; i++) decide(bytes[order[at++ & 0xfffff]!]!.toString("latin1"));
      }
    : () => {
        for (let i = 0; i < sliceOf; i++) decide(keys[order[at++ & 0xfffff]!]!);
      };
  for (const key of keys) decide(key);
  const meter = new Meter();
  while (meter.runs()) {
    slice();
    meter.note(sliceOf);
  }
  return meter.figures();
}

/** Per second of CPU over all of it, and per second in the best slice of some milliseconds. */
class Meter {
  private readonly from = performance.now() + warmUpMs;
  private cpu = process.cpuUsage();
  private done = 0;
  private best = 0;
  private before = performance.now();

  runs(): boolean {
    this.before = performance.now();
    return this.before < this.from + seconds * 1_000;
  }

  note(count: number): void {
    const now = performance.now();
    if (now < this.from) {
      this.cpu = process.cpuUsage();
      return;
    }
    this.done += count;
    this.best = Math.max(this.best, (count * 1_000) / (now - this.before));
  }

  figures(): CaseFigures {
    const perSecond = this.done / cpuSeconds(process.cpuUsage(this.cpu));
    return { perSecond, bestPerSecond: this.best, bytesPerKey: 0, pauseMs: 0 };
  }
}

/** New keys only: what the memory and the longest pause come to. */
function growthOf(decide: Decide, count: number, limiter?: MemoryLimiter): CaseFigures {
  for (let n = 0; n < 50_000; n++) keyOf(n);
  Bun.gc(true);
  const rss = process.memoryUsage.rss();
  const cpu = process.cpuUsage();
  let pauseMs = 0;
  for (let n = 0; n < count; n += 64) {
    const [before, cpuBefore] = [performance.now(), process.threadCpuUsage()];
    for (let i = n; i < n + 64; i++) decide(keyOf(i));
    // Time that other processes took is no pause of ours, hence the lesser of the two.
    const own = cpuSeconds(process.threadCpuUsage(cpuBefore)) * 1_000;
    pauseMs = Math.max(pauseMs, Math.min(performance.now() - before, own));
  }
  const perSecond = count / cpuSeconds(process.cpuUsage(cpu));
  Bun.gc(true);
  const grown = process.memoryUsage.rss() - rss;
  const bytesPerKey = limiter ? limiter.bytes / limiter.size : grown / count;
  return { perSecond, bestPerSecond: 0, bytesPerKey, pauseMs };
}

async function peerRate(): Promise<CaseFigures> {
  const require = createRequire(join(folder, "package.json"));
  const { RateLimiterMemory } = require("rate-limiter-flexible") as {
    RateLimiterMemory: new (options: { points: number; duration: number }) => {
      consume(key: string, points: number): Promise<unknown>;
    };
  };
  const limiter = new RateLimiterMemory({ points: 100, duration: 60 });
  const keys = Array.from({ length: 100_000 }, (_, n) => keyOf(n));
  const ask = (key: string) =>
    limiter.consume(key, 1).then(
      () => true,
      () => false,
    );
  for (const key of keys) await ask(key);
  const meter = new Meter();
  while (meter.runs()) {
    for (let i = 0; i < sliceOf; i++) await ask(keys[Math.floor(random() * keys.length)]!);
    meter.note(sliceOf);
  }
  return meter.figures();
}

function threeRules(): CaseFigures {
  const limiter = new MemoryLimiter({ clock: systemClock, keysMax: 2_000_000 });
  const [global, client, route] = [limitOf("global"), limitOf("client"), limitOf("route")];
  global.limit = global.burst = 1_000_000_000;
  const keys = Array.from({ length: 100_000 }, (_, n) => keyOf(n));
  return rateOf(
    (key) =>
      limiter.take([
        { limit: global, key: "", cost: 1 },
        { limit: client, key, cost: 1 },
        { limit: route, key, cost: 1 },
      ]).allowed,
    keys,
  );
}

function cpuSeconds({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1e6;
}

async function figuresOf(name: string): Promise<CaseFigures> {
  const keys = (count: number) => Array.from({ length: count }, (_, n) => keyOf(n));
  switch (name) {
    case "uniform 1M":
      return rateOf(limiterOf().decide, keys(1_000_000));
    case "hot 1k":
      return rateOf(limiterOf().decide, keys(1_000));
    case "hot 1k fresh":
      return rateOf(limiterOf().decide, keys(1_000), true);
    case "three rules 100k":
      return threeRules();
    case "growth 1M": {
      const { limiter, decide } = limiterOf();
      return growthOf(decide, 1_000_000, limiter);
    }
    case "nothing 1M":
      return growthOf(() => true, 1_000_000);
    case "full 1M": {
      const { limiter, decide } = limiterOf(1_000_000);
      for (let n = 3_000_000; n < 4_000_000; n++) decide(keyOf(n));
      return growthOf(decide, 1_000_000, limiter);
    }
    case "ours 100k":
      return rateOf(limiterOf().decide, keys(100_000));
    case "peer 100k":
      return await peerRate();
    case "map 1M":
      return rateOf(mapOf(), keys(1_000_000));
    case "map 1k":
      return rateOf(mapOf(), keys(1_000));
    case "map 1k fresh":
      return rateOf(mapOf(), keys(1_000), true);
    case "map growth 1M":
      return growthOf(mapOf(), 1_000_000);
    default:
      throw new Error(`no case "${name}"`);
  }
}

console.log(JSON.stringify(await figuresOf(wanted)));
process.exit(0);
