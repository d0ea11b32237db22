import type { Measured } from "./run.ts";
import { agents, load, median, writeScript, type Load } from "./load.ts";
import { startConstant } from "./peers.ts";
import { seededCode, seedLinks } from "./seed.ts";
import { startPostgres, startStoa } from "./server.ts";

/** One hot code, and nothing but unknown codes. */
const seconds = Number(process.env["BENCH_SECONDS"] ?? 6);
const rounds = Number(process.env["BENCH_ROUNDS"] ?? 3);
/** So many that none comes twice within a run: a second visitor would be answered from memory. */
const unknownCodes = 200_000;

export async function benchEdges(folder: string): Promise<Measured> {
  const db = await startPostgres(folder);
  const stoa = await startStoa(folder, db);
  await seedLinks(db.sql, { ownerId: "1", from: 0, to: 1_000 });
  const hotScript = writeScript(folder, [`/${seededCode(1)}`], agents);
  const hot: Load[] = [];
  const constant: Load[] = [];
  for (let round = 0; round < rounds; round++) {
    const peer = await startConstant(folder);
    constant.push(await load(peer.url, { script: hotScript, seconds }));
    await peer.stop();
    hot.push(await load(stoa.url, { script: hotScript, seconds }));
  }
  const counted = async (what: string) =>
    (await stoa.metrics()).get(`stoa_links_cache_${what}_total`) ?? 0;
  const unknown = Array.from(
    { length: unknownCodes },
    (_, i) => `/u${i.toString(36).padStart(6, "0")}`,
  );
  const before = { reads: await counted("reads"), queries: await counted("queries") };
  const enumeration = await load(stoa.url, {
    script: writeScript(folder, unknown, agents),
    ...{ seconds, pid: stoa.pid },
  });
  const reads = (await counted("reads")) - before.reads;
  const queries = (await counted("queries")) - before.queries;
  await stoa.stop();
  await db.postgres.stop();
  const rate = median(hot.map((r) => r.requestsPerSecond));
  const ratio = median(
    hot.map((r, i) => r.requestsPerSecond / (constant[i]?.requestsPerSecond ?? Number.NaN)),
  );
  const asked = Math.min(enumeration.requests, unknownCodes);
  const unknownRate = Math.round(enumeration.requestsPerSecond);
  console.log(`one hot code   ${Math.round(rate)}/s, ${ratio.toFixed(2)} of a constant Bun server
unknown codes  ${unknownRate}/s, ${enumeration.cpuMicros.toFixed(1)} us CPU,
  ${reads} reads of ${asked} codes in ${queries} statements`);
  return {
    hot_code_per_s: Math.round(rate),
    hot_code_of_constant_bun: Number(ratio.toFixed(3)),
    unknown_codes_per_s: unknownRate,
    reads_per_unknown_code: Number((reads / asked).toFixed(3)),
    statements_per_unknown_code: Number((queries / asked).toFixed(3)),
  };
}
