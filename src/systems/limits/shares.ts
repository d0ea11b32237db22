import { isLeasable } from "./lease-terms.ts";
import type { Limit } from "./limiter.ts";

/**
 * The parts of a divided rule: each sub-key has a share of the allowance, decided for itself. The
 * shares add up to the limit, and so does what they let through, whatever becomes of any of them:
 * each algorithm that can be divided is a sum (units of a window, units that flow into a bucket).
 */
export const subKeysMin = 2;
export const subKeysMax = 64;

/** Blocks are 1/32 of what is free: of a smaller share none would ever be more than a unit. */
const shareMin = 32;

export function isDivided({ subKeys }: Limit): boolean {
  return subKeys > 1;
}

const known = new WeakMap<Limit, readonly Limit[]>();

/** By number of the sub-key; none differs from another by more than a unit. */
export function sharesOf(limit: Limit): readonly Limit[] {
  let shares = known.get(limit);
  if (!shares) {
    shares = Array.from({ length: limit.subKeys }, (_, part) => shareOf(limit, part));
    known.set(limit, shares);
  }
  return shares;
}

function shareOf(limit: Limit, part: number): Limit {
  const of = (units: number) =>
    Math.floor(units / limit.subKeys) + (part < units % limit.subKeys ? 1 : 0);
  const id = `${limit.id}/${part}`;
  return { ...limit, id, limit: of(limit.limit), burst: of(limit.burst), subKeys: 1 };
}

/** The largest cost that may ever pass: a unit of work is charged to one sub-key. */
export function capacityOf({ burst, subKeys }: Pick<Limit, "burst" | "subKeys">): number {
  return Math.floor(burst / subKeys);
}

/** Why this rule cannot have its sub-keys; null where it can. */
export function divisionProblem(limit: Limit): string | null {
  const { algorithm, accuracy, subKeys, penaltyMs, windowMs } = limit;
  if (accuracy !== "leased") return "only a leased rule is divided; leave it null";
  if (algorithm === "leaky_bucket") return "a leaky_bucket is one queue and cannot be divided";
  if (algorithm === "concurrency") return "places have holders and cannot be divided";
  if (penaltyMs > 0) return "a rule with a penalty is decided in one place; leave it null";
  const units = Math.min(limit.limit, limit.burst);
  const most = Math.floor(units / shareMin);
  if (most < subKeysMin) {
    return `${units} units are too few to be divided; that takes ${subKeysMin * shareMin}`;
  }
  if (subKeys > most) return `at most ${most} for ${units} units, which is ${shareMin} for each`;
  const smallest = sharesOf(limit).at(-1) as Limit;
  return isLeasable(smallest) ? null : `a window of ${windowMs} ms is too short to take blocks in`;
}
