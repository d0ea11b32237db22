import { RedisClient } from "bun";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Charge, Limit } from "../src/systems/limits/limiter.ts";
import decideSource from "../src/systems/limits/decide.lua" with { type: "text" };
import { openMember, startRedis, type BenchRedis, type Member } from "./limits-redis-server.ts";
import { loadCore, median, zipf } from "./load.ts";
import type { Measured } from "./run.ts";

/**
 * Limits on Redis: ours, the same script called bare, and rate-limiter-flexible, in one run. Redis
 * has one core and we have the other. Beside each rate stands the CPU time that a decision cost us
 * and Redis, which a busy machine disturbs less: one core each would do no more than 1 / the
 * larger of the two.
 */
const rounds = 5;
const roundMs = 1_000;
/** Answered in place, before the event loop has its turn: requests that a server reads at once. */
const perTurn = 256;
const keys = 100_000;

function limitOf(id: string, numbers: Partial<Limit> = {}): Limit {
  return {
    ...{ id, algorithm: "token_bucket", limit: 1_000_000, windowMs: 60_000, burst: 1_000_000 },
    ...{
      waitMsMax: 0,
      queueMax: 0,
      penaltyMs: 0,
      accuracy: "strict",
      subKeys: 1,
      onFailure: "closed",
    },
    ...numbers,
  };
}

type Rate = { perSecond: number; oursMicros: number; redisMicros: number; p99Ms: number };

/** So many callers, each asking again as soon as it was answered. */
async function rateOf(
  redis: BenchRedis,
  inFlight: number,
  decide: (i: number) => unknown,
): Promise<Rate> {
  const { client } = redis;
  const cpuOfRedis = async () => {
    const text = String(await client.send("INFO", ["cpu"]));
    const seconds = [...text.matchAll(/used_cpu_(?:sys|user):([\d.]+)/g)].map((m) => Number(m[1]));
    return seconds.reduce((sum, part) => sum + part, 0) * 1e6;
  };
  const waits: number[] = [];
  let count = 0;
  const redisBefore = await cpuOfRedis();
  const cpuBefore = process.cpuUsage();
  const begun = performance.now();
  const end = begun + roundMs;
  let left = perTurn;
  let turn: Promise<void> | null = null;
  const nextTurn = () =>
    new Promise<void>((resolve) => {
      setImmediate(() => {
        left = perTurn;
        turn = null;
        resolve();
      });
    });
  const caller = async () => {
    for (let now = begun; now < end;) {
      const answer = decide(count++);
      if (answer instanceof Promise) await answer;
      else if (--left <= 0) await (turn ??= nextTurn());
      else if (count % 16 !== 0) continue;
      const after = performance.now();
      if (answer instanceof Promise) waits.push(after - now);
      now = after;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, caller));
  const seconds = (performance.now() - begun) / 1_000;
  const { user, system } = process.cpuUsage(cpuBefore);
  waits.sort((a, b) => a - b);
  return {
    perSecond: count / seconds,
    oursMicros: (user + system) / count,
    redisMicros: ((await cpuOfRedis()) - redisBefore) / count,
    p99Ms: waits[Math.floor(waits.length * 0.99)] ?? 0,
  };
}

function tell(name: string, rates: Rate[]): number {
  const of = (field: keyof Rate) => median(rates.map((rate) => rate[field]));
  const best = Math.max(...rates.map(({ perSecond }) => perSecond));
  const thousands = (rate: number) => `${(rate / 1_000).toFixed(1)}k/s`;
  console.log(
    `${name.padEnd(46)} ${thousands(of("perSecond")).padStart(10)}  best ${thousands(best)},` +
      ` CPU us ${of("oursMicros").toFixed(2)} ours ${of("redisMicros").toFixed(2)} Redis,` +
      ` p99 ${of("p99Ms").toFixed(2)} ms`,
  );
  return of("perSecond");
}

/** Ours and others take turns, so that what disturbs the machine disturbs them alike. */
async function compare(
  redis: BenchRedis,
  inFlight: number,
  contenders: Record<string, (i: number) => unknown>,
): Promise<number[]> {
  const rates = Object.values(contenders).map((): Rate[] => []);
  for (let round = 0; round <= rounds; round++) {
    for (const [i, decide] of Object.values(contenders).entries()) {
      const rate = await rateOf(redis, inFlight, decide);
      // The first round warms everything up.
      if (round > 0) rates[i]?.push(rate);
    }
  }
  const told = Object.keys(contenders).map((name, i) =>
    tell(`${name}, ${inFlight} in flight`, rates[i] as Rate[]),
  );
  return told;
}

