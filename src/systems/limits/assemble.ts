import type { Clock } from "../../platform/clock/clock.ts";
import type { Db } from "../../platform/db/db.ts";
import type { Log } from "../../platform/log/log.ts";
import type { Metrics } from "../../platform/metrics/metrics.ts";
import { Decider } from "./decide.ts";
import type { Limiter } from "./limiter.ts";
import { NamedLimits } from "./named.ts";
import { Refusals } from "./refusals.ts";
import { RuleBook } from "./rule-book.ts";

/** The parts that decide, put together; nothing of it is started and no rule is known yet. */
export type AssembleOptions = {
  db: Db;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  limiter: Limiter;
};

export function assemble(options: AssembleOptions) {
  const book = new RuleBook(options);
  const refusals = new Refusals(options);
  const decider = new Decider({ ...options, refusals });
  const contract = new NamedLimits({ book, decider, refusals });
  return { book, refusals, decider, contract };
}
