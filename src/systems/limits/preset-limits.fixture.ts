import { systemClock, type Clock } from "../../platform/clock/clock.ts";
import { type Config, loadConfig } from "../../platform/config/config.ts";
import type { Db } from "../../platform/db/db.ts";
import { silentLog } from "../../platform/log/log.ts";
import { Metrics } from "../../platform/metrics/metrics.ts";
import { assemble } from "./assemble.ts";
import type { Limits } from "./contract.ts";
import { MemoryLimiter } from "./memory.ts";
import { presetsOf } from "./presets.ts";
import type { Definition } from "./rules.ts";
import type { RuleRow } from "./store.ts";

/** The limits of a fresh install without a database, for tests of the systems that ask them. */
export function presetLimits(options: { clock?: Clock; config?: Partial<Config> } = {}): Limits {
  const { book, contract } = assembleInMemory(options.clock ?? systemClock);
  book.take(presetsOf({ ...loadConfig({}), ...options.config }).map(rowOf));
  return contract;
}

/** All parts with a real limiter in memory; nothing here may ask the database. */
export function assembleInMemory(clock: Clock, metrics = new Metrics()) {
  const limiter = new MemoryLimiter({ clock, keysMax: 10_000 });
  return assemble({ db: {} as Db, clock, log: silentLog, metrics, limiter });
}

export function rowOf(definition: Definition, index: number): RuleRow {
  const made = { version: 1, updated_at: new Date(0), updated_by: null };
  return { id: String(index + 1), preset: true, definition, ...made };
}