async function strict(redis: BenchRedis, member: Member): Promise<Measured> {
  const out: Measured = {};
  for (const rules of [1, 3]) {
    const limits = Array.from({ length: rules }, (_, i) => limitOf(`strict-${rules}-${i}`));
    const bare = new RedisClient(redis.url);
    await bare.connect();
    const sha = String(await bare.send("SCRIPT", ["LOAD", decideSource]));
    const numbers = [4, 1, 1_000_000, 60_000, 1_000_000, 0];
    const args = JSON.stringify([1, rules, ...limits.flatMap(() => numbers)]);
    const ours = (i: number) => {
      const key = `user-${i % 10_000}`;
      return member.limiter.take(limits.map((limit): Charge => ({ limit, key, cost: 1 })));
    };
    const called = (i: number) => {
      const key = `user-${i % 10_000}`;
      const names = limits.map(({ id }) => `{stoa}:limits:${id}:${key}`);
      return bare.send("EVALSHA", [sha, String(rules), ...names, args]);
    };
    for (const inFlight of [16, 64]) {
      const contenders = {
        [`strict, ${rules} rule(s)`]: ours,
        [`  the script called bare`]: called,
      };
      const [own, other] = (await compare(redis, inFlight, contenders)) as [number, number];
      console.log(`  ratio ${(own / other).toFixed(2)}`);
      const name = `limits_redis_strict_${rules}_rules_${inFlight}_in_flight`;
      out[`${name}_per_second`] = Math.round(own);
      out[`${name}_of_bare_script`] = Number((own / other).toFixed(2));
    }
    bare.close();
  }
  return out;
}

type PeerLimiter = { consume(key: string, points: number): Promise<unknown> };

