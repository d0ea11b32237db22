import type { Metrics } from "../../platform/metrics/metrics.ts";

export type Outcomes = ReturnType<typeof measureVisits>["outcomes"];

/** The same series whoever asks. */
export function measureVisits(metrics: Metrics) {
  const outcome = (name: string) =>
    metrics.counter("stoa_links_redirects_total", "Answers to visitors by what they were.", {
      outcome: name,
    });
  return {
    latency: metrics.histogram(
      "stoa_links_redirect_seconds",
      "Time from a visitor's request to the answer.",
    ),
    outcomes: {
      redirected: outcome("redirected"),
      unknown: outcome("unknown"),
      gone: outcome("gone"),
      page: outcome("page"),
      limited: outcome("limited"),
      failed: outcome("failed"),
    },
  };
}
