/**
 * A process for the fault tests to kill. `record` counts twenty clicks every millisecond or so and
 * says on stdout how many, and when; `drain` moves a dead spool into the database in small
 * batches, rolling up as it goes.
 */
import { writeSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../../platform/clock/clock.ts";
import { loadConfig } from "../../../platform/config/config.ts";
import { openDb, type Connection } from "../../../platform/db/db.ts";
import { silentLog } from "../../../platform/log/log.ts";
import { Metrics } from "../../../platform/metrics/metrics.ts";
import { presetLimits } from "../../limits/preset-limits.fixture.ts";
import { agents, geo, hit } from "./clicks.fixture.ts";
import { createClicks } from "./clicks.ts";
import { Dictionary } from "./dictionary.ts";
import { SpoolDrain } from "./drain.ts";
import { Partitions } from "./partitions.ts";
import { Roller } from "./roll.ts";

export type ChildOrder = { mode: "record" | "drain"; connection: Connection; dataDir: string };

const order = JSON.parse(process.argv[2] ?? "") as ChildOrder & { spool: string };
const db = openDb({
  primary: order.connection,
  poolMax: 4,
  acquireTimeoutMs: 5_000,
  statementTimeoutMs: 10_000,
  clock: systemClock,
  log: silentLog,
});
const root = join(order.dataDir, "spool", "clicks");

if (order.mode === "record") await record();
else await drain();

async function record(): Promise<void> {
  const clicks = createClicks({
    db,
    connection: order.connection,
    dataDir: order.dataDir,
    config: loadConfig({}),
    clock: systemClock,
    log: silentLog,
    metrics: new Metrics(),
    limits: presetLimits(),
    geo,
  });
  await clicks.start();
  const one = hit();
  const names = Object.values(agents);
  for (let count = 0; ;) {
    for (let i = 0; i < 20; i++, count++) {
      one.at = Date.now();
      one.address = `192.0.2.${count % 200}`;
      one.userAgent = names[count % names.length]!;
      clicks.record(one);
    }
    writeSync(1, `${count} ${one.at}\n`);
    await Bun.sleep(1);
  }
}

async function drain(): Promise<void> {
  const dictionary = new Dictionary(db);
  const partitions = new Partitions(db);
  const roller = new Roller(db);
  const deps = { db, log: silentLog, dictionary, partitions, batchClicksMax: 500 };
  const drainer = new SpoolDrain(deps, join(root, order.spool), order.spool);
  writeSync(1, "draining\n");
  const rolling = (async () => {
    for (;;) {
      await roller.roll();
      await Bun.sleep(5);
    }
  })();
  while (await drainer.step(true));
  writeSync(1, "done\n");
  await rolling;
}
