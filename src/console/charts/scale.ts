import type { StatsInterval } from "../../../sdk/types.ts";

/** Round numbers for an axis that begins at 0: about four steps of 1, 2 or 5 times ten to the n. */
export function scaleOf(highest: number): { max: number; ticks: number[] } {
  if (highest <= 0) return { max: 1, ticks: [0, 1] };
  const rough = highest / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= rough) ?? 10;
  // Half a click is none.
  const step = Math.max(1, factor * power);
  const steps = Math.ceil(highest / step);
  return { max: steps * step, ticks: Array.from({ length: steps + 1 }, (_, i) => i * step) };
}

const bucketsMax = 2_000;

/** Every bucket between two instants, in UTC as the server counts, so that quiet days show as 0. */
export function bucketsBetween(from: string, to: string, interval: StatsInterval): string[] {
  const at = new Date(from);
  at.setUTCMinutes(0, 0, 0);
  if (interval !== "hour") at.setUTCHours(0);
  if (interval === "week") at.setUTCDate(at.getUTCDate() - ((at.getUTCDay() + 6) % 7));
  if (interval === "month") at.setUTCDate(1);
  const end = Date.parse(to);
  const keys: string[] = [];
  while (at.getTime() < end && keys.length < bucketsMax) {
    keys.push(at.toISOString());
    if (interval === "hour") at.setUTCHours(at.getUTCHours() + 1);
    else if (interval === "month") at.setUTCMonth(at.getUTCMonth() + 1);
    else at.setUTCDate(at.getUTCDate() + (interval === "week" ? 7 : 1));
  }
  return keys;
}

export type TimePoint = { key: string; clicks: number; unique: number | null };

export const plotHeight = 220;
export const padding = { top: 12, right: 12, bottom: 26, left: 44 };

export type Layout = ReturnType<typeof layOut>;

/** Where the points of a curve stand in a plot of this width, in pixels. */
export function layOut(points: TimePoint[], width: number) {
  const inner = {
    width: width - padding.left - padding.right,
    height: plotHeight - padding.top - padding.bottom,
  };
  const scale = scaleOf(Math.max(0, ...points.map((point) => point.clicks)));
  const step = inner.width / Math.max(1, points.length - 1);
  return {
    inner,
    scale,
    step,
    floor: padding.top + inner.height,
    x: (index: number) => padding.left + (points.length === 1 ? inner.width / 2 : index * step),
    y: (value: number) => padding.top + inner.height * (1 - value / scale.max),
  };
}
