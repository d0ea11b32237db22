import { Recent } from "../../platform/cache/cache.ts";
import { unitsMax } from "./algorithms/counting.ts";
import type { Compiled } from "./compile.ts";
import { unitMs, type Unit } from "./envoy-units.ts";
import type { Limit } from "./limiter.ts";
import { loggedMax, type Definition } from "./rules.ts";
import { divisionProblem, isDivided } from "./shares.ts";

/** What a proxy says is allowed to a descriptor, instead of what the rules say. */
export type Override = { requests: number; unit: Unit };

/** Rules with other numbers; a proxy has few of them, those of its plans. */
const overriddenMax = 10_000;

/**
 * Rules as an override has them: so many per unit, at once too, by the rule's own algorithm. What
 * else a rule says stands: its key, mode, accuracy, penalty, what holds without Redis, its lists.
 *
 * Another unit of time is counted apart, as usage of an hour says nothing of a minute, while
 * another number in the same unit holds for what was counted already, as an edit of the rule does.
 * So a caller who changes its plan keeps what it has used, also against the rule's own number
 * where the unit is the rule's own.
 */
export class Overrides {
  private readonly known = new Recent<Compiled>(overriddenMax);

  /** The rules have changed. */
  clear(): void {
    this.known.clear();
  }

  of(compiled: Compiled, override: Override): Compiled {
    if (compiled.reading === null) return compiled;
    const name = `${compiled.row.id} ${override.requests} ${override.unit}`;
    let overridden = this.known.get(name);
    if (!overridden) {
      overridden = overrule(compiled, override);
      this.known.set(name, overridden);
    }
    return overridden;
  }
}

function overrule(compiled: Compiled, override: Override): Compiled {
  const numbers = numbersOf(compiled.rule, override);
  const limitOf = (own: Limit | null): Limit | null => {
    if (own === null) return null;
    const { algorithm, limit, window_ms: windowMs } = numbers;
    const same = algorithm === own.algorithm && windowMs === own.windowMs;
    const id = same ? own.id : `${own.id}@${override.unit}.${algorithm}`;
    const overruled = { ...own, id, algorithm, limit, windowMs, burst: limit };
    if (!isDivided(own) || divisionProblem(overruled) === null) return overruled;
    // Too few to be divided: counted in one place, and so apart from what was counted in parts.
    return { ...overruled, id: `${id}@whole`, subKeys: 1 };
  };
  return {
    ...compiled,
    rule: { ...compiled.rule, ...numbers, burst: null },
    reading: limitOf(compiled.reading),
    writing: limitOf(compiled.writing),
  };
}

type Numbers = { algorithm: Limit["algorithm"]; limit: number; window_ms: number };

/** Without a unit that is known the rule's own stands. */
function numbersOf(rule: Definition, { requests, unit }: Override): Numbers {
  const limit = Math.min(requests, unitsMax);
  const algorithm = rule.algorithm as Limit["algorithm"];
  const { window_ms } = rule;
  // Places that are held at once know no unit, and a quota's month is that of the calendar.
  const untimed = algorithm === "concurrency" || (algorithm === "quota" && unit === "month");
  if (untimed || unit === "unknown") return { algorithm: countable(algorithm), limit, window_ms };
  const timed = algorithm === "quota" ? "fixed_window" : countable(algorithm);
  return { algorithm: timed, limit, window_ms: unitMs[unit] };

  /** So many units are not remembered one by one. */
  function countable(own: Limit["algorithm"]): Limit["algorithm"] {
    return own === "sliding_log" && limit > loggedMax ? "sliding_window" : own;
  }
}
