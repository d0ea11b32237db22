import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import {
  checkAnswers,
  checkLinks,
  checkUnique,
  checkVisits,
  rulesOf,
  type Violation,
} from "./checks.ts";
import { History } from "./history.ts";
import { Line } from "./line.ts";
import { startLoad } from "./load.ts";
import { startMany } from "./many.ts";
import { counterproof } from "./sabotage.ts";
import { rounds } from "./seed.ts";
import { lasting, Stage } from "./stage.ts";
import { storedLinks } from "./stored.ts";

/**
 * R12 and R15: eight processes on one database make links at once, one of them with a clock an
 * hour behind, another an hour ahead, while some are killed and started again. No id and no code
 * is given twice. Forty that want one alias get one link; twenty that would find or create one
 * URL get the same.
 */
const processes = 8;
const faketime = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
const clocks = existsSync(faketime) ? ["-3600", "+3600"] : [];
if (clocks.length === 0) console.log("libfaketime is not installed: all clocks go right");
/** Of another process; see the test of what processes hear of each other. */
const lagMs = 1_000;

/** A changed clock also costs time, so that only two processes have one. */
function clockOf(number: number): Record<string, string> {
  const shift = clocks[number - 1];
  return shift === undefined
    ? {}
    : { LD_PRELOAD: faketime, FAKETIME: shift, FAKETIME_DONT_FAKE_MONOTONIC: "1" };
}

async function makeEverywhere(kills: number, brokenTree?: string): Promise<Violation[]> {
  await using stage = new Stage();
  const { postgres, key, stoas, again } = await startMany(stage, processes, {
    tree: brokenTree,
    envOf: clockOf,
  });
  const history = new History();
  const { random } = stage;
  const ports = () => stoas.map((stoa) => stoa.port);
  const load = startLoad({ ports, key, history, random, writers: 8, visitors: 2, pauseMs: 2 });
  for (let kill = 0; kill < kills; kill++) {
    await lasting(500);
    const victim = random.below(processes);
    await stoas[victim]!.kill();
    await again(victim);
  }
  await lasting(1_000);
  await load.stop();
  console.log(history.summary());
  const stored = await storedLinks(postgres.admin);
  const events: { id: string }[] = await postgres.admin`
    SELECT id::text FROM platform.events UNION ALL SELECT id::text FROM platform.outbox`;
  const made = history.operations.filter((o) => o.kind === "create" && o.outcome === "ok");
  expect(made.length).toBeGreaterThan(100);
  return [
    ...checkAnswers(history.operations),
    ...checkLinks(history.operations, stored),
    ...checkVisits(history.operations, lagMs),
    ...checkUnique(
      "id of an event",
      events.map((event) => event.id),
    ),
  ];
}

test("eight processes with killed and wrong-going clocks give nothing twice", async () => {
  expect(await makeEverywhere(rounds(2))).toEqual([]);
});

test("one alias is one link's, and one URL is found or created once, whoever asks", async () => {
  await using stage = new Stage();
  const { postgres, key, stoas } = await startMany(stage, 3);
  const post = async (n: number, body: unknown) => {
    const line = new Line(stoas[n % stoas.length]!.port);
    const answer = await line.ask({
      method: "POST",
      path: "/api/v1/links",
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify(body),
    });
    line.close();
    return { status: answer.status, body: JSON.parse(answer.body) as Record<string, string> };
  };
  const url = "https://example.com/race";
  for (let round = 0; round < rounds(3); round++) {
    const alias = `race-${round}`;
    // Capital letters and look-alikes are the same alias.
    const spellings = [alias, alias.toUpperCase(), alias.replace("a", "A")];
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) => post(n, { url, alias: spellings[n % 3] })),
    );
    expect(answers.filter((a) => a.status === 201)).toHaveLength(1);
    expect(answers.filter((a) => a.status === 409)).toHaveLength(39);
    const found = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        post(n, { url: `${url}/${round}`, find_or_create: true }),
      ),
    );
    expect(found.filter((a) => a.status === 201)).toHaveLength(1);
    expect(new Set(found.map((a) => a.body["id"])).size).toBe(1);
  }
  const stored = await storedLinks(postgres.admin);
  expect(stored).toHaveLength(2 * rounds(3));
});

counterproof(
  "processes that number workers by themselves",
  [
    {
      file: "src/platform/ids/ids.ts",
      from: "sequence.grant({ ...next, wallUntilMs, monotonicUntilMs });",
      to: "sequence.grant({ ...next, worker: 1, wallUntilMs, monotonicUntilMs });",
    },
  ],
  async (broken) => {
    // A second link or event with the id of a first is refused by its key, and the create fails.
    expect(rulesOf(await makeEverywhere(1, broken))).toContain("broke");
  },
);

counterproof(
  "codes from a counter of each process, in a table that lets them in twice",
  [
    {
      file: "src/systems/links/code-blocks.ts",
      from: "const start = (Number(row?.block) - 1) * codesPerBlock;",
      to: "const start = (Number(row?.block) * 0) * codesPerBlock;",
    },
    {
      file: "src/systems/links/schema.sql",
      from: "CREATE UNIQUE INDEX links_code",
      to: "CREATE INDEX links_code",
    },
  ],
  async (broken) => {
    expect(rulesOf(await makeEverywhere(1, broken))).toContain("code twice");
  },
);
