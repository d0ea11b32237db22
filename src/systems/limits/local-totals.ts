import type { Limit } from "./limiter.ts";

/** What all processes together let through, as settle.lua answers: units by slots of time. */
export type Totals = [slot: number, current: number, previous: number];

/** What was added since the totals were seen last; at first sight, in this slot. */
export function newUnits(
  limit: Limit,
  seen: Totals | null,
  [slot, current, previous]: Totals,
): number {
  if (!seen) return current;
  const [seenSlot, seenCurrent, seenPrevious] = seen;
  if (slot === seenSlot) return current - seenCurrent + previous - seenPrevious;
  // A fixed window forgets the one before.
  if (slot !== seenSlot + 1 || limit.algorithm === "fixed_window") return current;
  return current + previous - seenCurrent;
}

/** How long a unit matters. */
export function slotMs({ algorithm, windowMs, burst, limit }: Limit): number {
  return algorithm === "token_bucket" ? Math.ceil((burst * windowMs) / limit) : windowMs;
}
