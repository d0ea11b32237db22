import type { Limit } from "../limiter.ts";

/**
 * What is kept of one key under one rule: 24 bytes in a table, whatever the algorithm. Each says
 * what its parts are, whole numbers from 0.
 */
export type Cell = {
  /** When everything is there again, in milliseconds since 1970: from then on, it is nothing. */
  freeAt: number;
  /** At most `unitsMax` each. */
  a: number;
  b: number;
  /** At most 2^53. */
  c: number;
};

/** Counts stop here, so that they fit in 32 bits; limits stay below. */
export const unitsMax = 2 ** 31 - 1;

/**
 * One algorithm as pure functions of a cell, a rule, a cost and the time; only the cell changes.
 * `settle` comes first and brings the cell to now: what ran out leaves, and usage that was counted
 * under other numbers of the rule is counted under these, so an edit applies at a key's next
 * question. It says whether the cell is to be kept even if nothing is charged. The others take a
 * settled cell.
 *
 * Arithmetic is on whole numbers, hence exact, as long as burst * windowMs (for a leaky bucket
 * also waitMsMax * limit) stays within 2^53, which is a million a month. Beyond, a time may be
 * told a millisecond early once in many.
 */
export type Counting = {
  settle(cell: Cell, limit: Limit, now: number): boolean;
  admits(cell: Cell, limit: Limit, cost: number, now: number): boolean;
  charge(cell: Cell, limit: Limit, cost: number, now: number): void;
  /** Gives units back, those counted last first, and never more than are counted. */
  refund(cell: Cell, limit: Limit, cost: number, now: number): void;
  /** Units that would pass now, one by one. */
  remaining(cell: Cell, limit: Limit, now: number): number;
  resetMs(cell: Cell, limit: Limit, now: number): number;
  /** The fewest whole milliseconds after which this cost passes if nobody else comes. */
  retryAfterMs(cell: Cell, limit: Limit, cost: number, now: number): number;
  /** How long an admitted caller waits; asked before it is charged. */
  delayMs(cell: Cell, limit: Limit, now: number): number;
};

export const emptyCell = (): Cell => ({ freeAt: 0, a: 0, b: 0, c: 0 });
export const noDelay = () => 0;
