import { useSearchParams } from "wouter";
import type { StatsInterval } from "../../../sdk/types.ts";

/** The span of time and the traffic that statistics are shown for, kept in the address. */
export type RangeName = "24h" | "7d" | "30d" | "90d" | "12m" | "custom";

export type Range = {
  name: RangeName;
  from: string;
  to: string;
  interval: StatsInterval;
  traffic: "human" | "all";
};

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const presets: Record<Exclude<RangeName, "custom">, { ms: number; interval: StatsInterval }> = {
  "24h": { ms: dayMs, interval: "hour" },
  "7d": { ms: 7 * dayMs, interval: "day" },
  "30d": { ms: 30 * dayMs, interval: "day" },
  "90d": { ms: 90 * dayMs, interval: "week" },
  "12m": { ms: 365 * dayMs, interval: "month" },
};

export const rangeOptions: { value: RangeName; label: string }[] = [
  { value: "24h", label: "24 h" },
  { value: "7d", label: "7 days" },
  { value: "30d", label: "30 days" },
  { value: "90d", label: "90 days" },
  { value: "12m", label: "1 year" },
  { value: "custom", label: "Dates" },
];

export function useRange() {
  const [search, setSearch] = useSearchParams();
  const change = (values: Record<string, string>) => {
    setSearch(
      (before) => {
        for (const [name, value] of Object.entries(values)) before.set(name, value);
        return before;
      },
      { replace: true },
    );
  };
  return { range: rangeOf(search), change };
}

/** `to` is the next full hour, so that the key of a query stays the same for a while. */
export function rangeOf(search: URLSearchParams, now = Date.now()): Range {
  const traffic = search.get("traffic") === "all" ? "all" : "human";
  const from = search.get("from") ?? "";
  const until = search.get("to") ?? "";
  if (search.get("range") === "custom" && isDay(from) && isDay(until) && from <= until) {
    const start = Date.parse(`${from}T00:00:00Z`);
    const end = Date.parse(`${until}T00:00:00Z`) + dayMs;
    return { name: "custom", ...span(start, end), interval: intervalFor(end - start), traffic };
  }
  const wanted = search.get("range") ?? "7d";
  const name = wanted in presets ? (wanted as keyof typeof presets) : "7d";
  const { ms, interval } = presets[name];
  const end = Math.ceil(now / hourMs) * hourMs;
  // Whole days, today being the last: half a day at the start would look like a slump.
  const today = Math.floor((end - 1) / dayMs) * dayMs;
  const start = interval === "hour" ? end - ms : today + dayMs - ms;
  return { name, ...span(start, end), interval, traffic };
}

function isDay(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));
}

function span(from: number, to: number) {
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
}

function intervalFor(ms: number): StatsInterval {
  if (ms <= 3 * dayMs) return "hour";
  if (ms <= 62 * dayMs) return "day";
  return ms <= 370 * dayMs ? "week" : "month";
}
