import { expect, test } from "bun:test";
import { checkClicks, checkLinks, checkVisits, rulesOf, type Violation } from "./checks.ts";
import { History } from "./history.ts";
import { install, openEmbedded } from "./install.ts";
import { startLoad } from "./load.ts";
import { freePort } from "../free-port.ts";
import { answersEarly, counterproof } from "./sabotage.ts";
import { rounds } from "./seed.ts";
import { lasting, Stage } from "./stage.ts";
import { startStoa } from "./stoa.ts";
import { drained, storedClicks, storedLinks } from "./stored.ts";

/**
 * R2: kill -9 of Stoa, again and again, while clients write and follow links. What was
 * acknowledged stays, nothing happens twice, and of the clicks at most those of the last
 * moments before each kill are lost. The PostgreSQL it leaves behind is the next start's.
 */
const usualKills = 10;
/** What may be lost by promise, and what a busy machine may add between answer and record. */
const windowMs = 50 + 25;

async function killUnderLoad(kills: number, brokenTree?: string): Promise<Violation[]> {
  await using stage = new Stage();
  const { dataDir, key } = await install(stage);
  const port = freePort();
  const history = new History();
  const { random } = stage;
  const start = async () => await startStoa(stage, { dataDir, port, tree: brokenTree });
  let stoa = await start();
  const load = startLoad({
    ...{ ports: () => [port], key, history, random, writers: 4, visitors: 4 },
  });
  const killedAt: number[] = [];
  for (let kill = 0; kill < kills; kill++) {
    await lasting(150 + random.below(500));
    stoa.signal("SIGKILL");
    killedAt.push(performance.now());
    await stoa.exited;
    stoa = await start();
  }
  await lasting(200);
  await load.stop();
  const sql = await openEmbedded(stage, dataDir);
  await drained(sql, [stoa]);
  console.log(`${kills} kills: ${history.summary()}`);
  return [
    ...checkLinks(history.operations, await storedLinks(sql)),
    ...checkVisits(history.operations, 0),
    ...checkClicks(history.operations, await storedClicks(sql), { kills: killedAt, windowMs }),
  ];
}

test("kill -9 under load loses nothing acknowledged and repeats nothing", async () => {
  expect(await killUnderLoad(rounds(usualKills))).toEqual([]);
});

counterproof(
  "an acknowledgement that does not wait for the commit",
  answersEarly,
  async (broken) => {
    expect(rulesOf(await killUnderLoad(5, broken))).toContain("lost");
  },
);

counterproof(
  "clicks that stay in memory for a second",
  [
    {
      file: "src/platform/config/config.ts",
      from: "25,\n    { min: 1, max: 50 },",
      to: "1000,\n    { min: 1, max: 5000 },",
    },
  ],
  async (broken) => {
    expect(rulesOf(await killUnderLoad(3, broken))).toEqual(["clicks lost"]);
  },
);

counterproof(
  "a drain that does not remember where it stood",
  [
    {
      file: "src/systems/links/clicks/drain.ts",
      from: "{ segment: row?.segment ?? 0, position: Number(row?.position ?? 0) }",
      to: "{ segment: 0, position: 0, ...(row ? {} : {}) }",
    },
    {
      file: "src/systems/links/clicks/drain.ts",
      from: "AND segment = ${before.segment} AND position = ${before.position}",
      to: "AND ${before.segment}::int IS NOT NULL",
    },
  ],
  async (broken) => {
    expect(rulesOf(await killUnderLoad(4, broken))).toEqual(["clicks invented"]);
  },
);

counterproof(
  "an Idempotency-Key that nobody looks at",
  [
    {
      file: "src/platform/http/server.ts",
      from: "key === null || !route.idempotent",
      to: "key === null || route.idempotent",
    },
  ],
  async (broken) => {
    // It takes a kill between the commit and the answer.
    const found: Violation[] = [];
    for (let n = 0; n < 5 && found.length === 0; n++) {
      found.push(...(await killUnderLoad(8, broken)));
    }
    expect(rulesOf(found)).toContain("made twice");
  },
);
