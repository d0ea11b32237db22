import { expect, test } from "bun:test";
import { mergeExpositions } from "./merge.ts";
import { Metrics } from "./metrics.ts";

function processOf(requests: number): string {
  const metrics = new Metrics();
  metrics.counter("requests_total", "Requests.", { route: 'a "b" {c} 1' }).add(requests);
  metrics.histogram("seconds", "Time.", {}, [1]).observe(0.5);
  metrics.gauge("memory_bytes", "Memory.", () => requests * 10);
  return metrics.render();
}

test("each sample has its process, and a family's samples stand together under one head", () => {
  const only = new Metrics();
  only.gauge("only_here", "Of one.", () => 7);
  const merged = mergeExpositions([
    { process: 0, text: only.render() },
    { process: 1, text: processOf(3) },
    { process: 2, text: processOf(5) },
  ]);
  expect(merged.split("\n")).toEqual([
    "# HELP only_here Of one.",
    "# TYPE only_here gauge",
    'only_here{process="0"} 7',
    "# HELP requests_total Requests.",
    "# TYPE requests_total counter",
    'requests_total{process="1",route="a \\"b\\" {c} 1"} 3',
    'requests_total{process="2",route="a \\"b\\" {c} 1"} 5',
    "# HELP seconds Time.",
    "# TYPE seconds histogram",
    'seconds_bucket{process="1",le="1"} 1',
    'seconds_bucket{process="1",le="+Inf"} 1',
    'seconds_sum{process="1"} 0.5',
    'seconds_count{process="1"} 1',
    'seconds_bucket{process="2",le="1"} 1',
    'seconds_bucket{process="2",le="+Inf"} 1',
    'seconds_sum{process="2"} 0.5',
    'seconds_count{process="2"} 1',
    "# HELP memory_bytes Memory.",
    "# TYPE memory_bytes gauge",
    'memory_bytes{process="1"} 30',
    'memory_bytes{process="2"} 50',
    "",
  ]);
});
