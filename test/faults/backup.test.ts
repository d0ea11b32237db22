import { expect, test } from "bun:test";
import { join } from "node:path";
import { checkLinks, checkVisits, rulesOf, type Violation } from "./checks.ts";
import { checkFiles, startFileLoad } from "./files.ts";
import { History } from "./history.ts";
import { install, openEmbedded } from "./install.ts";
import { startLoad } from "./load.ts";
import { counterproof } from "./sabotage.ts";
import { lasting, Stage } from "./stage.ts";
import { startStoa, tree } from "./stoa.ts";
import { storedLinks } from "./stored.ts";

/**
 * R25: a backup is made by the command line while clients write. It restores to one moment: all
 * that was acknowledged before it began is in it, nothing that began after it had ended, and an
 * edit never without the link it changes. Links and their events, clicks and their sums, messages
 * and their files belong together: files are deleted, and swept away, all the time meanwhile.
 */
async function stoaCommand(from: string, dataDir: string, ...args: string[]): Promise<Ran> {
  const child = Bun.spawn([join(from, "bin/bun"), "src/main.ts", ...args], {
    cwd: from,
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", STOA_DATA_DIR: dataDir },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = await Promise.all([child.stdout, child.stderr].map((s) => new Response(s).text()));
  return { code: await child.exited, said: said.join("\n") };
}

type Ran = { code: number; said: string };
type Trees = { command?: string; server?: string };

async function backUpUnderLoad({ command = tree, server = tree }: Trees = {}) {
  await using stage = new Stage();
  const { dataDir, key } = await install(stage);
  const file = join(await stage.folder("backup"), "stoa.backup");
  const stoa = await startStoa(stage, { dataDir, tree: server });
  const history = new History();
  const load = startLoad({
    ...{ ports: () => [stoa.port], key, history, random: stage.random, writers: 5, visitors: 3 },
  });
  const source = await openEmbedded(stage, dataDir);
  const files = await startFileLoad(source, {
    ...{ port: stoa.port, dataDir, random: stage.random.fork() },
  });
  await lasting(2_500);
  const from = performance.now();
  const backup = await stoaCommand(command, dataDir, "backup", file);
  const to = performance.now();
  await lasting(700);
  await Promise.all([load.stop(), files.stop()]);
  await stoa.stop();
  const target = await stage.folder("restored");
  // One that lacks files is a backup of all the rest.
  const restore = await stoaCommand(tree, target, "restore", file);
  expect(restore).toMatchObject({ code: 0 });
  const restored = await startStoa(stage, { dataDir: target });
  const sql = await openEmbedded(stage, target);
  // What ended before is certain, what began after is impossible, all between is open.
  const known = history.operations
    .filter((o) => o.invokedAt <= to)
    .map((o) =>
      o.endedAt > from && o.outcome === "ok" ? { ...o, outcome: "unknown" as const } : o,
    );
  const [sums] = await sql`
    SELECT (SELECT count(*) FROM links.clicks)::int AS raw,
      (SELECT coalesce(sum(clicks), 0) FROM links.click_totals)::int
        + (SELECT coalesce(sum(clicks), 0) FROM links.click_batches)::int AS counted`;
  console.log(`backup took ${Math.round(to - from)} ms: ${history.summary()}; ${sums.raw} clicks`);
  const violations: Violation[] = checkLinks(known, await storedLinks(sql));
  if (sums.raw !== sums.counted) {
    const detail = `${sums.raw} clicks, ${sums.counted} in sums and waiting batches`;
    violations.push({ rule: "clicks rolled up wrongly", detail });
  }
  // A link and its event are of one transaction.
  const events: { id: string; n: number }[] = await sql`
    SELECT l.id::text, count(e.id)::int AS n FROM links.links l LEFT JOIN (
      SELECT id, type, data FROM platform.events UNION ALL
      SELECT id, type, data FROM platform.outbox) e
      ON e.type = 'links.created' AND e.data->>'link_id' = l.id::text
    GROUP BY 1 HAVING count(e.id) <> 1`;
  for (const { id, n } of events) {
    violations.push({ rule: "lost", detail: `link ${id} has ${n} events of its making` });
  }
  if (backup.code !== 0) violations.push({ rule: "lost", detail: backup.said });
  const lostFiles = await checkFiles(sql, target, files.sent, { from, to });
  await restored.stop();
  return [...violations, ...lostFiles, ...checkVisits(history.operations, 0)];
}

test("a backup made under load restores to one moment", async () => {
  expect(await backUpUnderLoad()).toEqual([]);
});

/** It takes a write between two of its tables. */
const triesMax = 5;

counterproof(
  "a backup without a snapshot",
  [
    {
      file: "src/platform/db/backup.ts",
      from: '"ISOLATION LEVEL REPEATABLE READ READ ONLY"',
      to: '"ISOLATION LEVEL READ COMMITTED READ ONLY"',
    },
  ],
  (command) => expectFoundOut({ command }),
);

counterproof(
  "a sweep that does not wait for the backup",
  [
    {
      file: "src/platform/blobs/sweep.ts",
      from: "if (await filesMustStay(db)) return;",
      to: "",
    },
  ],
  (server) => expectFoundOut({ server }),
);

counterproof(
  "a backup that forgets the files",
  [
    {
      file: "src/platform/db/backup.ts",
      from: "copied = await copyFiles(",
      to: "if (totals.count === 0) copied = await copyFiles(",
    },
  ],
  (command) => expectFoundOut({ command }),
);

async function expectFoundOut(trees: Trees): Promise<void> {
  const found: Violation[] = [];
  for (let n = 0; n < triesMax && found.length === 0; n++) {
    found.push(...(await backUpUnderLoad(trees)));
  }
  expect(rulesOf(found)).not.toEqual([]);
}
