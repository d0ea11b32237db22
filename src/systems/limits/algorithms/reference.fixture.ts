import type { Algorithm, Limit } from "../limiter.ts";

/**
 * The definitions again, as plainly as they can be written: histories in arrays, fractions as
 * BigInt, nothing incremental, nothing fast. Each model answers for one key; `admits` asks about
 * any time from the last change on and changes nothing.
 */
export type Model = {
  admits(limit: Limit, cost: number, now: number): boolean;
  charge(limit: Limit, cost: number, now: number): void;
  refund(limit: Limit, cost: number, now: number): void;
  /** Usage under the old numbers is counted under the new ones from now on. */
  edit(before: Limit, after: Limit, now: number): void;
  delayMs(limit: Limit, now: number): number;
  /** Whether anything is used at that time. */
  isFree(limit: Limit, now: number): boolean;
};

type Taken = { at: number; cost: number };
const sum = (list: Taken[]) => list.reduce((total, one) => total + one.cost, 0);
const ceilDiv = (a: bigint, b: bigint) => (a + b - 1n) / b;

/** Gives back from the end. */
function giveBack(list: Taken[], cost: number): number {
  let left = cost;
  for (let one = list.at(-1); one && left > 0; one = list.at(-1)) {
    const back = Math.min(one.cost, left);
    one.cost -= back;
    left -= back;
    if (one.cost === 0) list.pop();
  }
  return left;
}

function windowModel(windowOf: (limit: Limit, at: number) => number): Model {
  let taken: Taken[] = [];
  const inWindow = (limit: Limit, now: number) =>
    taken.filter((one) => windowOf(limit, one.at) === windowOf(limit, now));
  return {
    admits: (limit, cost, now) => sum(inWindow(limit, now)) + cost <= limit.limit,
    charge: (_limit, cost, now) => void taken.push({ at: now, cost }),
    refund(limit, cost, now) {
      taken = inWindow(limit, now);
      giveBack(taken, cost);
    },
    edit(before, _after, now) {
      taken = inWindow(before, now).map(({ cost }) => ({ at: now, cost }));
    },
    delayMs: () => 0,
    isFree: (limit, now) => sum(inWindow(limit, now)) === 0,
  };
}

function slidingWindowModel(): Model {
  let taken: Taken[] = [];
  const indexOf = (limit: Limit, at: number) => Math.floor(at / limit.windowMs);
  const windowAt = (limit: Limit, index: number) =>
    taken.filter((one) => indexOf(limit, one.at) === index);
  /** Numerator over windowMs. */
  const used = (limit: Limit, now: number) => {
    const index = indexOf(limit, now);
    const elapsed = now - index * limit.windowMs;
    const previous = BigInt(sum(windowAt(limit, index - 1))) * BigInt(limit.windowMs - elapsed);
    return previous + BigInt(sum(windowAt(limit, index))) * BigInt(limit.windowMs);
  };
  return {
    admits(limit, cost, now) {
      const window = BigInt(limit.windowMs);
      return used(limit, now) + BigInt(cost) * window <= BigInt(limit.limit) * window;
    },
    charge: (_limit, cost, now) => void taken.push({ at: now, cost }),
    refund(limit, cost, now) {
      const index = indexOf(limit, now);
      const [current, previous] = [windowAt(limit, index), windowAt(limit, index - 1)];
      giveBack(previous, giveBack(current, cost));
      taken = [...previous, ...current];
    },
    edit(before, after, now) {
      if (before.windowMs === after.windowMs) return;
      const units = Number(ceilDiv(used(before, now), BigInt(before.windowMs)));
      taken = units > 0 ? [{ at: now, cost: units }] : [];
    },
    delayMs: () => 0,
    isFree: (limit, now) => used(limit, now) === 0n,
  };
}

function logModel(): Model {
  let taken: Taken[] = [];
  const inWindow = (limit: Limit, now: number) =>
    taken.filter((one) => one.at > now - limit.windowMs && one.at <= now);
  return {
    admits: (limit, cost, now) => sum(inWindow(limit, now)) + cost <= limit.limit,
    charge: (_limit, cost, now) => void taken.push({ at: now, cost }),
    refund(limit, cost, now) {
      taken = inWindow(limit, now);
      giveBack(taken, cost);
    },
    edit(before, after, now) {
      taken = inWindow(before, now).filter((one) => one.at > now - after.windowMs);
    },
    delayMs: () => 0,
    isFree: (limit, now) => inWindow(limit, now).length === 0,
  };
}

/** Tokens that are missing, as a numerator over windowMs: they come back `limit` a millisecond. */
function tokenModel(): Model {
  let missing = 0n;
  let since = 0;
  const at = (limit: Limit, now: number) => {
    const left = missing - BigInt(now - since) * BigInt(limit.limit);
    return left > 0n ? left : 0n;
  };
  const set = (value: bigint, now: number) => {
    missing = value > 0n ? value : 0n;
    since = now;
  };
  const units = (limit: Limit, cost: number) => BigInt(cost) * BigInt(limit.windowMs);
  return {
    admits: (limit, cost, now) => units(limit, limit.burst) - at(limit, now) >= units(limit, cost),
    charge: (limit, cost, now) => set(at(limit, now) + units(limit, cost), now),
    refund: (limit, cost, now) => set(at(limit, now) - units(limit, cost), now),
    edit(before, after, now) {
      const same = before.windowMs === after.windowMs;
      const left = at(before, now) * BigInt(after.windowMs);
      set(same ? at(before, now) : ceilDiv(left, BigInt(before.windowMs)), now);
    },
    delayMs: () => 0,
    isFree: (limit, now) => at(limit, now) === 0n,
  };
}

/** A queue that is counted unit by unit: each begins when all before it have drained. */
function queueModel(): Model {
  const level = tokenModel();
  /** Ticks until the queue is empty, by asking when it is. */
  const emptyIn = (limit: Limit, now: number) => {
    let ms = 0;
    while (!level.isFree(limit, now + ms)) ms++;
    return ms;
  };
  /** Units whose draining has not begun: n wait when the time of n units is left and some more. */
  const waiting = (limit: Limit, now: number) => {
    let units = 0;
    while (!level.admits({ ...limit, burst: units }, 0, now)) units++;
    return Math.max(0, units - 1);
  };
  return {
    ...level,
    admits(limit, cost, now) {
      if (level.isFree(limit, now)) return true;
      const soonEnough = level.isFree(limit, now + limit.waitMsMax);
      return soonEnough && waiting(limit, now) + cost <= limit.queueMax;
    },
    delayMs: emptyIn,
  };
}

export function modelOf(algorithm: Algorithm): Model {
  switch (algorithm) {
    case "fixed_window":
      return windowModel((limit, at) => Math.floor(at / limit.windowMs));
    case "quota":
      return windowModel((_limit, at) =>
        Number(new Date(at).toISOString().slice(0, 7).replace("-", "")),
      );
    case "sliding_window":
      return slidingWindowModel();
    case "token_bucket":
      return tokenModel();
    case "leaky_bucket":
      return queueModel();
    case "sliding_log":
    case "concurrency":
      return logModel();
  }
}
