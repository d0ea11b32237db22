import { expect, test } from "bun:test";
import { mkdirSync, rmSync, statfsSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { checkClicks, checkLinks, checkVisits, rulesOf } from "./checks.ts";
import { mayMount, resizeDisk, smallDisk } from "./disk.ts";
import { History } from "./history.ts";
import { install, openEmbedded } from "./install.ts";
import { startLoad, type LoadOptions } from "./load.ts";
import { makeKnown, startProbe } from "./probe.ts";
import { counterproof } from "./sabotage.ts";
import { Stage, lasting, until } from "./stage.ts";
import { copyFolder, isReady, startStoa } from "./stoa.ts";
import { drained, storedClicks, storedLinks } from "./stored.ts";

/**
 * R5: the disk of the data folder fills up under load. Writes are refused or of unknown fate,
 * known links go on being answered, and when there is room again Stoa recovers by itself. While
 * it is full clicks wait in a buffer of fixed size; in a short outage as here none is lost.
 */
const fullMs = 3_000;
const recoveryMs = 20_000;
const slowestMs = 1_000;

async function fillUnderLoad(brokenTree?: string) {
  await using stage = new Stage();
  const made = await install(stage);
  const disk = await smallDisk(stage, 400);
  const dataDir = join(disk, "data");
  mkdirSync(dataDir);
  await chmod(dataDir, 0o711);
  copyFolder(made.dataDir, dataDir);
  const stoa = await startStoa(stage, { dataDir, tree: brokenTree });
  const history = new History();
  const options: LoadOptions = {
    ...{ ports: () => [stoa.port], key: made.key, history, random: stage.random },
    ...{ writers: 3, visitors: 2, timeoutMs: 20_000 },
  };
  const known = await makeKnown(options, 20);
  const load = startLoad(options);
  const probe = startProbe(options, known);
  await lasting(500);
  const filler = join(disk, "filler");
  fill(disk, filler);
  const from = performance.now();
  const statuses = () => history.operations.filter((o) => o.invokedAt > from && o.kind !== "visit");
  // PostgreSQL has a segment of log to spare, so that writes fail only once that is used up.
  await until("writes are refused", () => statuses().some((o) => (o.status ?? 0) >= 500), {
    withinMs: 60_000,
  });
  await lasting(fullMs);
  resizeDisk(disk, 600);
  rmSync(filler);
  await until("Stoa is ready again", () => isReady(stoa.port), { withinMs: recoveryMs });
  const healed = performance.now();
  await until(
    "writes are taken again",
    () =>
      history.operations.some(
        (o) => o.kind === "create" && o.outcome === "ok" && o.invokedAt > healed,
      ),
    { withinMs: recoveryMs },
  );
  const probed = await probe.stop();
  await load.stop();
  const refused = statuses().filter((o) => o.status !== null && o.status >= 500);
  console.log(`${history.summary()}; refusals ${[...new Set(refused.map((o) => o.status))]}`);
  const sql = await openEmbedded(stage, dataDir);
  await drained(sql, [stoa]);
  const violations = [
    ...checkLinks(history.operations, await storedLinks(sql)),
    ...checkVisits(history.operations, 0),
    ...checkClicks(history.operations, await storedClicks(sql), { kills: [], windowMs: 0 }),
  ];
  return { violations, probed, refusals: new Set(refused.map((o) => o.status)) };
}

test.if(mayMount)(
  "a full disk refuses writes, answers redirects, and heals with room",
  async () => {
    const { violations, probed, refusals } = await fillUnderLoad();
    expect([...refusals].filter((status) => status !== 503 && status !== 507)).toEqual([]);
    expect(probed.refused).toEqual([]);
    expect(probed.slowestMs).toBeLessThan(slowestMs);
    expect(violations).toEqual([]);
  },
);
if (!mayMount) console.log("mounting needs root: a full disk is NOT tested");

/** Leaves nothing at all. */
function fill(disk: string, filler: string): void {
  const { bavail, bsize } = statfsSync(disk);
  const mebibytes = Math.ceil((bavail * bsize) / 1024 ** 2);
  Bun.spawnSync(["dd", "if=/dev/zero", `of=${filler}`, "bs=1M", `count=${mebibytes + 1}`]);
}

if (mayMount) {
  counterproof(
    "a full disk that is taken for a fault of the program",
    [
      {
        file: "src/platform/db/sqlstate.ts",
        from: 'return stateOf(error) === "53100";',
        to: "return false;",
      },
    ],
    async (broken) => {
      expect([...(await fillUnderLoad(broken)).refusals]).toContain(500);
    },
  );

  counterproof(
    "clicks that are thrown away when the disk refuses them",
    [
      {
        file: "src/systems/links/clicks/spool.ts",
        from: "this.refused = true;\n      return false;",
        to: "this.refused = true;\n      this.used = headerWords;\n      return false;",
      },
    ],
    async (broken) => {
      expect(rulesOf((await fillUnderLoad(broken)).violations)).toContain("clicks lost");
    },
  );
}
