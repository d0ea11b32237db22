import { expect, test } from "bun:test";
import {
  afterAttempt,
  breakerFailures,
  failedTooLong,
  failingDaysMax,
  type Health,
  nextAttempt,
  retrySeconds,
} from "./health.ts";

const well: Health = { failures: 0, failingSince: null, pausedUntil: null };

test("failures in a row pause ever longer, up to a limit; a success clears all", () => {
  let health = well;
  const pauses: (number | null)[] = [];
  for (let n = 0; n < breakerFailures + 8; n++) {
    health = afterAttempt(health, false, 1_000 * n);
    pauses.push(health.pausedUntil === null ? null : health.pausedUntil / 1_000 - n);
  }
  expect(pauses.slice(0, breakerFailures - 1).every((pause) => pause === null)).toBe(true);
  expect(pauses.slice(breakerFailures - 1)).toEqual([30, 60, 120, 240, 480, 900, 900, 900, 900]);
  expect(health.failingSince).toBe(0);
  expect(afterAttempt(health, true, 99_000)).toEqual(well);
});

test("the days of failing count from the first failure", () => {
  const failing = afterAttempt(well, false, 5_000);
  const dayMs = 86_400_000;
  expect(failedTooLong(failing, 5_000 + failingDaysMax * dayMs - 1)).toBe(false);
  expect(failedTooLong(failing, 5_000 + failingDaysMax * dayMs)).toBe(true);
  expect(failedTooLong(well, failingDaysMax * dayMs * 9)).toBe(false);
});

test("retries take about a day, are never early, and end", () => {
  const total = retrySeconds.reduce((sum, seconds) => sum + seconds, 0) / 3_600;
  expect(total).toBeGreaterThan(20);
  expect(total * 1.2).toBeLessThan(27);
  for (let attempts = 1; attempts <= retrySeconds.length; attempts++) {
    const waitMs = (retrySeconds[attempts - 1] as number) * 1_000;
    expect(nextAttempt(attempts, 7, 0)).toBe(7 + waitMs);
    expect(nextAttempt(attempts, 7, 0.999)).toBeLessThanOrEqual(7 + waitMs * 1.2);
  }
  expect(nextAttempt(retrySeconds.length + 1, 7, 0.5)).toBeNull();
});
