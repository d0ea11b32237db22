import { msOf, type Span } from "./draft.ts";
import type { Shape, Traffic } from "./traffic.ts";

/** What is tried, as it stands in the form. It begins with what surprises most. */
export type Trial = {
  limit: string;
  window: Span;
  burst: string;
  wait: Span;
  queue: string;
  shape: Shape;
  rate: string;
  windows: string;
  seed: string;
};

export const freshTrial: Trial = {
  ...{ limit: "100", window: { amount: "1", unit: "min" }, burst: "" },
  ...{ wait: { amount: "10", unit: "s" }, queue: "20" },
  ...{ shape: "edges", rate: "100", windows: "6", seed: "1" },
};

export function trafficOf({ shape, rate, windows, seed, window }: Trial): Traffic {
  return {
    shape,
    rate: Math.max(0, Number(rate)),
    windows: Math.max(1, Number(windows)),
    windowMs: msOf(window),
    seed: Math.trunc(Number(seed)),
  };
}
