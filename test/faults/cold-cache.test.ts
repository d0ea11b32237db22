import { expect, test } from "bun:test";
import { History } from "./history.ts";
import { install } from "./install.ts";
import { Client, type LoadOptions, type Made } from "./load.ts";
import { counterproof } from "./sabotage.ts";
import { Stage } from "./stage.ts";
import { startStoa } from "./stoa.ts";

/**
 * R21: a process starts cold at peak: hundreds of visitors ask for the same few codes at once.
 * The database is asked once a code, known or not, and everybody is answered.
 */
const known = 10;
const unknownCodes = 10;
const visitors = 300;
/** Reads that are not the visitors': none is expected, a revalidation may happen. */
const sparesMax = 2;

async function startCold(brokenTree?: string) {
  await using stage = new Stage();
  const { dataDir, key } = await install(stage);
  const history = new History();
  const options = (port: number): LoadOptions => ({
    ...{ ports: () => [port], key, history, random: stage.random, writers: 0, visitors: 0 },
  });
  const first = await startStoa(stage, { dataDir, tree: brokenTree });
  const maker = new Client(options(first.port));
  const links: Made[] = [];
  for (let n = 0; n < known; n++) links.push((await maker.create(`cold-${n}`, () => true))!);
  maker.close();
  await first.stop();
  const missing = (n: number) => ({ id: "0", code: `missing${n}`, deleted: false });
  for (let n = 0; n < unknownCodes; n++) links.push(missing(n));
  const stoa = await startStoa(stage, { dataDir, tree: brokenTree });
  const before = await stoa.metric("stoa_links_cache_reads_total");
  const visits = await Promise.all(
    Array.from({ length: visitors }, async (_, n) => {
      const client = new Client(options(stoa.port));
      const visit = await client.visit(links[n % links.length]!);
      client.close();
      return visit;
    }),
  );
  const reads = (await stoa.metric("stoa_links_cache_reads_total")) - before;
  console.log(`${visitors} visitors of ${links.length} codes: ${reads} reads`);
  return { visits, reads };
}

test("a cold start at peak asks the database once a code", async () => {
  const { visits, reads } = await startCold();
  expect(visits.filter((visit) => visit.outcome === "unknown")).toEqual([]);
  expect(visits.filter((visit) => visit.status === 302).length).toBe(visitors / 2);
  expect(visits.filter((visit) => visit.status === 404).length).toBe(visitors / 2);
  expect(reads).toBeLessThanOrEqual(known + unknownCodes + sparesMax);
});

counterproof(
  "a cache in which everybody fetches alone",
  [
    {
      file: "src/platform/cache/cache.ts",
      from: "if (running?.began === this.changes) return running.answer;",
      to: "",
    },
  ],
  async (broken) => {
    expect((await startCold(broken)).reads).toBeGreaterThan(known + unknownCodes + sparesMax);
  },
);
