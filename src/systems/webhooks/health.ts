/**
 * What a series of attempts means for a receiver and for a delivery. Times are milliseconds.
 * After some failures in a row a receiver is paused, ever longer, and probed with one delivery at
 * a time, so that one that is down costs little; the first success clears it.
 */
export type Health = {
  failures: number;
  failingSince: number | null;
  pausedUntil: number | null;
};

/** Failures in a row before a receiver is paused. */
export const breakerFailures = 5;
const pauseFirstMs = 30_000;
const pauseMaxMs = 15 * 60_000;
export const failingDaysMax = 3;

export function afterAttempt(health: Health, succeeded: boolean, now: number): Health {
  if (succeeded) return { failures: 0, failingSince: null, pausedUntil: null };
  const failures = health.failures + 1;
  const failingSince = health.failingSince ?? now;
  const over = failures - breakerFailures;
  const pauseMs = over < 0 ? 0 : Math.min(pauseMaxMs, pauseFirstMs * 2 ** Math.min(over, 20));
  return { failures, failingSince, pausedUntil: pauseMs > 0 ? now + pauseMs : null };
}

export function failedTooLong(health: Health, now: number): boolean {
  return health.failingSince !== null && now - health.failingSince >= failingDaysMax * 86_400_000;
}

/** Waits before try 2, 3, ...: about a day together, with the jitter. */
const minute = 60;
const hour = 3_600;
export const retrySeconds = [5, 5 * minute, 30 * minute, 2 * hour, 5 * hour, 7 * hour, 7 * hour];
const jitter = 0.2;

/** When to try again after so many attempts; null: give up. */
export function nextAttempt(attempts: number, now: number, random: number): number | null {
  const seconds = retrySeconds[attempts - 1];
  return seconds === undefined ? null : now + Math.ceil(seconds * 1000 * (1 + jitter * random));
}
