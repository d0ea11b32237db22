import { expect, test } from "bun:test";
import { fieldTime, usualTimes } from "./send-times.ts";

test("usual times are an hour from now and mornings to come, Monday's once", () => {
  for (let day = 1; day <= 21; day++) {
    const now = new Date(2026, 9, day, 13, 45).getTime();
    const times = usualTimes(now);
    expect(times[0]).toEqual({ label: "In an hour", at: now + 3_600_000 });
    expect(new Set(times.map(({ at }) => at)).size).toBe(times.length);
    for (const { label, at } of times.slice(1)) {
      expect(at).toBeGreaterThan(now);
      expect(new Date(at).getHours()).toBe(9);
      if (label === "Monday morning") expect(new Date(at).getDay()).toBe(1);
    }
    const isSunday = new Date(now).getDay() === 0;
    expect(times.some(({ label }) => label === "Monday morning")).toBe(!isSunday);
  }
});

test("a field holds the local minute, and gives it back", () => {
  const at = new Date(2026, 0, 5, 7, 3).getTime();
  expect(fieldTime(at)).toBe("2026-01-05T07:03");
  expect(new Date(fieldTime(at)).getTime()).toBe(at);
});
