import type { Refusals } from "../../../sdk/types.ts";
import type { TimePoint } from "../charts/scale.ts";

/** Sums of refusals: over time for a chart, and by what they are of for lists. */
export type Row = Refusals["series"][number];
export type Wanted = { shadow: boolean; rule: string; route: string };

/** An empty rule or route is any. */
export function chosen(rows: readonly Row[], { shadow, rule, route }: Wanted): Row[] {
  return rows.filter(
    (row) =>
      row.shadow === shadow &&
      (rule === "" || row.rule === rule) &&
      (route === "" || row.route === route),
  );
}

/** Every step between two instants, so that quiet ones show as 0. */
export function pointsOf(
  rows: readonly Row[],
  { since, until, stepMs }: { since: number; until: number; stepMs: number },
): TimePoint[] {
  const sums = new Map<number, number>();
  for (const row of rows) {
    const at = Date.parse(row.at);
    sums.set(at, (sums.get(at) ?? 0) + row.refused);
  }
  const points: TimePoint[] = [];
  for (let at = Math.floor(since / stepMs) * stepMs; at <= until; at += stepMs) {
    points.push({ key: new Date(at).toISOString(), clicks: sums.get(at) ?? 0, unique: null });
  }
  return points;
}

/** Largest first. */
export function totalsBy(rows: readonly Row[], name: "rule" | "route"): [string, number][] {
  const sums = new Map<string, number>();
  for (const row of rows) sums.set(row[name], (sums.get(row[name]) ?? 0) + row.refused);
  return [...sums].toSorted((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}

export function total(rows: readonly Row[]): number {
  return rows.reduce((sum, row) => sum + row.refused, 0);
}
