/** Reads the Prometheus text format, as far as Stoa writes it. */
export type Sample = { name: string; labels: Record<string, string>; value: number };

export function parseMetrics(text: string): Sample[] {
  const samples: Sample[] = [];
  for (const line of text.split("\n")) {
    const match = /^([a-z_:][\w:]*)(?:\{(.*)\})? ([^ ]+)$/i.exec(line);
    if (!match || line.startsWith("#")) continue;
    const labels: Record<string, string> = {};
    for (const [, name, value] of (match[2] ?? "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      labels[name as string] = (value as string).replace(/\\(.)/g, (_, c: string) =>
        c === "n" ? "\n" : c,
      );
    }
    samples.push({ name: match[1] as string, labels, value: Number(match[3]) });
  }
  return samples;
}

export function valueOf(samples: Sample[], name: string): number | null {
  return samples.find((sample) => sample.name === name)?.value ?? null;
}

/**
 * The time within which a share of the requests was answered, from a histogram's cumulative
 * buckets, with the position inside a bucket taken as even.
 */
export function quantileOf(buckets: Sample[], share: number): number | null {
  const sorted = buckets
    .map(({ labels, value }) => ({ le: Number(labels["le"]?.replace("+Inf", "Infinity")), value }))
    .toSorted((a, b) => a.le - b.le);
  const total = sorted.at(-1)?.value ?? 0;
  if (total === 0) return null;
  const wanted = total * share;
  let below = { le: 0, value: 0 };
  for (const bucket of sorted) {
    if (bucket.value >= wanted) {
      if (!Number.isFinite(bucket.le)) return below.le;
      const within = (wanted - below.value) / (bucket.value - below.value || 1);
      return below.le + (bucket.le - below.le) * within;
    }
    below = bucket;
  }
  return below.le;
}

export type RouteHealth = {
  route: string;
  requests: number;
  errors: number;
  p50: number | null;
  p99: number | null;
};

/** Requests, failures of ours and latency per route, the busiest first. */
export function routesOf(samples: Sample[]): RouteHealth[] {
  const of = (name: string) => samples.filter((sample) => sample.name === name);
  const counts = of("stoa_http_requests_total");
  const buckets = of("stoa_http_request_seconds_bucket");
  const names = [...new Set(counts.map(({ labels }) => labels["route"] ?? ""))];
  return names
    .map((route) => {
      const mine = counts.filter(({ labels }) => labels["route"] === route);
      const sum = (some: Sample[]) => some.reduce((total, { value }) => total + value, 0);
      const own = buckets.filter(({ labels }) => labels["route"] === route);
      return {
        route,
        requests: sum(mine),
        errors: sum(mine.filter(({ labels }) => Number(labels["status"]) >= 500)),
        p50: quantileOf(own, 0.5),
        p99: quantileOf(own, 0.99),
      };
    })
    .toSorted((a, b) => b.requests - a.requests);
}
