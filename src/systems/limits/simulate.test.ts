import { expect, test } from "bun:test";
import { limitOf } from "./limits.fixture.ts";
import { shapes, simulate, type Arrival, type Outcome } from "./simulate.ts";

const arrivals = (count: number, from: number, until: number): Arrival[] =>
  Array.from({ length: count }, (_, i) => ({
    at_ms: Math.floor(from + (i * (until - from)) / count),
    cost: 1,
  }));
const allowed = (outcomes: Outcome[]) => outcomes.filter((one) => one.allowed).length;

/** The fault this is known by: 199 calls passed a limit of 100 a second within 167 ms. */
test("lets at most the limit through around the edge of a window, but by fixed windows", () => {
  const limit = limitOf({ limit: 100, windowMs: 1_000, waitMsMax: 0, queueMax: 0 });
  const around = [
    { at_ms: 0, cost: 1 },
    ...arrivals(99, 917, 1_000),
    ...arrivals(100, 1_000, 1_084),
  ];
  const outcomes = simulate(limit, around);
  const burst = (name: (typeof shapes)[number]) => allowed(outcomes[name].slice(1));
  expect(burst("fixed_window")).toBe(199);
  expect(burst("sliding_log")).toBe(100);
  expect(burst("sliding_window")).toBeLessThanOrEqual(108);
  // Its burst and what filled meanwhile.
  expect(burst("token_bucket")).toBe(100 + 16);
  expect(burst("leaky_bucket")).toBe(17);
});

test("says of each arrival what the limiter would", () => {
  const limit = limitOf({ limit: 2, windowMs: 1_000, burst: 3, waitMsMax: 600, queueMax: 5 });
  const outcomes = simulate(limit, [
    { at_ms: 100, cost: 2 },
    { at_ms: 200, cost: 1 },
    { at_ms: 200, cost: 3 },
    { at_ms: 1_100, cost: 2 },
  ]);
  expect(Object.keys(outcomes)).toEqual([...shapes]);
  expect(outcomes.sliding_log.map((one) => [one.allowed, one.retry_after_ms])).toEqual([
    [true, 0],
    [false, 900],
    [false, null],
    [true, 0],
  ]);
  expect(outcomes.token_bucket.map((one) => [one.allowed, one.retry_after_ms])).toEqual([
    [true, 0],
    [true, 0],
    [false, 1_400],
    [true, 0],
  ]);
  expect(outcomes.leaky_bucket.map((one) => [one.allowed, one.delay_ms])).toEqual([
    [true, 0],
    [false, 0],
    [false, 0],
    [true, 0],
  ]);
  expect(outcomes.fixed_window.map((one) => one.remaining)).toEqual([0, 0, 0, 0]);
});

test("draws a leaky bucket's queue as delays", () => {
  const limit = limitOf({ limit: 10, waitMsMax: 300, queueMax: 100 });
  const outcomes = simulate(limit, arrivals(6, 0, 1)).leaky_bucket;
  expect(outcomes.map((one) => one.delay_ms)).toEqual([0, 100, 200, 300, 0, 0]);
  expect(allowed(outcomes)).toBe(4);
  expect(outcomes.at(-1)!.retry_after_ms).toBe(100);
});
