import { useQuery } from "@tanstack/react-query";
import { stoa } from "../stoa.ts";

/** What several of these pages load. */
export function useRules() {
  return useQuery({
    queryKey: ["limits", "rules"],
    queryFn: ({ signal }) => stoa.limits.rules.list({ signal }),
  });
}

/** What a rule may tell callers apart by. */
export function useTiers() {
  return useQuery({
    queryKey: ["limits", "tiers"],
    queryFn: ({ signal }) => stoa.limits.rules.tiers({ signal }),
  });
}

const refreshMs = 10_000;

export const spans = {
  "1h": { label: "1 hour", ms: 3_600_000, step: "minute", stepMs: 60_000 },
  "24h": { label: "24 hours", ms: 86_400_000, step: "hour", stepMs: 3_600_000 },
  "30d": { label: "30 days", ms: 30 * 86_400_000, step: "day", stepMs: 86_400_000 },
} as const;
export type SpanName = keyof typeof spans;

/** Refusals of all rules, refreshed while one looks. */
export function useRefusals(name: SpanName) {
  return useQuery({
    queryKey: ["limits", "refusals", name],
    queryFn: async ({ signal }) => {
      const { ms, step } = spans[name];
      const until = Date.now();
      const since = until - ms;
      const asked = { since: new Date(since).toISOString(), step };
      return { since, until, ...(await stoa.limits.refusals(asked, { signal })) };
    },
    refetchInterval: refreshMs,
    placeholderData: (before) => before,
  });
}
