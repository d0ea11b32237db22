import type { SimulatedOutcome } from "../../../sdk/types.ts";

/** What became of some traffic, in columns for a drawing and in numbers for a table. */
export type Column = { passed: number; refused: number };

export type Tally = {
  columns: Column[];
  passed: number;
  refused: number;
  delayMsMax: number;
  /** Units that went on within any one window, wherever it begins. */
  inWindowMax: number;
};

/** `endMs` is that of the drawing; what waits longer is in its last column. */
export function tallyOf(
  outcomes: readonly SimulatedOutcome[],
  { endMs, windowMs, columns }: { endMs: number; windowMs: number; columns: number },
): Tally {
  const drawn: Column[] = Array.from({ length: columns }, () => ({ passed: 0, refused: 0 }));
  const at = (ms: number) =>
    drawn[Math.min(columns - 1, Math.floor((ms / endMs) * columns))] as Column;
  const tally = { passed: 0, refused: 0, delayMsMax: 0 };
  for (const { at_ms, allowed, delay_ms, cost } of outcomes) {
    if (!allowed) {
      tally.refused += cost;
      at(at_ms).refused += cost;
    } else {
      tally.passed += cost;
      tally.delayMsMax = Math.max(tally.delayMsMax, delay_ms);
      at(at_ms + delay_ms).passed += cost;
    }
  }
  return { ...tally, columns: drawn, inWindowMax: busiest(outcomes, windowMs) };
}

function busiest(outcomes: readonly SimulatedOutcome[], windowMs: number): number {
  const went = outcomes
    .filter(({ allowed }) => allowed)
    .map(({ at_ms, delay_ms, cost }) => ({ at: at_ms + delay_ms, cost }))
    .toSorted((a, b) => a.at - b.at);
  let first = 0;
  let sum = 0;
  let most = 0;
  for (const { at, cost } of went) {
    sum += cost;
    for (let old = went[first]; old && old.at <= at - windowMs; old = went[++first]) {
      sum -= old.cost;
    }
    most = Math.max(most, sum);
  }
  return most;
}
