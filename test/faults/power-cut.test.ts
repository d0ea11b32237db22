import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { checkLinks, rulesOf, type Violation } from "./checks.ts";
import { afterPowerCut, imageDisk, mayMount } from "./disk.ts";
import { History } from "./history.ts";
import { install, openEmbedded } from "./install.ts";
import { startLoad } from "./load.ts";
import { counterproof, type Break } from "./sabotage.ts";
import { rounds } from "./seed.ts";
import { lasting, Stage } from "./stage.ts";
import { copyFolder, killPostgres, postgresOf, signal, startStoa } from "./stoa.ts";
import { storedLinks } from "./stored.ts";

/**
 * R1: the power is cut under writes. Everything is stopped at one instant, the disk is copied
 * with what had been flushed to it by then and nothing else, and Stoa starts on the copy.
 * Nothing acknowledged is missing, and it is ready within ten seconds.
 */
const usualCuts = 1;
const readyWithinMs = 10_000;

async function cutPower(brokenTree?: string): Promise<Violation[]> {
  await using stage = new Stage();
  const made = await install(stage, brokenTree);
  const disk = await imageDisk(stage, 512);
  const dataDir = await folderOn(disk.at);
  copyFolder(made.dataDir, dataDir);
  Bun.spawnSync(["sync", "-f", disk.at]);
  const stoa = await startStoa(stage, { dataDir, tree: brokenTree });
  const { random } = stage;
  const history = new History();
  const load = startLoad({
    ...{ ports: () => [stoa.port], key: made.key, history, random, writers: 6, visitors: 1 },
    timeoutMs: 1_500,
  });
  await lasting(1_500 + random.below(1_000));
  for (const pid of [stoa.pid, ...postgresOf(dataDir)]) signal(pid, "SIGSTOP");
  const left = await afterPowerCut(stage, disk);
  await load.stop();
  await stoa.kill();
  await killPostgres(dataDir);
  return await checkAfter(stage, join(left.at, "data"), history, brokenTree);
}

async function checkAfter(stage: Stage, dataDir: string, history: History, brokenTree?: string) {
  try {
    const again = await startStoa(stage, { dataDir, tree: brokenTree, readyWithinMs });
    console.log(`ready after ${Math.round(again.readyAfterMs)} ms: ${history.summary()}`);
  } catch (error) {
    return [{ rule: "lost" as const, detail: `it does not start: ${(error as Error).message}` }];
  }
  const sql = await openEmbedded(stage, dataDir);
  return checkLinks(history.operations, await storedLinks(sql));
}

async function folderOn(at: string): Promise<string> {
  const path = join(at, "data");
  mkdirSync(path);
  await chmod(path, 0o711);
  return path;
}

test.if(mayMount)("a power cut under writes loses nothing acknowledged", async () => {
  for (let cut = 0; cut < rounds(usualCuts); cut++) expect(await cutPower()).toEqual([]);
});

const setting = (name: string): Break => ({
  file: "src/platform/db/embedded-launch.ts",
  from: `["${name}", durable ? "on" : "off"]`,
  to: `["${name}", "off"]`,
});

/** The log is written all the time, so now and then even these have everything on the disk. */
const triesMax = 5;

counterproof("commits that do not wait for the log", [setting("synchronous_commit")], async (t) => {
  const found: Violation[] = [];
  for (let cut = 0; cut < triesMax && found.length === 0; cut++) found.push(...(await cutPower(t)));
  expect(rulesOf(found)).toContain("lost");
});

counterproof("a log that is not flushed to the disk", [setting("fsync")], async (t) => {
  expect(rulesOf(await cutPower(t))).toContain("lost");
});
