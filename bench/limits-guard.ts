import { startRedis } from "./limits-redis-server.ts";
import { agents, load, loadCore, median, writeScript, zipf, type Load } from "./load.ts";
import type { Measured } from "./run.ts";
import { seededCode, seedLinks } from "./seed.ts";
import { startPostgres, startStoa, yieldToLoad, type Bench } from "./server.ts";

/**
 * What the guard takes from a redirect, over the socket: with no rule for short links, with one for
 * everybody and with one for each visitor's address, of which there are 50,000. Alone a process
 * decides in memory whatever the accuracy. Redis is on the load's core, since what counts is ours.
 */
const links = 100_000;
const rounds = Number(process.env["BENCH_ROUNDS"] ?? 5);
const seconds = Number(process.env["BENCH_SECONDS"] ?? 3);
const accuracies = ["local", "leased", "strict"];

/** `change` is made to the one rule before the case is measured. */
type Case = { name: string; change: object };
const unguarded: Case = { name: "none", change: { enabled: false } };
const everybody = (accuracy: string): Case => {
  return { name: `everybody_${accuracy}`, change: { enabled: true, key: ["global"], accuracy } };
};
const each = (accuracy: string): Case => {
  return { name: `each_${accuracy}`, change: { enabled: true, key: ["ip"], accuracy } };
};

export async function benchGuard(folder: string): Promise<Measured> {
  const db = await startPostgres(folder);
  const redis = await startRedis(loadCore);
  await (await startStoa(folder, db)).stop();
  await seedLinks(db.sql, { ownerId: "1", from: 0, to: links });
  await db.sql`ANALYZE`;
  const paths = zipf(links, 100_000, 1).map((n) => `/${seededCode(n)}`);
  const script = writeScript(folder, paths, agents);

  const alone = await startStoa(folder, db);
  const rule = await createRule(alone);
  const measured = await compare("alone", alone, {
    ...{ script, rule },
    cases: [everybody("local"), each("local")],
  });
  const member = await startStoa(folder, db, { REDIS_URL: redis.url });
  Object.assign(
    measured,
    await compare("redis", member, {
      ...{ script, rule },
      cases: [...accuracies.map(everybody), ...accuracies.map(each)],
    }),
  );
  await db.postgres.stop();
  await redis.stop();
  return measured;
}

/** All cases take turns, each beside the unguarded run of its round; stops the process. */
async function compare(
  place: string,
  stoa: Bench,
  { script, rule, cases }: { script: string; rule: string; cases: Case[] },
): Promise<Measured> {
  yieldToLoad(stoa);
  await patch(stoa, rule, unguarded.change);
  await load(stoa.edgeUrl, { script, seconds: 15 });
  const results = new Map<string, Load[]>();
  for (let round = 0; round < rounds; round++) {
    for (const { name, change } of [unguarded, ...cases]) {
      await patch(stoa, rule, change);
      await load(stoa.edgeUrl, { script, seconds: 1 });
      const result = await load(stoa.edgeUrl, { script, seconds, pid: stoa.pid });
      if (result.errors > 0) throw new Error(`${name}: ${result.errors} were not redirected`);
      results.set(name, [...(results.get(name) ?? []), result]);
    }
  }
  await stoa.stop();
  return report(place, results);
}

function report(place: string, results: Map<string, Load[]>): Measured {
  const measured: Measured = {};
  const bare = results.get(unguarded.name) as Load[];
  for (const [name, runs] of results) {
    const ratio = (pick: (result: Load) => number) =>
      median(runs.map((result, n) => pick(result) / pick(bare[n] as Load)));
    const rate = ratio((result) => result.requestsPerSecond);
    const cpu = ratio((result) => result.cpuMicros);
    const perSecond = Math.round(median(runs.map((run) => run.requestsPerSecond)));
    const micros = median(runs.map((run) => run.cpuMicros)).toFixed(2);
    console.log(
      `${place}, ${name.padEnd(16)} ${perSecond}/s, ${micros} us CPU, ` +
        `of no rule: rate ${rate.toFixed(3)}, CPU ${cpu.toFixed(3)}`,
    );
    if (name === unguarded.name) continue;
    measured[`limits_guard_${place}_${name}_rate`] = Number(rate.toFixed(3));
    measured[`limits_guard_${place}_${name}_cpu`] = Number(cpu.toFixed(3));
  }
  return measured;
}

async function createRule(stoa: Bench): Promise<string> {
  const body = {
    ...{ name: "bench.visitors", algorithm: "token_bucket", key: ["ip"], on_failure: "open" },
    ...{ limit: 100_000_000, window_ms: 60_000, routes: ["/{code}"], methods: ["GET"] },
  };
  const { id } = await ask<{ id: string }>(stoa, "POST", "/api/v1/limits/rules", body);
  return id;
}

async function patch(stoa: Bench, id: string, change: object): Promise<void> {
  await ask(stoa, "PATCH", `/api/v1/limits/rules/${id}`, change);
}

async function ask<T>(stoa: Bench, method: string, path: string, body: object): Promise<T> {
  const response = await fetch(stoa.url + path, {
    method,
    headers: { authorization: `Bearer ${stoa.key}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
  return (await response.json()) as T;
}
