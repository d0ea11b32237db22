import { expect, test } from "bun:test";
import { parseMetrics, quantileOf, routesOf, valueOf } from "./metrics-text.ts";

const text = `# HELP stoa_http_requests_total Requests answered.
# TYPE stoa_http_requests_total counter
stoa_http_requests_total{route="GET /a",status="200"} 98
stoa_http_requests_total{route="GET /a",status="503"} 2
stoa_http_requests_total{route="GET /b \\"x\\"",status="200"} 300
stoa_http_request_seconds_bucket{route="GET /a",le="0.01"} 50
stoa_http_request_seconds_bucket{route="GET /a",le="0.1"} 100
stoa_http_request_seconds_bucket{route="GET /a",le="+Inf"} 100
process_resident_memory_bytes 1.5e8
`;

test("reads samples, their labels and escapes", () => {
  const samples = parseMetrics(text);
  expect(samples).toHaveLength(7);
  expect(valueOf(samples, "process_resident_memory_bytes")).toBe(150_000_000);
  expect(valueOf(samples, "nothing")).toBeNull();
  expect(samples[2]?.labels["route"]).toBe('GET /b "x"');
});

test("tells requests, failures and latency per route, the busiest first", () => {
  const [b, a] = routesOf(parseMetrics(text));
  expect(b).toMatchObject({ route: 'GET /b "x"', requests: 300, errors: 0, p50: null });
  expect(a).toMatchObject({ route: "GET /a", requests: 100, errors: 2, p50: 0.01 });
  expect(a?.p99).toBeCloseTo(0.0982);
});

test("what took longer than every bucket is told as the last bound", () => {
  const beyond = text.replace('le="0.1"} 100', 'le="0.1"} 60');
  const buckets = parseMetrics(beyond).filter(({ name }) => name.endsWith("_bucket"));
  expect(quantileOf(buckets, 0.99)).toBe(0.1);
});
