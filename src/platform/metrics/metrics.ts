/**
 * Metrics in the Prometheus text format. A labelled series is looked up once and kept by the
 * caller, so that counting on a hot path is one addition to a field, which is why this is not a
 * general client: that one hashes its labels on every observation.
 * Format: https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export type Counter = { value: number; add(n?: number): void };
export type Histogram = { observe(value: number): void; count: number; sum: number };

type Labels = Record<string, string>;
type Kind = "counter" | "gauge" | "histogram";
type Family = { kind: Kind; help: string; series: Map<string, () => string> };

/** Seconds; 50 ms is the redirects' objective and so has a bucket of its own. */
const latencyBuckets = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

const seriesPerFamilyMax = 2_000;

export class Metrics {
  private readonly families = new Map<string, Family>();
  private readonly made = new Map<string, Counter | Histogram>();

  counter(name: string, help: string, labels: Labels = {}): Counter {
    return this.remember(name, labels, () => {
      const counter: Counter = {
        value: 0,
        add(n = 1) {
          counter.value += n;
        },
      };
      this.addSeries(name, "counter", help, labels, () => sample(name, labels, counter.value));
      return counter;
    });
  }

  /** `read` is called when the metrics are scraped. */
  gauge(name: string, help: string, read: () => number, labels: Labels = {}): void {
    this.addSeries(name, "gauge", help, labels, () => sample(name, labels, read()));
  }

  /** A counter that is kept elsewhere and read when the metrics are scraped. */
  countedBy(name: string, help: string, read: () => number, labels: Labels = {}): void {
    this.addSeries(name, "counter", help, labels, () => sample(name, labels, read()));
  }

  histogram(
    name: string,
    help: string,
    labels: Labels = {},
    bounds: readonly number[] = latencyBuckets,
  ): Histogram {
    return this.remember(name, labels, () => {
      const counts = new Float64Array(bounds.length + 1);
      const histogram: Histogram = {
        count: 0,
        sum: 0,
        observe(value) {
          let bucket = 0;
          while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket++;
          counts[bucket] = (counts[bucket] as number) + 1;
          histogram.count++;
          histogram.sum += value;
        },
      };
      this.addSeries(name, "histogram", help, labels, () => {
        let running = 0;
        let out = "";
        for (let i = 0; i <= bounds.length; i++) {
          running += counts[i] as number;
          const le = i < bounds.length ? String(bounds[i]) : "+Inf";
          out += sample(`${name}_bucket`, { ...labels, le }, running);
        }
        const { sum, count } = histogram;
        return out + sample(`${name}_sum`, labels, sum) + sample(`${name}_count`, labels, count);
      });
      return histogram;
    });
  }

  render(): string {
    let out = "";
    for (const [name, family] of this.families) {
      out += `# HELP ${name} ${family.help}\n# TYPE ${name} ${family.kind}\n`;
      for (const read of family.series.values()) out += read();
    }
    return out;
  }

  private remember<T extends Counter | Histogram>(name: string, labels: Labels, make: () => T): T {
    const key = name + labelText(labels);
    let series = this.made.get(key) as T | undefined;
    if (!series) {
      series = make();
      this.made.set(key, series);
    }
    return series;
  }

  private addSeries(name: string, kind: Kind, help: string, labels: Labels, read: () => string) {
    let family = this.families.get(name);
    if (!family) {
      family = { kind, help, series: new Map() };
      this.families.set(name, family);
    }
    // Labels that grow without end would take the memory; the rest goes uncounted.
    if (family.series.size < seriesPerFamilyMax) family.series.set(labelText(labels), read);
  }
}

function sample(name: string, labels: Labels, value: number): string {
  return `${name}${labelText(labels)} ${value}\n`;
}

function labelText(labels: Labels): string {
  const parts = Object.entries(labels).map(([key, value]) => `${key}="${escape(value)}"`);
  return parts.length > 0 ? `{${parts.join(",")}}` : "";
}

function escape(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
