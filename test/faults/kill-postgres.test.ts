import { expect, test } from "bun:test";
import { checkClicks, checkLinks, checkVisits, rulesOf, type Violation } from "./checks.ts";
import { History } from "./history.ts";
import { install, openEmbedded } from "./install.ts";
import { startLoad, type LoadOptions } from "./load.ts";
import { makeKnown, startProbe } from "./probe.ts";
import { counterproof } from "./sabotage.ts";
import { rounds } from "./seed.ts";
import { lasting, Stage, until } from "./stage.ts";
import { isReady, postmasterOf, signal, startStoa, type Stoa } from "./stoa.ts";
import { drained, storedClicks, storedLinks } from "./stored.ts";

/**
 * R3: kill -9 of the embedded PostgreSQL alone, under load. Stoa starts it again and recovers by
 * itself, known links are answered meanwhile, nothing acknowledged is lost and every click is
 * counted once. Where it keeps dying, Stoa says so and ends with an error.
 */
const recoveryMs = 15_000;
/** A sixth death within a minute is where Stoa gives up. */
const killsMax = 4;
const slowestMs = 1_000;

async function killDatabase(kills: number, brokenTree?: string) {
  await using stage = new Stage();
  const { dataDir, key } = await install(stage);
  const stoa = await startStoa(stage, { dataDir, tree: brokenTree });
  const history = new History();
  const options: LoadOptions = {
    ...{ ports: () => [stoa.port], key, history, random: stage.random, writers: 3, visitors: 2 },
  };
  const known = await makeKnown(options, 20);
  const load = startLoad(options);
  const probe = startProbe(options, known);
  for (let kill = 0; kill < kills; kill++) {
    await lasting(300 + stage.random.below(700));
    await killOnce(stoa);
  }
  await lasting(500);
  const probed = await probe.stop();
  await load.stop();
  const sql = await openEmbedded(stage, dataDir);
  await drained(sql, [stoa]);
  console.log(`${kills} kills: ${history.summary()}; slowest known ${probed.slowestMs} ms`);
  const violations: Violation[] = [
    ...checkLinks(history.operations, await storedLinks(sql)),
    ...checkVisits(history.operations, 0),
    ...checkClicks(history.operations, await storedClicks(sql), { kills: [], windowMs: 0 }),
  ];
  return { violations, probed, restarts: await stoa.metric("stoa_db_restarts_total") };
}

async function killOnce(stoa: Stoa): Promise<void> {
  const postmaster = await postmasterOf(stoa.dataDir);
  signal(postmaster, "SIGKILL");
  const giveUp = () => (stoa.isRunning() ? null : `Stoa ended:\n${stoa.said().slice(-1_500)}`);
  await until(
    "PostgreSQL runs again",
    async () => (await postmasterOf(stoa.dataDir).catch(() => postmaster)) !== postmaster,
    { withinMs: recoveryMs, giveUp },
  );
  await until("Stoa is ready again", () => isReady(stoa.port), { withinMs: recoveryMs, giveUp });
}

test("a killed PostgreSQL is started again, and known links are answered meanwhile", async () => {
  const kills = Math.min(killsMax, rounds(3));
  const { violations, probed, restarts } = await killDatabase(kills);
  expect(violations).toEqual([]);
  expect(probed.refused).toEqual([]);
  expect(probed.slowestMs).toBeLessThan(slowestMs);
  expect(restarts).toBe(kills);
});

test("a PostgreSQL that keeps dying ends Stoa with an error; the next start works", async () => {
  await using stage = new Stage();
  const { dataDir } = await install(stage);
  const stoa = await startStoa(stage, { dataDir });
  let postmaster = 0;
  await until(
    "Stoa gives up",
    async () => {
      const next = await postmasterOf(dataDir).catch(() => 0);
      if (next !== postmaster && next > 0) signal((postmaster = next), "SIGKILL");
      return !stoa.isRunning();
    },
    { withinMs: 30_000 },
  );
  expect(await stoa.exited).not.toBe(0);
  expect(stoa.said()).toContain("giving up");
  await startStoa(stage, { dataDir });
});

counterproof(
  "redirects that ask the database each time",
  [
    {
      file: "src/platform/cache/cache.ts",
      from: "value.epoch !== this.epoch || now >= value.freshUntil) return;",
      to: "now > 0) return;",
    },
    {
      file: "src/platform/cache/cache.ts",
      from: "if (direct !== undefined) return direct;",
      to: "if (direct !== undefined && now < 0) return direct;",
    },
  ],
  async (broken) => {
    const { probed } = await killDatabase(2, broken);
    expect(probed.refused.length).toBeGreaterThan(0);
  },
);

counterproof(
  "a drain that goes on behind what it could not store",
  [
    {
      file: "src/systems/links/clicks/drain.ts",
      from: "return await this.store(reader, stretch);",
      to: `return await this.store(reader, stretch).catch(async () => {
        await Bun.sleep(100);
        return { clicks: 0, lastAt: 0 };
      });`,
    },
  ],
  async (broken) => {
    const { violations } = await killDatabase(2, broken);
    expect(rulesOf(violations)).toContain("clicks lost");
  },
);
