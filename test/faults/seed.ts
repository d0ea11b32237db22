/**
 * Chance that can be repeated. `FAULT_SEED` gives the same choices again (not the same
 * interleaving: the processes are real), `FAULT_ROUNDS` multiplies how long every fault runs.
 */
export type Random = {
  /** An integer from 0 to `below` - 1. */
  below(below: number): number;
  pick<T>(values: readonly T[]): T;
  /** A random source of its own, so that concurrent users do not disturb each other. */
  fork(): Random;
};

const given = process.env["FAULT_SEED"];
export const seed = given ? Number(given) : crypto.getRandomValues(new Uint32Array(1))[0]!;
const factor = Number(process.env["FAULT_ROUNDS"] ?? 1);
console.log(`FAULT_SEED=${seed} FAULT_ROUNDS=${factor}`);

export function rounds(usual: number): number {
  return Math.max(1, Math.round(usual * factor));
}

/** mulberry32: small, and good enough to choose victims with. */
export function randomFrom(start: number): Random {
  let state = start >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  const random: Random = {
    below: (below) => next() % below,
    pick: (values) => values[next() % values.length]!,
    fork: () => randomFrom(next()),
  };
  return random;
}
