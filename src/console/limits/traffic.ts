import type { Arrival } from "../../../sdk/types.ts";

/**
 * Traffic to try a rule against, measured in windows of the rule: the same shape says the same of
 * a limit per second and of one per day.
 */
export const shapes = [
  { value: "steady", label: "Steady", note: "Evenly, one after the other." },
  { value: "bursts", label: "Bursts", note: "All at once, twice in every window." },
  {
    value: "edges",
    label: "Edges of windows",
    note: "Two windows’ worth around every second edge: what a count by the clock lets through.",
  },
  { value: "ramp", label: "Ramp", note: "From nothing to twice the rate." },
  { value: "random", label: "Random", note: "As strangers come; the seed makes it repeatable." },
] as const;
export type Shape = (typeof shapes)[number]["value"];

export type Traffic = {
  shape: Shape;
  /** Requests in one window, on average. */
  rate: number;
  windows: number;
  windowMs: number;
  seed: number;
};

/** As many as are drawn and decided at once. */
export const arrivalsMax = 5_000;

/** In order of time. */
export function arrivalsOf(traffic: Traffic): Arrival[] {
  const { rate, windows, windowMs, shape } = traffic;
  const total = Math.min(arrivalsMax, Math.round(rate * windows));
  const span = windows * windowMs;
  if (shape === "random") return randomly(traffic, total);
  const at = (index: number): number => {
    const share = index / total;
    if (shape === "ramp") return span * Math.sqrt(share);
    if (shape === "bursts") return Math.floor(share * windows * 2) * (windowMs / 2);
    if (shape === "edges") return aroundEdge(share * windows, windowMs);
    return span * share;
  };
  return Array.from({ length: total }, (_, i) => ({ at_ms: Math.floor(at(i)) }));
}

/** Of each two windows only the tenth before and the tenth after the edge between them is used. */
const nearEdge = 0.1;

function aroundEdge(windows: number, windowMs: number): number {
  const pair = Math.floor(windows / 2);
  const share = windows / 2 - pair;
  return (pair * 2 + 1 + (share * 2 - 1) * nearEdge) * windowMs;
}

/** Uniform over the time, which is how independent strangers come, given how many there are. */
function randomly({ windows, windowMs, seed }: Traffic, total: number): Arrival[] {
  const random = randomFrom(seed);
  const times = Array.from({ length: total }, () => Math.floor(random() * windows * windowMs));
  return times.toSorted((a, b) => a - b).map((at_ms) => ({ at_ms }));
}

/** Mulberry32: small, and good enough to draw with. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
