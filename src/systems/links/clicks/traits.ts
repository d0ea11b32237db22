import type { VisitKind } from "../visits.ts";

/**
 * What a click carries besides its link, time and dictionary ids, in 27 bits. Of the visitor's
 * hash only what HyperLogLog needs is kept (a register and a rank), so neither the spool nor the
 * database holds anything that tells one visitor from the thousands that share it.
 *
 *   bits 0-5    rank, 0 when no visitor is counted
 *   bits 6-17   register
 *   bits 18-19  kind, an index into `kinds`
 *   bit  20     the visitor's first click on this link today, as far as this process knows
 *   bit  21     reduced: Sec-GPC or DNT asked for it, so nothing but link, time and kind is kept
 *   bits 22-26  hour of the day, UTC; added when drained
 */
export const kinds = ["human", "bot", "unfurler", "prefetch"] as const satisfies VisitKind[];

export const kindShift = 18;
export const newVisitorBit = 1 << 20;
export const reducedBit = 1 << 21;
export const hourShift = 22;
const sketchMask = (1 << kindShift) - 1;
const registerShift = 20;

export const dayMs = 86_400_000;
export const hourMs = 3_600_000;

/** Register and rank of a 64-bit visitor hash, as HyperLogLog takes them from it. */
export function sketchOf(high: number, low: number): number {
  const upper = high << 12;
  const zeros = upper !== 0 ? Math.clz32(upper) : 20 + Math.clz32(low);
  return ((high >>> registerShift) << 6) | (zeros + 1);
}

/** Adds the visitor of a click to a set, by a hash that has the same register and rank. */
export function addVisitor(set: { add(high: number, low: number): void }, traits: number): void {
  const sketch = traits & sketchMask;
  const rank = sketch & 63;
  if (rank === 0) return;
  const register = (sketch >>> 6) << registerShift;
  if (rank <= 20) set.add(register | (1 << (20 - rank)), 0);
  else set.add(register, rank <= 52 ? 1 << (52 - rank) : 0);
}

export function kindOf(traits: number): number {
  return (traits >>> kindShift) & 3;
}

export function hourOf(traits: number): number {
  return (traits >>> hourShift) & 31;
}
