import type { LimitAlgorithm, LimitRule } from "../../../sdk/types.ts";
import { plural } from "../messages.ts";

/** A rule in words: whom it counts, where, and how much it allows. */
export const algorithms: { value: LimitAlgorithm; label: string; note: string }[] = [
  {
    value: "token_bucket",
    label: "Token bucket",
    note: "Fills steadily and holds a burst. The usual choice for an API.",
  },
  {
    value: "sliding_window",
    label: "Sliding window",
    note: "Counts this window and a share of the one before. Close to exact, small in memory.",
  },
  {
    value: "sliding_log",
    label: "Sliding log",
    note: "Remembers every unit. Exact at every instant; for small limits.",
  },
  {
    value: "fixed_window",
    label: "Fixed window",
    note: "Counts by the clock. Cheap, but twice the limit can pass around an edge.",
  },
  {
    value: "leaky_bucket",
    label: "Leaky bucket",
    note: "Delays instead of refusing, while the queue has room.",
  },
  { value: "quota", label: "Monthly quota", note: "A calendar month, in UTC." },
  {
    value: "concurrency",
    label: "Concurrency",
    note: "How many at once. A place is free again when the work ends, or after the time given.",
  },
  {
    value: "list",
    label: "Allow and deny list",
    note: "Counts nothing: lets pass or refuses whoever is on it.",
  },
];

export function algorithmLabel(algorithm: LimitAlgorithm): string {
  return algorithms.find(({ value }) => value === algorithm)?.label ?? algorithm;
}

export const units = [
  { value: "ms", label: "milliseconds", one: "millisecond", ms: 1 },
  { value: "s", label: "seconds", one: "second", ms: 1_000 },
  { value: "min", label: "minutes", one: "minute", ms: 60_000 },
  { value: "h", label: "hours", one: "hour", ms: 3_600_000 },
  { value: "d", label: "days", one: "day", ms: 86_400_000 },
] as const;
export type Unit = (typeof units)[number];

/** The largest unit that tells it in whole numbers. */
export function unitOf(ms: number): Unit {
  return units.findLast((unit) => ms > 0 && ms % unit.ms === 0) ?? units[0];
}

/** `5 minutes`, and with `per` just `minute` for one of them. */
export function spanText(ms: number, per = false): string {
  const unit = unitOf(ms);
  return per && ms === unit.ms ? unit.one : spanOf(ms, unit);
}

function spanOf(ms: number, unit: Unit): string {
  return plural(ms / unit.ms, unit.one, unit.label);
}

/** As anybody would say it: never in more than one unit, and not to the millisecond. */
export function aboutText(ms: number): string {
  const unit = units.findLast((each) => ms >= each.ms * 2) ?? units[0];
  const step = unit.ms / (unit.value === "s" && ms < 10_000 ? 10 : 1);
  return spanOf(Math.ceil(ms / step) * step, unit);
}

const number = new Intl.NumberFormat("en");

export function numbersText(rule: LimitRule): string {
  const { algorithm, allow, deny, cost, penalty_ms } = rule;
  if (algorithm === "list") return `${allow.length} allowed, ${deny.length} denied`;
  const parts = [rateText(rule)];
  if (rule.burst !== null) parts.push(`burst ${number.format(rule.burst)}`);
  if (cost > 1) parts.push(`${number.format(cost)} each`);
  if (rule.wait_ms_max > 0) parts.push(`waits up to ${spanText(rule.wait_ms_max)}`);
  if (rule.sub_keys !== null) parts.push(`in ${rule.sub_keys} sub-keys`);
  if (penalty_ms > 0) parts.push(`then blocked for ${spanText(penalty_ms)}`);
  return parts.join(", ");
}

function rateText({ algorithm, limit, window_ms }: LimitRule): string {
  const amount = number.format(limit);
  if (algorithm === "quota") return `${amount} a month`;
  if (algorithm === "concurrency") return `${amount} at once, for ${spanText(window_ms)} at most`;
  return `${amount} per ${spanText(window_ms, true)}`;
}

const partNames: Record<string, string> = {
  global: "everybody together",
  api_key: "API key",
  ip: "address",
};

function keyText(key: string[]): string {
  return key.map((part) => partNames[part] ?? part.replaceAll("_", " ")).join(" and ");
}

/** `per API key, else per address`. */
export function whomText({ key, key_fallback }: LimitRule): string {
  if (key.length === 0) return "";
  const per = (parts: string[]) =>
    parts.length === 1 && parts[0] === "global" ? keyText(parts) : `per ${keyText(parts)}`;
  const usable = key_fallback.length > 0 && key_fallback.join() !== key.join();
  return usable ? `${per(key)}, else ${per(key_fallback)}` : per(key);
}

export function reachText({ service, routes, methods, tiers }: LimitRule): string {
  const where = routes.length === 0 ? "every route" : routes.join(", ");
  const what = methods.length === 0 ? where : `${methods.join(", ")} on ${where}`;
  const text = service ? "asked for by name" : what;
  return tiers.length === 0 ? text : `${text}, tier ${tiers.join(" or ")}`;
}

/** The live rule that a candidate stands beside: `api` of `api.candidate`. */
export function liveOf(rule: LimitRule, rules: readonly LimitRule[]): LimitRule | null {
  if (rule.mode !== "shadow") return null;
  const found = rules.filter((other) => rule.name.startsWith(`${other.name}.`));
  return found.toSorted((a, b) => b.name.length - a.name.length)[0] ?? null;
}

export function candidatesOf(rule: LimitRule, rules: readonly LimitRule[]): LimitRule[] {
  return rules.filter((other) => liveOf(other, rules)?.id === rule.id);
}
