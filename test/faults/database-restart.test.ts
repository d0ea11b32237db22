import { expect, test } from "bun:test";
import {
  checkClicks,
  checkLinks,
  checkVisits,
  rulesOf,
  type Interval,
  type Violation,
} from "./checks.ts";
import { History } from "./history.ts";
import { startLoad } from "./load.ts";
import { startMany } from "./many.ts";
import { answersEarly, counterproof } from "./sabotage.ts";
import { rounds } from "./seed.ts";
import { lasting, Stage, until } from "./stage.ts";
import { isReady } from "./stoa.ts";
import { drained, storedClicks, storedLinks } from "./stored.ts";

/**
 * R17: a database of somebody else is killed and started again under the load of two processes.
 * Nothing acknowledged is lost, both recover by themselves, and no click is missing.
 */
const recoveryMs = 30_000;
const lagMs = 1_000;

async function restartUnderLoad(restarts: number, brokenTree?: string): Promise<Violation[]> {
  await using stage = new Stage();
  const { postgres, key, stoas } = await startMany(stage, 2, { tree: brokenTree });
  const history = new History();
  const outages: Interval[] = [];
  const ports = () => stoas.map((stoa) => stoa.port);
  const load = startLoad({
    ...{ ports, key, history, random: stage.random, writers: 4, visitors: 3 },
  });
  for (let restart = 0; restart < restarts; restart++) {
    await lasting(700 + stage.random.below(500));
    const from = performance.now();
    await postgres.restart();
    for (const stoa of stoas) {
      await until("it is ready again", () => isReady(stoa.port), { withinMs: recoveryMs });
    }
    outages.push({ from, to: performance.now() });
  }
  await lasting(500);
  await load.stop();
  await drained(postgres.admin, stoas);
  console.log(history.summary());
  const clicks = await storedClicks(postgres.admin);
  return [
    ...checkLinks(history.operations, await storedLinks(postgres.admin)),
    ...checkVisits(history.operations, lagMs, outages),
    ...checkClicks(history.operations, clicks, { kills: [], windowMs: 0 }),
  ];
}

test("an external database that is restarted under load loses nothing", async () => {
  expect(await restartUnderLoad(rounds(2))).toEqual([]);
});

counterproof(
  "an acknowledgement that does not wait for the commit",
  answersEarly,
  async (broken) => {
    expect(rulesOf(await restartUnderLoad(4, broken))).toContain("lost");
  },
);
