import ipaddr from "ipaddr.js";
import { AppError, type FieldError } from "../../platform/errors/errors.ts";
import { limitOf } from "./compile.ts";
import { anonymousTier, costMax, loggedMax, requestParts, type Definition } from "./rules.ts";
import { capacityOf, divisionProblem, isDivided, subKeysMax, subKeysMin } from "./shares.ts";

/** Whether what a rule says makes sense together; each problem by the name of its field. */
const amountMax = 1_000_000_000;
const windowMsMax = 366 * 86_400_000;
/** Below it a place would be taken for free while its request still runs. */
const leaseMsMin = 1_000;
const penaltyMsMax = 30 * 86_400_000;
/** Requests that wait longer would run out of their own time. */
const waitMsMaxMax = 20_000;
const waitingMax = 100_000;

/** What of this installation a rule may name. */
export type Known = { tiers: readonly string[]; hasRoute(pattern: string): boolean };

/** Throws with every field that is wrong. */
export function requireSound(rule: Definition, known: Known): void {
  const fields = [
    ...[...numberProblems(rule), ...divisionProblems(rule)],
    ...[...keyProblems(rule), ...reachProblems(rule, known)],
  ];
  const first = fields[0];
  if (!first) return;
  throw new AppError("limits.rule_invalid", `${first.field}: ${first.message}`, { fields });
}

/**
 * What was counted lies in as many parts as there were, and is not found in others: a limit would
 * pass once more while it holds.
 */
export function requireSameParts(before: Definition, after: Definition): void {
  if (before.sub_keys === after.sub_keys || !before.enabled || !after.enabled) return;
  const message = "disable the rule first: what was counted lies in the sub-keys that it has";
  const fields = [{ field: "sub_keys", message }];
  throw new AppError("limits.rule_invalid", `sub_keys: ${message}`, { fields });
}

function* numberProblems(rule: Definition): Generator<FieldError> {
  const { algorithm } = rule;
  const isList = algorithm === "list";
  const isBucket = algorithm === "token_bucket";
  const isQueue = algorithm === "leaky_bucket";
  const hasWindow = !isList && algorithm !== "quota";
  const limitMax = algorithm === "sliding_log" ? loggedMax : amountMax;
  yield* within("limit", rule.limit, isList ? [0, 0] : [1, limitMax]);
  const windowMin = algorithm === "concurrency" ? leaseMsMin : 1;
  yield* within("window_ms", rule.window_ms, hasWindow ? [windowMin, windowMsMax] : [0, 0]);
  if (rule.burst !== null && !isBucket) {
    yield { field: "burst", message: "only a token_bucket has one; leave it null" };
  } else if (rule.burst !== null) yield* within("burst", rule.burst, [1, amountMax]);
  yield* within("cost", rule.cost, [1, costMax]);
  const capacity = rule.burst ?? rule.limit;
  const longest = Math.floor(Number.MAX_SAFE_INTEGER / Math.max(1, capacity));
  if (hasWindow && rule.window_ms > longest) {
    const message = `at most ${longest} for ${capacity} units, or times would not be exact`;
    yield { field: "window_ms", message };
  }
  if (!isList && capacity >= 1 && rule.cost > capacity) {
    const name = rule.burst === null ? "limit" : "burst";
    yield { field: "cost", message: `above the ${name} of ${capacity} it could never pass` };
  }
  yield* within("penalty_ms", rule.penalty_ms, [0, isList ? 0 : penaltyMsMax]);
  yield* within("wait_ms_max", rule.wait_ms_max, isQueue ? [1, waitMsMaxMax] : [0, 0]);
  yield* within("queue_max", rule.queue_max, isQueue ? [1, waitingMax] : [0, 0]);
}

function* divisionProblems(rule: Definition): Generator<FieldError> {
  const { sub_keys, cost } = rule;
  if (sub_keys === null) return;
  yield* within("sub_keys", sub_keys, [subKeysMin, subKeysMax]);
  const limit = limitOf("", rule, "closed");
  if (limit === null) yield { field: "sub_keys", message: "a list counts nothing; leave it null" };
  if (limit === null || !isDivided(limit)) return;
  const message = divisionProblem(limit);
  if (message !== null) yield { field: "sub_keys", message };
  else if (cost > capacityOf(limit)) {
    const most = capacityOf(limit);
    yield { field: "cost", message: `above ${most}, the share of a sub-key, it could never pass` };
  }
}

function* within(field: string, value: number, [min, max]: [number, number]) {
  if (value >= min && value <= max) return;
  const range = min === max ? `${min}, as this algorithm has none` : `from ${min} to ${max}`;
  yield { field, message: `must be ${range}` };
}

function* keyProblems(rule: Definition): Generator<FieldError> {
  if (rule.algorithm !== "list" && rule.key.length === 0) {
    yield { field: "key", message: "name at least one part, such as user" };
  }
  for (const field of ["key", "key_fallback"] as const) {
    const unknown = rule[field].find((name) => !requestParts.some((known) => known === name));
    if (unknown !== undefined && !rule.service) {
      const message = `${unknown} is known of no request; take ${requestParts.join(", ")}`;
      yield { field, message };
    }
    if (new Set(rule[field]).size < rule[field].length) yield { field, message: "names one twice" };
  }
  for (const field of ["allow", "deny"] as const) {
    for (const [index, text] of rule[field].entries()) {
      if (/^[\da-f.:]+\/\d+$/i.test(text) && !ipaddr.isValidCIDR(text)) {
        yield { field: `${field}[${index}]`, message: "is no range such as 192.0.2.0/24" };
      }
    }
  }
}

function* reachProblems(rule: Definition, known: Known): Generator<FieldError> {
  for (const [index, tier] of rule.tiers.entries()) {
    if (tier === anonymousTier || known.tiers.includes(tier)) continue;
    const message = `${tier} is no tier; there are ${known.tiers.join(", ")}, ${anonymousTier}`;
    yield { field: `tiers[${index}]`, message };
  }
  if (rule.service && rule.routes.length > 0) {
    yield { field: "routes", message: "a service rule is asked for by name and has no routes" };
  }
  for (const [index, pattern] of rule.routes.entries()) {
    if (known.hasRoute(pattern)) continue;
    yield { field: `routes[${index}]`, message: `${pattern} matches no route; /docs lists them` };
  }
}
