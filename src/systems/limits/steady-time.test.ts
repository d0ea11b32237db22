import { expect, test } from "bun:test";
import { fakeClock, systemClock } from "../../platform/clock/clock.ts";
import { SteadyTime } from "./steady-time.ts";

const start = Date.UTC(2026, 0, 1);

test("follows the wall while that goes forward", () => {
  const clock = fakeClock(start);
  const time = new SteadyTime(clock);
  expect(time.now()).toBe(start);
  clock.advance(1);
  expect(time.now()).toBe(start + 1);
  clock.set(start + 3_600_000);
  expect(time.now()).toBe(start + 3_600_000);
});

test("goes on at the pace of the monotonic clock when the wall steps back", () => {
  const clock = fakeClock(start);
  const time = new SteadyTime(clock);
  time.now();
  clock.set(start - 3_600_000);
  expect(time.now()).toBe(start);
  clock.advance(250);
  expect(time.now()).toBe(start + 250);
  clock.set(start + 250);
  expect(time.now()).toBe(start + 250);
  clock.advance(1);
  expect(time.now()).toBe(start + 251);
});

test("is whole milliseconds, and those of the system's clock", () => {
  const time = new SteadyTime(systemClock);
  let last = 0;
  for (let i = 0; i < 10_000; i++) {
    const [before, now, after] = [Date.now(), time.now(), Date.now()];
    expect(Number.isInteger(now)).toBe(true);
    expect(now).toBeWithin(Math.max(before - 1, last), after + 2);
    last = now;
  }
});