async function peer(redis: BenchRedis, member: Member): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), "stoa-bench-"));
  try {
    const packages = ["rate-limiter-flexible@11.4.0", "ioredis@6.0.0"];
    const install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder];
    Bun.spawnSync([...install, ...packages], { stdio: ["ignore", "ignore", "inherit"] });
    const { RateLimiterRedis } = await import(join(folder, "node_modules/rate-limiter-flexible"));
    const { default: IoRedis } = await import(join(folder, "node_modules/ioredis"));
    const storeClient = new IoRedis(redis.url);
    const theirs: PeerLimiter = new RateLimiterRedis({
      ...{ storeClient, points: 1_000_000, duration: 60, keyPrefix: "peer" },
    });
    const limit = limitOf("peer", { algorithm: "fixed_window" });
    const keyOf = (i: number) => `user-${i % 10_000}`;
    const [own, other] = (await compare(redis, 64, {
      "fixed window": (i) => member.limiter.take([{ limit, key: keyOf(i), cost: 1 }]),
      "  rate-limiter-flexible on Redis": (i) => theirs.consume(keyOf(i), 1),
    })) as [number, number];
    storeClient.disconnect();
    return { limits_redis_peer_ratio: Number((own / other).toFixed(2)) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Prints how often Redis was asked while `work` was going on. */
async function sayScripts({ client }: BenchRedis, work: () => Promise<number[]>): Promise<number> {
  await client.send("CONFIG", ["RESETSTAT"]);
  const [perSecond = Number.NaN] = await work();
  const stats = String(await client.send("INFO", ["commandstats"]));
  const scripts = Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
  console.log(`  ${Math.round(scripts / (rounds + 1) / (roundMs / 1_000))} scripts a second`);
  return Math.round(perSecond);
}

/** One rule for all, one for each of 100k clients, one for each of 50 routes. */
async function leased(redis: BenchRedis, member: Member): Promise<Measured> {
  const accuracy = "leased";
  const all = limitOf("all", { limit: 100_000_000, burst: 100_000_000, accuracy });
  const client = limitOf("client", { algorithm: "fixed_window", limit: 6_000_000, accuracy });
  const route = limitOf("route", { algorithm: "sliding_window", limit: 60_000_000, accuracy });
  const names = zipf(keys, 1 << 20, 7).map((rank) => `client-${rank}`);
  const routes = Array.from({ length: 50 }, (_, i) => `/api/v1/things/${i}`);
  const decide = (i: number) =>
    member.limiter.take([
      { limit: all, key: "", cost: 1 },
      { limit: client, key: names[i & ((1 << 20) - 1)] as string, cost: 1 },
      { limit: route, key: routes[i % 50] as string, cost: 1 },
    ]);
  const name = "leased, three rules, Zipf over 100k clients";
  // Stocks follow a key's rate from one hold time to the next.
  const warmUntil = performance.now() + 2 * 6_000;
  while (performance.now() < warmUntil) await rateOf(redis, 64, decide);
  const perSecond = await sayScripts(redis, () => compare(redis, 64, { [name]: decide }));
  return { limits_redis_leased_three_rules_per_second: perSecond };
}

/** A key hotter than a core of Redis: what reaches Redis does not grow with it. */
async function hot(redis: BenchRedis, member: Member): Promise<Measured> {
  const out: Measured = {};
  for (const accuracy of ["leased", "local"] as const) {
    const limit = limitOf(`hot-${accuracy}`, {
      limit: 4_000_000_000,
      burst: 4_000_000_000,
      accuracy,
    });
    const charges = [{ limit, key: "hot", cost: 1 }];
    const decide = () => member.limiter.take(charges);
    out[`limits_redis_hot_${accuracy}_per_second`] = await sayScripts(redis, () =>
      compare(redis, 64, { [`${accuracy}, one key`]: decide }),
    );
  }
  return out;
}

/** Four members, evenly loaded at ten times the limit. */
async function local(redis: BenchRedis): Promise<Measured> {
  const out: Measured = {};
  const members = await Promise.all([1, 2, 3, 4].map(() => openMember(redis.url)));
  for (const windowMs of [1_000, 5_000]) {
    const limit = limitOf(`local-${windowMs}`, {
      ...{ algorithm: "fixed_window", limit: 1_000, windowMs, accuracy: "local" },
    });
    const passed = new Map<number, number>();
    const begun = Math.ceil(Date.now() / windowMs) * windowMs;
    while (Date.now() < begun) await Bun.sleep(1);
    const end = begun + windowMs * 3;
    for (let asked = 0, now = Date.now(); now < end; now = Date.now()) {
      const due = ((now - begun) / windowMs) * 10 * limit.limit;
      for (; asked < due; asked++) {
        const { limiter } = members[asked % 4] as Member;
        const decision = await limiter.take([{ limit, key: "k", cost: 1 }]);
        const window = Math.floor(now / windowMs);
        if (decision.allowed) passed.set(window, (passed.get(window) ?? 0) + 1);
      }
      await Bun.sleep(1);
    }
    const over = [...passed.values()].map((count) => count / limit.limit - 1);
    const shown = over.map((share) => `${(share * 100).toFixed(1)}%`).join(", ");
    console.log(`local, 4 members at 10 x 1,000 per ${windowMs} ms: over by ${shown}`);
    out[`limits_redis_local_${windowMs}_ms_over_max`] = Number(Math.max(...over).toFixed(3));
  }
  await Promise.all(members.map((member) => member.close()));
  return out;
}

type RedisPart = (redis: BenchRedis, member: Member) => Promise<Measured>;

/** On a Redis of its own, which nothing before has filled. */
function onRedis(part: RedisPart): () => Promise<Measured> {
  return async () => {
    const unpin = pin(loadCore);
    const redis = await startRedis();
    const member = await openMember(redis.url);
    try {
      return await part(redis, member);
    } finally {
      await member.close();
      await redis.stop();
      unpin();
    }
  };
}

/** Keeps this process to one core until told otherwise. */
function pin(core: string): () => void {
  const pid = String(process.pid);
  const said = Bun.spawnSync(["taskset", "-cp", pid]).stdout.toString();
  const before = said.split(": ")[1]?.trim() ?? "";
  Bun.spawnSync(["taskset", "-acp", core, pid]);
  return () => void Bun.spawnSync(["taskset", "-acp", before, pid]);
}

export const redisParts = {
  ...{ strict: onRedis(strict), peer: onRedis(peer), leased: onRedis(leased) },
  ...{ hot: onRedis(hot), local: onRedis(local) },
};
