import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { fakeClock } from "../../platform/clock/clock.ts";
import { modelOf } from "./algorithms/reference.fixture.ts";
import { limitOf } from "./limiter-suite.fixture.ts";
import type { Algorithm } from "./limiter.ts";
import { MemoryLimiter } from "./memory.ts";
import { capacityOf, divisionProblem, sharesOf } from "./shares.ts";

const divisible: Algorithm[] = [
  ...(["fixed_window", "sliding_window", "sliding_log", "token_bucket", "quota"] as const),
];

describe("shares", () => {
  test("add up to the limit and the burst, and are as equal as can be", () => {
    fc.assert(
      fc.property(
        ...[fc.integer({ min: 2, max: 64 }), fc.integer({ min: 64, max: 10 ** 9 })],
        fc.integer({ min: 64, max: 10 ** 9 }),
        (subKeys, limit, burst) => {
          const whole = limitOf("token_bucket", { limit, burst, subKeys });
          const shares = sharesOf(whole);
          expect(shares.reduce((sum, share) => sum + share.limit, 0)).toBe(limit);
          expect(shares.reduce((sum, share) => sum + share.burst, 0)).toBe(burst);
          const bursts = shares.map((share) => share.burst);
          expect(Math.max(...bursts) - Math.min(...bursts)).toBeLessThanOrEqual(1);
          expect(Math.min(...bursts)).toBe(capacityOf(whole));
          expect(new Set(shares.map(({ id }) => id)).size).toBe(subKeys);
        },
      ),
    );
  });

  test.each(divisible)("%s: what they let pass together, the whole lets pass too", (algorithm) => {
    const step = fc.record({
      part: fc.nat({ max: 7 }),
      cost: fc.integer({ min: 1, max: 4 }),
      ms: fc.oneof(fc.constant(0), fc.nat({ max: 40 })),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 8 }),
        fc.integer({ min: 8, max: 40 }),
        fc.integer({ min: 20, max: 200 }),
        fc.array(step, { maxLength: 150 }),
        (subKeys, limit, windowMs, steps) => {
          const whole = limitOf(algorithm, { limit, windowMs, subKeys, burst: limit });
          const clock = fakeClock();
          const parts = new MemoryLimiter({ clock, keysMax: 1_000 });
          const model = modelOf(algorithm);
          for (const { part, cost, ms } of steps) {
            clock.advance(ms);
            const share = sharesOf(whole)[part % subKeys]!;
            if (cost > share.burst || !parts.takeOne(share, "key", cost)) continue;
            expect(model.admits(whole, cost, clock.now())).toBe(true);
            model.charge(whole, cost, clock.now());
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});

test.each([
  [{ accuracy: "strict" }, "only a leased rule"],
  [{ accuracy: "local" }, "only a leased rule"],
  [{ algorithm: "leaky_bucket" }, "one queue"],
  [{ algorithm: "concurrency" }, "holders"],
  [{ penaltyMs: 1 }, "penalty"],
  [{ limit: 63, burst: 63 }, "too few"],
  [{ limit: 255, burst: 255 }, "at most 7 for 255 units"],
  [{ algorithm: "token_bucket", limit: 1_000, burst: 100 }, "at most 3 for 100 units"],
  [{ windowMs: 99 }, "99 ms is too short"],
  [{}, null],
  [{ limit: 256, burst: 256 }, null],
  [{ algorithm: "quota", windowMs: 0 }, null],
] as const)("%j: %p", (numbers, problem) => {
  const limit = limitOf("fixed_window", {
    ...{ accuracy: "leased", subKeys: 8, limit: 1_000, burst: 1_000, ...numbers },
  });
  const said = divisionProblem(limit);
  if (problem === null) expect(said).toBeNull();
  else expect(said).toContain(problem);
});
