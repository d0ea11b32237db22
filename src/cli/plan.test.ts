import { expect, test } from "bun:test";
import fc from "fast-check";
import { codeSpace, planLinks, type Traffic } from "./plan.ts";
import { parseQuantity, showBytes, showCount, showYears } from "./quantity.ts";
import { assumedRates } from "./rates.ts";
import { distinctLinks, ranksForShare, shareOfTop, weight } from "./zipf.ts";

const traffic: Traffic = {
  writesPerDay: 100e6,
  readsPerWrite: 100,
  years: 5,
  peakFactor: 3,
  retentionDays: 90,
  hotShare: 0.2,
  zipf: 1,
  cacheEntries: 1_000_000,
};
const round = {
  ...assumedRates,
  redirects_per_core_s: 50_000,
  creates_per_s: 2_000,
  clicks_drained_per_s: 100_000,
  bytes_per_link: 500,
  bytes_per_click_raw: 50,
  cache_bytes_per_entry: 400,
  redirect_bytes_out: 500,
};

test("the plan is what a person gets with pencil and paper", () => {
  const plan = planLinks(traffic, round);
  expect(plan.load.writes_s).toBeCloseTo(1157.4, 1);
  expect(plan.load.writes_s_peak).toBeCloseTo(3472.2, 1);
  expect(plan.load.reads_s).toBeCloseTo(115_740.7, 1);
  expect(plan.load.reads_s_peak).toBeCloseTo(347_222.2, 1);
  expect(plan.load.links).toBe(182.5e9);
  expect(plan.storage.links_bytes).toBe(182.5e9 * 500);
  expect(plan.storage.clicks_bytes).toBe(10e9 * 90 * 50);
  expect(plan.codes.used_share).toBeCloseTo(182.5e9 / 3_521_614_606_208, 12);
  expect(plan.codes.years_until_1_percent).toBeCloseTo(35.216e9 / 36.5e9, 3);
  expect(plan.cache.hot_bytes).toBe(182.5e9 * 0.2 * 400);
  expect(plan.cache.configured_bytes).toBe(400e6);
  // 347,222 / (50,000 x 0.7) and 3,472 / (2,000 x 0.7), rounded up.
  expect(plan.processes).toEqual({ for_reads: 10, for_writes: 3, needed: 10 });
  expect(plan.database.primaries).toBe(3);
  expect(plan.database.bytes_written_s).toBeCloseTo(2 * (1157.4074 * 500 + 115_740.74 * 50), -1);
  expect(plan.network.bytes_out_s_peak).toBeCloseTo(347_222.2 * 500, -2);
  expect(codeSpace).toBe(3_521_614_606_208);
});

test("the bottleneck is what is short, and moves when that is mended", () => {
  const small = { ...traffic, writesPerDay: 1_000, cacheEntries: 1e9 };
  const slowCreates = planLinks(small, { ...assumedRates, creates_per_s: 0.001 });
  expect(slowCreates.bottleneck.resource).toBe("database, for creates");
  expect(slowCreates.bottleneck.share).toBeCloseTo((1_000 / 86_400) * 3 * 1_000, 6);
  const slowCore = planLinks(small, { ...assumedRates, redirects_per_core_s: 0.01 });
  expect(slowCore.bottleneck.resource).toBe("processor");
  const slowDrain = planLinks(small, { ...assumedRates, clicks_drained_per_s: 0.001 });
  expect(slowDrain.bottleneck.resource).toBe("database, for clicks");
  const coldCache = planLinks(
    { ...traffic, cacheEntries: 1, zipf: 0 },
    {
      ...assumedRates,
      bytes_per_link: 0.001,
      bytes_per_click_raw: 0.001,
      bytes_per_rollup_row: 0.001,
      cache_bytes_per_entry: 0.001,
    },
  );
  expect(coldCache.bottleneck.resource).toBe("database, for cold links");
});

test("more traffic never needs less", () => {
  const number = fc.double({ min: 1, max: 1e8, noNaN: true });
  fc.assert(
    fc.property(number, fc.double({ min: 1, max: 10, noNaN: true }), (writes, factor) => {
      const few = planLinks({ ...traffic, writesPerDay: writes }, assumedRates);
      const many = planLinks({ ...traffic, writesPerDay: writes * factor }, assumedRates);
      for (const key of ["for_reads", "for_writes", "needed"] as const) {
        expect(many.processes[key]).toBeGreaterThanOrEqual(few.processes[key]);
      }
      expect(many.storage.total_bytes).toBeGreaterThanOrEqual(few.storage.total_bytes * 0.999);
      expect(many.cache.configured_hit_ratio).toBeLessThanOrEqual(
        few.cache.configured_hit_ratio + 1e-9,
      );
    }),
    { numRuns: 50 },
  );
});

test.each([0, 0.7, 1, 1.3])("sums over ranks are those of a plain loop, at s = %d", (s) => {
  const links = 50_000;
  const weights = Array.from({ length: links }, (_, index) => (index + 1) ** -s);
  const total = weights.reduce((sum, value) => sum + value, 0);
  expect(weight(links, s) / total).toBeCloseTo(1, 5);
  const top = weights.slice(0, 10_000).reduce((sum, value) => sum + value, 0);
  expect(shareOfTop(10_000, links, s)).toBeCloseTo(top / total, 5);
  const share = shareOfTop(10_000, links, s);
  expect(ranksForShare(share, links, s) / 10_000).toBeCloseTo(1, 2);
  const requests = 30_000;
  const seen = weights.reduce((sum, value) => sum - Math.expm1((-requests * value) / total), 0);
  expect(distinctLinks(requests, links, s) / seen).toBeCloseTo(1, 2);
});

test.each([
  ["100M", 100e6],
  ["1.5k", 1_500],
  ["2B", 2e9],
  ["2g", 2e9],
  ["3T", 3e12],
  ["10_000", 10_000],
  ["1,000,000", 1e6],
  ["1e6", 1e6],
  ["0", 0],
  [".5", 0.5],
])("%s is a quantity", (text, value) => {
  expect(parseQuantity(text)).toBe(value);
});

test.each(["", "-1", "M", "1MM", "1.2.3", "1__0", "10_", "1 k", "NaN", "Infinity", "0x10", "1e"])(
  "%p is none",
  (text) => {
    expect(parseQuantity(text)).toBeNull();
  },
);

test("numbers are shown with three digits and the right unit", () => {
  expect([999, 999.96, 1_000, 1_157, 999_950, 1.825e11].map(showCount)).toEqual([
    "999",
    "1k",
    "1k",
    "1.16k",
    "1M",
    "183B",
  ]);
  expect(showBytes(9.125e13)).toBe("91.3 TB");
  expect(showBytes(0)).toBe("0 B");
  expect([0.001, 0.5, 96.5, Infinity].map(showYears)).toEqual([
    "less than a day",
    "182 days",
    "96.5 years",
    "never",
  ]);
});
