import { z } from "zod";
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
export const costMax = 1_000_000;
/** Each admitted unit is remembered one by one. */
export const loggedMax = 10_000;

const amount = z.number().int();
const entry = z.string().min(1).max(200);
const part = z.string().regex(/^[a-z][a-z0-9_]{0,31}$/, "like api_key");

const shape = {
  name: z
    .string()
    .max(nameLengthMax)
    .regex(/^[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)*$/, "small letters, digits, _ and -, parted by dots")
    .meta({ examples: ["posts.create"] })
    .describe("What programs ask by; what stands before a dot is its policy."),
  description: z.string().max(500),
  enabled: z.boolean(),
  mode: z
    .enum(["enforce", "shadow"])
    .describe("`shadow` refuses nobody and counts what it would have refused."),
  service: z.boolean().describe("Only asked for by name, never by the guard in front of routes."),
  tiers: z
    .array(z.string().max(40))
    .max(20)
    .describe("Whom it concerns, by the tier of the account. Empty: all."),
  routes: z
    .array(z.string().max(200))
    .max(50)
    .describe("Patterns such as `/api/v1/links`, `/api/v1/links/*` and `/{code}`. Empty: all."),
  methods: z.array(z.enum(methods)).max(methods.length).describe("Empty: all."),
  algorithm: z
    .enum(ruleAlgorithms)
    .describe(
      "`list` counts nothing: it refuses `deny`, and exempts `allow` from every other rule.",
    ),
  limit: amount.describe("Units in each window, or places at once for `concurrency`."),
  window_ms: amount.describe(
    "Of a `quota` none: it is a month. Of `concurrency`: the longest hold.",
  ),
  burst: amount.nullable().describe("Of a token bucket: units at once. Null: `limit`."),
  cost: amount.describe("Units that a request takes which does not say."),
  key: z
    .array(part)
    .max(partsMax)
    .describe("What is counted for itself: `api_key`, `user`, `ip`, `tier`, `route`, `global`."),
  key_fallback: z
    .array(part)
    .max(partsMax)
    .describe("Used where a part of `key` is not known of a caller."),
  accuracy: z
    .enum(["strict", "leased", "local"])
    .describe("With Redis: every unit asked there, blocks of units held here, or told afterwards."),
  sub_keys: amount
    .nullable()
    .describe(
      "Of a leased rule: in how many parts it is kept, each on a core of Redis. Null: in one.",
    ),
  on_failure: z
    .enum(["open", "closed"])
    .nullable()
    .describe("Null: closed for what changes something, open for what reads."),
  penalty_ms: amount.describe("How long a refused key is blocked."),
  wait_ms_max: amount.describe("Of a leaky bucket: the longest that a request is made to wait."),
  queue_max: amount.describe("Of a leaky bucket: how many may wait."),
  allow: z
    .array(entry)
    .max(listEntriesMax)
    .describe("Keys, parts such as `user:42`, addresses and CIDR ranges."),
  deny: z.array(entry).max(listEntriesMax),
};

const definitionSchema = z.object(shape);
export type Definition = z.infer<typeof definitionSchema>;

/** What a new rule has that does not say. */
const unsaid: Omit<Definition, "name" | "algorithm"> = {
  ...{ description: "", enabled: true, mode: "enforce", service: false },
  ...{ tiers: [], routes: [], methods: [] },
  ...{ limit: 0, window_ms: 0, burst: null, cost: 1, key: ["user"], key_fallback: ["ip"] },
  ...{ accuracy: "strict", sub_keys: null, on_failure: null, penalty_ms: 0 },
  ...{ wait_ms_max: 0, queue_max: 0, allow: [], deny: [] },
};

export const createBody = z.strictObject({
  name: shape.name,
  algorithm: shape.algorithm,
  ...z.object(shape).omit({ name: true, algorithm: true }).partial().shape,
});

export const updateBody = z.strictObject({
  ...z.object(shape).partial().shape,
  version: z
    .number()
    .int()
    .optional()
    .describe(
      "The version that was read; another one by now answers 412. `If-Match` says the same.",
    ),
});

export const ruleReply = z.object({
  id: z.string(),
  ...shape,
  preset: z
    .boolean()
    .describe("Stoa itself asks for it: it keeps its name, and can be disabled but not removed."),
  version: z.number().int(),
  updated_at: z.iso.datetime({ offset: true }),
  updated_by: z.string().nullable().describe("Null: Stoa itself."),
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
