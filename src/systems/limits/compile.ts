import type { Counter, Metrics } from "../../platform/metrics/metrics.ts";
import type { Limit } from "./limiter.ts";
import { listOf, type Listed } from "./lists.ts";
import { reaches, type RouteName } from "./route-pattern.ts";
import type { Definition } from "./rules.ts";
import type { RuleRow } from "./store.ts";
import { composerOf, type Compose } from "./subject.ts";

/** A rule made ready for deciding: everything that a request would otherwise work out anew. */
export type Compiled = {
  row: RuleRow;
  name: string;
  rule: Definition;
  shadow: boolean;
  /** Null for a `list`. The two differ in what happens when the limiter cannot be asked. */
  reading: Limit | null;
  writing: Limit | null;
  keyOf: Compose;
  allow: Listed | null;
  deny: Listed | null;
  counts: Counts;
};

export type Counts = { allowed: Counter; refused: Counter };

export function compile(row: RuleRow, metrics: Metrics): Compiled {
  const rule = row.definition;
  const { name } = rule;
  const shadow = rule.mode === "shadow";
  return {
    ...{ row, name, rule, shadow, counts: countsOf(name, metrics) },
    reading: limitOf(row.id, rule, rule.on_failure ?? "open"),
    writing: limitOf(row.id, rule, rule.on_failure ?? "closed"),
    keyOf: composerOf(rule.key, rule.key_fallback),
    allow: listOf(rule.allow),
    deny: listOf(rule.deny),
  };
}

/** Null for a `list`. */
export function limitOf(id: string, rule: Definition, onFailure: Limit["onFailure"]): Limit | null {
  const { algorithm } = rule;
  if (algorithm === "list") return null;
  return {
    ...{ id, algorithm },
    limit: rule.limit,
    windowMs: rule.window_ms,
    burst: rule.burst ?? rule.limit,
    waitMsMax: rule.wait_ms_max,
    queueMax: rule.queue_max,
    penaltyMs: rule.penalty_ms,
    accuracy: rule.accuracy,
    subKeys: rule.sub_keys ?? 1,
    onFailure,
  };
}

function countsOf(rule: string, metrics: Metrics): Counts {
  const counter = (outcome: string) =>
    metrics.counter("stoa_limits_decisions_total", "Decisions by rule; shadow rules' too.", {
      ...{ rule, outcome },
    });
  return { allowed: counter("allowed"), refused: counter("refused") };
}

/** Whether the guard asks this rule on a route, of callers of a tier. */
export function guards({ rule }: Compiled, route: RouteName, tier: string): boolean {
  if (rule.service || !ofTier(rule, tier)) return false;
  if (rule.methods.length > 0 && !rule.methods.some((method) => method === route.method)) {
    return false;
  }
  return rule.routes.length === 0 || rule.routes.some((pattern) => reaches(pattern, route.path));
}

export function ofTier({ tiers }: Definition, tier: string | null): boolean {
  return tiers.length === 0 || (tier !== null && tiers.includes(tier));
}

/** The order that rules are asked and explained in: lists, what is enforced, shadows; by name. */
export function inOrder(a: Compiled, b: Compiled): number {
  return rank(a) - rank(b) || (a.name < b.name ? -1 : 1);
}

function rank({ rule, shadow }: Compiled): number {
  if (shadow) return 2;
  return rule.algorithm === "list" ? 0 : 1;
}
