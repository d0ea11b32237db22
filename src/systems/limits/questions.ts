import { z } from "zod";
import { AppError } from "../../platform/errors/errors.ts";
import { ofTier, type Compiled } from "./compile.ts";
import type { Outcome } from "./outcome.ts";
import type { RuleBook } from "./rule-book.ts";
import { costMax } from "./rules.ts";
import { select, type Selection } from "./selection.ts";
import { capacityOf } from "./shares.ts";
import { subjectOf, type Subject } from "./subject.ts";

/**
 * Questions of other programs, by the name of a rule or of a policy. A question that can not be
 * answered is refused before anything of its batch is charged.
 */
const keyLengthMax = 200;
const partsMax = 8;
const nameLengthMax = 64;
const tierLengthMax = 40;
const lengthsMax = new Map<string, number>([
  ...([
    ["rule", nameLengthMax],
    ["policy", nameLengthMax],
  ] as const),
  ...([
    ["key", keyLengthMax],
    ["tier", tierLengthMax],
  ] as const),
]);
const namedPart = /^[a-z][a-z0-9_]{0,31}$/;

const keyText = z.string().min(1).max(keyLengthMax);

const whom = {
  rule: z
    .string()
    .max(nameLengthMax)
    .optional()
    .describe("One rule by its name, whatever its tiers."),
  policy: z
    .string()
    .max(nameLengthMax)
    .optional()
    .describe("Or all rules called `<policy>` or `<policy>.something`, those of the tier."),
  key: z
    .union([keyText, z.record(z.string().regex(namedPart), keyText)])
    .describe(
      "The key itself, or its parts by name, of which each rule takes those that it names.",
    ),
  tier: z.string().max(tierLengthMax).optional().describe("Of whoever is asked about."),
};
const cost = z.number().int().min(1).max(costMax).describe("Units that it takes.");

const sample = { rule: "posts.create", key: "user:42" };
export const questionSchema = z
  .strictObject({
    ...whom,
    cost: cost.optional().describe("Units that it takes; those of the rule where it is absent."),
  })
  .meta({ examples: [sample] });
export const reportSchema = z
  .strictObject({ ...whom, cost })
  .meta({ examples: [{ ...sample, cost: 1 }] });
export const keySchema = z.strictObject(whom).meta({ examples: [sample] });
export type AskedByName = z.infer<typeof questionSchema>;

export const answerSchema = z.object({
  allowed: z.boolean(),
  rule: z
    .string()
    .nullable()
    .describe("The rule nearest to refusing, or that refused; null where none concerns the key."),
  limit: z.number().int().nullable(),
  remaining: z.number().int().nullable(),
  reset_at: z.iso.datetime({ offset: true }).nullable(),
  retry_after_ms: z
    .number()
    .int()
    .nullable()
    .describe("0 when allowed; null on a deny list, where waiting is of no use."),
  delay_ms: z.number().int().describe("How long a leaky bucket asks to wait before going on."),
});
export type NamedAnswer = z.infer<typeof answerSchema>;

/**
 * Whether `questionSchema` would take it as it stands, in a tenth of the time. Keys in parts are
 * left to the schema.
 */
export function isPlainQuestion(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const question = value as Record<string, unknown>;
  for (const name in question) {
    const given = question[name];
    if (name === "cost") {
      if (!Number.isInteger(given) || (given as number) < 1 || (given as number) > costMax) {
        return false;
      }
    } else {
      const max = lengthsMax.get(name);
      if (max === undefined || typeof given !== "string" || given.length > max) return false;
    }
  }
  return typeof question["key"] === "string" && question["key"] !== "";
}

/** Whom a question is about, under which rules. `where` is its place, for what is said of it. */
export function resolve(book: RuleBook, question: AskedByName, where: string): Selection {
  const { rule, policy, key, tier } = question;
  if ((rule === undefined) === (policy === undefined)) {
    throw unanswerable(`${where}rule`, "give either rule or policy");
  }
  const name = (rule ?? policy) as string;
  const found = rule === undefined ? book.named(name) : book.called(name);
  if (found === undefined) {
    throw new AppError("limits.rule_not_found", `${where}${policy ? "policy" : "rule"}: ${name}`);
  }
  const rules = rule === undefined ? found.filter((one) => ofTier(one.rule, tier ?? null)) : found;
  const plainKey = typeof key === "string" ? key : null;
  const selection = select(rules, subjectFor(question, where), plainKey);
  if (rule !== undefined && plainKey === null) requireKey(selection, rules, where);
  for (const asked of selection.asked) requireCost(asked.compiled, question.cost, where);
  return selection;
}

function subjectFor({ key, tier }: AskedByName, where: string): Subject {
  if (typeof key === "string") return { parts: {}, address: null, tier: tier ?? null };
  if (Object.keys(key).length > partsMax) {
    throw unanswerable(`${where}key`, `at most ${partsMax} parts`);
  }
  return subjectOf({ ...key, tier });
}

/** A rule asked for by its own name that says nothing is a mistake of who asks. */
function requireKey(selection: Selection, rules: readonly Compiled[], where: string): void {
  const [only] = rules;
  const { asked, shadows, denied, exempt } = selection;
  if (!only || only.reading === null || denied || exempt) return;
  if (asked.length > 0 || shadows.length > 0 || only.rule.allow.length > 0) return;
  throw unanswerable(`${where}key`, `this rule needs ${only.rule.key.join(", ")}`);
}

function requireCost({ reading }: Compiled, given: number | undefined, where: string): void {
  if (given === undefined || reading === null) return;
  const capacity = capacityOf(reading);
  if (given <= capacity) return;
  throw unanswerable(`${where}cost`, `above ${capacity} it could never pass`);
}

function unanswerable(field: string, message: string): AppError {
  const fields = [{ field, message }];
  return new AppError("limits.question_invalid", `${field}: ${message}`, { fields });
}

export function answerOf(outcome: Outcome, now: number): NamedAnswer {
  const { allowed, tightest, denied, delayMs } = outcome;
  if (denied) {
    const { name, rule } = denied.compiled;
    const none = { remaining: 0, reset_at: null, retry_after_ms: null, delay_ms: 0 };
    return { allowed, rule: name, limit: rule.limit, ...none };
  }
  if (!tightest) {
    const unlimited = { rule: null, limit: null, remaining: null, reset_at: null };
    return { allowed, ...unlimited, retry_after_ms: 0, delay_ms: 0 };
  }
  const { compiled, answer } = tightest;
  return {
    allowed,
    rule: compiled.name,
    limit: compiled.rule.limit,
    remaining: Math.max(0, Math.floor(answer.remaining)),
    reset_at: new Date(Math.ceil(now + answer.resetMs)).toISOString(),
    retry_after_ms: allowed ? 0 : Math.ceil(answer.retryAfterMs),
    delay_ms: Math.ceil(delayMs),
  };
}
