import type { Receipts } from "../shapes.ts";

/**
 * How far messages got, as a staircase: who has a seq has all below it, so the counts only change
 * where somebody stands. Somebody counts for a message when they have it and could see it: those
 * who came later stand at their first message, and are taken off below it. The sender of a message
 * always has it and is not counted; of one who left meanwhile it is one too few.
 */
export type Standpoint = {
  from_seq: number;
  delivered_seq: number;
  read_seq: number;
  /** How many stand there. */
  count: number;
};

/** Highest first that are told; below the lowest of so many it is at least what that one has. */
export const levelsMax = 64;

export function levelsOf(points: readonly Standpoint[]): Receipts["levels"] {
  const steps = new Map<number, { delivered: number; read: number }>();
  const step = (seq: number, delivered: number, read: number) => {
    const at = steps.get(seq) ?? { delivered: 0, read: 0 };
    steps.set(seq, { delivered: at.delivered + delivered, read: at.read + read });
  };
  for (const { from_seq, delivered_seq, read_seq, count } of points) {
    step(Math.max(delivered_seq, from_seq), count, 0);
    step(Math.max(read_seq, from_seq), 0, count);
    step(from_seq, -count, -count);
  }
  const sum = { delivered: 0, read: 0 };
  const levels: Receipts["levels"] = [];
  for (const seq of [...steps.keys()].toSorted((a, b) => b - a)) {
    if (seq === 0 || levels.length === levelsMax) break;
    const at = steps.get(seq) as { delivered: number; read: number };
    sum.delivered += at.delivered;
    sum.read += at.read;
    const without = (count: number) => Math.max(0, count - 1);
    levels.push({ seq, delivered: without(sum.delivered), read: without(sum.read) });
  }
  return levels;
}
