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

/** How many made a link, by the alias they wanted and by the URL they would find or create. */
async function raceEverywhere(races: number, brokenTree?: string) {
  await using stage = new Stage();
  const { postgres, key, stoas } = await startMany(stage, 3, { tree: brokenTree });
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
  const outcomes = [];
  for (let race = 0; race < races; race++) {
    const alias = `race-${race}`;
    // Capital letters and look-alikes are the same alias.
    const spellings = [alias, alias.toUpperCase(), alias.replace("a", "A")];
    const named = await Promise.all(
      Array.from({ length: 40 }, (_, n) => post(n, { url, alias: spellings[n % 3] })),
    );
    const found = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        post(n, { url: `${url}/${race}`, find_or_create: true }),
      ),
    );
    outcomes.push({
      named: named.filter((a) => a.status === 201).length,
      refused: named.filter((a) => a.status === 409).length,
      created: found.filter((a) => a.status === 201).length,
      found: new Set(found.map((a) => a.body["id"])).size,
    });
  }
  return { outcomes, stored: (await storedLinks(postgres.admin)).length };
}

test("one alias is one link's, and one URL is found or created once, whoever asks", async () => {
  const { outcomes, stored } = await raceEverywhere(rounds(3));
  expect(outcomes).toEqual(outcomes.map(() => ({ named: 1, refused: 39, created: 1, found: 1 })));
  expect(stored).toBe(2 * rounds(3));
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

counterproof(
  "an alias that is only taken in the spelling of who came first",
  [
    {
      file: "src/systems/links/schema.sql",
      from: "CREATE UNIQUE INDEX links_alias",
      to: "CREATE INDEX links_alias",
    },
  ],
  async (broken) => {
    const { outcomes } = await raceEverywhere(2, broken);
    expect(Math.max(...outcomes.map((race) => race.named))).toBeGreaterThan(1);
  },
);

counterproof(
  "a URL that is looked for first and claimed afterwards",
  [
    {
      file: "src/systems/links/store.ts",
      from: "const inserted = await tx.run`\n    INSERT INTO links.found",
      to: `const before = await tx.one\`
        SELECT 1 AS found FROM links.found WHERE owner_id = \${ownerId} AND url_hash = \${hash}\`;
      const inserted = await tx.run\`
    INSERT INTO links.found`,
    },
    {
      file: "src/systems/links/store.ts",
      from: "if (inserted === 1) return linkId;",
      to: "if (inserted === 1 || !before) return linkId;",
    },
  ],
  async (broken) => {
    const { outcomes } = await raceEverywhere(2, broken);
    expect(Math.max(...outcomes.map((race) => race.created))).toBeGreaterThan(1);
  },
);
