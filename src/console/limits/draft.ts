import type { CreateLimitRule, LimitRule } from "../../../sdk/types.ts";
import { unitOf, units, type Unit } from "./rule-text.ts";

/** A rule as it stands in the form: text where the wire has numbers, lists and nulls. */
export type Span = { amount: string; unit: Unit["value"] };

export type RuleDraft = Pick<
  LimitRule,
  | "name"
  | "description"
  | "enabled"
  | "mode"
  | "service"
  | "methods"
  | "tiers"
  | "algorithm"
  | "accuracy"
> & {
  /** One on each line. */
  routes: string;
  allow: string;
  deny: string;
  /** Parted by commas. */
  key: string;
  key_fallback: string;
  limit: string;
  burst: string;
  cost: string;
  queue_max: string;
  sub_keys: string;
  window: Span;
  penalty: Span;
  wait: Span;
  on_failure: "" | "open" | "closed";
};

export const freshDraft: RuleDraft = {
  ...{ name: "", description: "", enabled: true, mode: "shadow", service: false },
  ...{ routes: "/api/v1/*", methods: [], tiers: [], algorithm: "token_bucket", limit: "100" },
  ...{ window: { amount: "1", unit: "min" }, burst: "", cost: "1", queue_max: "" },
  ...{ penalty: { amount: "", unit: "min" }, wait: { amount: "", unit: "s" } },
  ...{ key: "api_key", key_fallback: "ip", accuracy: "strict", sub_keys: "", on_failure: "" },
  ...{ allow: "", deny: "" },
};

export function draftOf(rule: LimitRule): RuleDraft {
  return {
    ...rule,
    routes: rule.routes.join("\n"),
    allow: rule.allow.join("\n"),
    deny: rule.deny.join("\n"),
    key: rule.key.join(", "),
    key_fallback: rule.key_fallback.join(", "),
    limit: textOf(rule.limit),
    burst: textOf(rule.burst ?? 0),
    cost: String(rule.cost),
    queue_max: textOf(rule.queue_max),
    sub_keys: textOf(rule.sub_keys ?? 0),
    window: toSpan(rule.window_ms, "min"),
    penalty: toSpan(rule.penalty_ms, "min"),
    wait: toSpan(rule.wait_ms_max, "s"),
    on_failure: rule.on_failure ?? "",
  };
}

/** A candidate for a rule: counted beside it, and named so that it is asked wherever that is. */
export function candidateOf(rule: LimitRule): RuleDraft {
  return { ...draftOf(rule), name: `${rule.name}.candidate`, mode: "shadow", enabled: true };
}

/** What an algorithm has no use for is not sent, whatever was typed before it was chosen. */
export function ruleOf(draft: RuleDraft): CreateLimitRule {
  const { algorithm } = draft;
  const uses = usesOf(algorithm);
  return {
    ...{ name: draft.name.trim(), description: draft.description.trim(), algorithm },
    ...{ enabled: draft.enabled, mode: draft.mode, service: draft.service },
    routes: draft.service ? [] : split(draft.routes, /\n/),
    methods: draft.service ? [] : draft.methods,
    tiers: draft.tiers,
    limit: uses.limit ? Number(draft.limit) : 0,
    window_ms: uses.window ? msOf(draft.window) : 0,
    burst: uses.burst && draft.burst !== "" ? Number(draft.burst) : null,
    cost: uses.limit ? Number(draft.cost) : 1,
    key: split(draft.key, /,/),
    key_fallback: split(draft.key_fallback, /,/),
    accuracy: draft.accuracy,
    sub_keys: isDivisible(draft) && draft.sub_keys !== "" ? Number(draft.sub_keys) : null,
    on_failure: draft.on_failure === "" ? null : draft.on_failure,
    penalty_ms: uses.limit ? msOf(draft.penalty) : 0,
    wait_ms_max: uses.queue ? msOf(draft.wait) : 0,
    queue_max: uses.queue ? Number(draft.queue_max) : 0,
    allow: split(draft.allow, /\n/),
    deny: split(draft.deny, /\n/),
  };
}

export function usesOf(algorithm: RuleDraft["algorithm"]) {
  return {
    limit: algorithm !== "list",
    window: algorithm !== "list" && algorithm !== "quota",
    burst: algorithm === "token_bucket",
    queue: algorithm === "leaky_bucket",
  };
}

/** Only what is leased lies in blocks that may come from several places. */
export function isDivisible({ algorithm, accuracy }: RuleDraft): boolean {
  if (accuracy !== "leased" || algorithm === "list") return false;
  return algorithm !== "leaky_bucket" && algorithm !== "concurrency";
}

export function toSpan(ms: number, usual: Span["unit"]): Span {
  if (ms === 0) return { amount: "", unit: usual };
  const unit = unitOf(ms);
  return { amount: String(ms / unit.ms), unit: unit.value };
}

export function msOf({ amount, unit }: Span): number {
  const found = units.find(({ value }) => value === unit) ?? units[0];
  return Math.round(Number(amount) * found.ms);
}

function textOf(value: number): string {
  return value === 0 ? "" : String(value);
}

function split(text: string, at: RegExp): string[] {
  return text
    .split(at)
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

/** What is wrong with a field, or with an entry of it: `routes[1]` is the second line. */
export function errorOf(errors: Record<string, string>, field: string): string | undefined {
  if (errors[field] !== undefined) return errors[field];
  const [name, message] = Object.entries(errors).find(([key]) => key.startsWith(`${field}[`)) ?? [];
  const index = /\[(\d+)\]/.exec(name ?? "")?.[1];
  return index === undefined ? undefined : `${Number(index) + 1}: ${message}`;
}
