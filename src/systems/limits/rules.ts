import ipaddr from "ipaddr.js";
import { z } from "zod";
import { AppError, type FieldError } from "../../platform/errors/errors.ts";
import { algorithms } from "./limiter.ts";

/**
 * What a rule says, and what it may say. The schema settles the form (400); whether the numbers
 * make sense together is judged here (422), each problem by the name of its field, so that what
 * can never work is told when it is written and not found out by the first caller.
 */
const ruleAlgorithms = [...algorithms, "list"] as const;
const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] as const;

/** What Stoa knows of a request. Rules for check() may name parts of their own. */
export const requestParts = ["global", "api_key", "user", "ip", "tier", "route"] as const;
/** Of callers without an account; may be named in `tiers` like the installation's own. */
export const anonymousTier = "anonymous";

const nameLengthMax = 64;
const listEntriesMax = 1_000;
const partsMax = 4;
const amountMax = 1_000_000_000;
export const costMax = 1_000_000;
/** Each admitted unit is remembered one by one. */
export const loggedMax = 10_000;
const windowMsMax = 366 * 86_400_000;
/** Below it a place would be taken for free while its request still runs. */
const leaseMsMin = 1_000;
const penaltyMsMax = 30 * 86_400_000;
/** Requests that wait longer would run out of their own time. */
const waitMsMaxMax = 20_000;
const waitingMax = 100_000;

const amount = z.number().int();
const entry = z.string().min(1).max(200);
const part = z.string().regex(/^[a-z][a-z0-9_]{0,31}$/, "like api_key");

const shape = {
  name: z
    .string()
    .max(nameLengthMax)
    .regex(/^[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)*$/, "small letters, digits, _ and -, parted by dots"),
  description: z.string().max(500),
  enabled: z.boolean(),
  mode: z.enum(["enforce", "shadow"]),
  /** Only asked for by name, never by the guard in front of routes. */
  service: z.boolean(),
  /** Empty: all. */
  tiers: z.array(z.string().max(40)).max(20),
  /** Patterns such as `/api/v1/links`, `/api/v1/links/*` and `/{code}`. Empty: all. */
  routes: z.array(z.string().max(200)).max(50),
  methods: z.array(z.enum(methods)).max(methods.length),
  /** `list` counts nothing: it refuses `deny`, and exempts `allow` from every other rule. */
  algorithm: z.enum(ruleAlgorithms),
  limit: amount,
  window_ms: amount,
  burst: amount.nullable(),
  cost: amount,
  key: z.array(part).max(partsMax),
  /** Used where a part of `key` is not known of a caller. */
  key_fallback: z.array(part).max(partsMax),
  accuracy: z.enum(["strict", "leased", "local"]),
  /** Null: closed for what changes something, open for what reads. */
  on_failure: z.enum(["open", "closed"]).nullable(),
  penalty_ms: amount,
  wait_ms_max: amount,
  queue_max: amount,
  /** Keys, parts such as `user:42`, addresses and CIDR ranges. */
  allow: z.array(entry).max(listEntriesMax),
  deny: z.array(entry).max(listEntriesMax),
};

const definitionSchema = z.object(shape);
export type Definition = z.infer<typeof definitionSchema>;

/** What a new rule has that does not say. */
const unsaid: Omit<Definition, "name" | "algorithm"> = {
  ...{ description: "", enabled: true, mode: "enforce", service: false },
  ...{ tiers: [], routes: [], methods: [] },
  ...{ limit: 0, window_ms: 0, burst: null, cost: 1, key: ["user"], key_fallback: ["ip"] },
  ...{ accuracy: "strict", on_failure: null, penalty_ms: 0, wait_ms_max: 0, queue_max: 0 },
  ...{ allow: [], deny: [] },
};

export const createBody = z.strictObject({
  name: shape.name,
  algorithm: shape.algorithm,
  ...z.object(shape).omit({ name: true, algorithm: true }).partial().shape,
});

export const updateBody = z.strictObject({
  ...z.object(shape).partial().shape,
  /** The version that was read; another one by now answers 412. `If-Match` says the same. */
  version: z.number().int().optional(),
});

export const ruleReply = z.object({
  id: z.string(),
  ...shape,
  preset: z.boolean(),
  version: z.number().int(),
  updated_at: z.iso.datetime({ offset: true }),
  /** Null: Stoa itself. */
  updated_by: z.string().nullable(),
});

/** What was given, over what was there before or over the defaults. */
export function definitionOf(
  given: { [K in keyof Definition]?: Definition[K] | undefined },
  before: Partial<Definition> = {},
): Definition {
  return definitionSchema.parse({ ...unsaid, ...before, ...defined(given) });
}

function defined(given: object): object {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** What of this installation a rule may name. */
export type Known = { tiers: readonly string[]; hasRoute(pattern: string): boolean };

/** Throws with every field that is wrong. */
export function requireSound(rule: Definition, known: Known): void {
  const fields = [...numberProblems(rule), ...keyProblems(rule), ...reachProblems(rule, known)];
  const first = fields[0];
  if (!first) return;
  throw new AppError("limits.rule_invalid", `${first.field}: ${first.message}`, { fields });
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
