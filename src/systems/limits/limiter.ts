/**
 * The one question of this system: may these keys do this now? A limiter holds the live state of
 * rules, in this process or on Redis. All charges of one question are decided together: when one
 * rule refuses, none is charged.
 */
export const algorithms = [
  "fixed_window",
  "sliding_log",
  "sliding_window",
  "token_bucket",
  "leaky_bucket",
  "quota",
  "concurrency",
] as const;
export type Algorithm = (typeof algorithms)[number];

/**
 * Where a decision is taken: `strict` centrally each time; `leased` from blocks that a process
 * took, never above the limit; `local` by each process, settled every 100 ms.
 */
export type Accuracy = "strict" | "leased" | "local";

/** A rule as limiters need it, compiled once from what is stored. */
export type Limit = {
  /** Of the rule: live state is kept under it and survives an edit of the numbers below. */
  id: string;
  algorithm: Algorithm;
  /** Units per window; for `concurrency` how many at once. */
  limit: number;
  /** Milliseconds; for `quota` a calendar month of UTC, and this is not looked at. */
  windowMs: number;
  /** Capacity of a token bucket; elsewhere equal to `limit`. */
  burst: number;
  /** Longest delay that a leaky bucket imposes, and how many may wait. */
  waitMsMax: number;
  queueMax: number;
  /** After a refusal the key is refused for so long; 0 for none. */
  penaltyMs: number;
  accuracy: Accuracy;
  /** Parts that a leased allowance is divided into; 1 where it is not. */
  subKeys: number;
  onFailure: "open" | "closed";
};

export type Charge = { limit: Limit; key: string; cost: number };

/** What one rule says of one key. Times are milliseconds from now. */
export type Answer = {
  allowed: boolean;
  /** Units left at once after this. */
  remaining: number;
  /** Until everything is there again. */
  resetMs: number;
  /** Until this cost may pass, 0 when allowed; never too early, even after rounding. */
  retryAfterMs: number;
  /** How long a leaky bucket asks an allowed caller to wait before it goes on. */
  delayMs: number;
};

/** `answers` are in the order of the charges. A refusal charges none of them. */
export type Decision = { allowed: boolean; answers: Answer[] };

type Soon<T> = T | Promise<T>;

/** Costs are whole numbers from 1 to the rule's burst; anything more was refused before. */
export type Limiter = {
  take(charges: readonly Charge[]): Soon<Decision>;
  /**
   * Charges them where it can be said at once, at least cost, that all allow. False: nothing was
   * charged, and `take` decides. A leaky bucket's delay is not told, so none may be among them.
   */
  takeAll?(charges: readonly Charge[]): boolean;
  /** The same without charging. */
  peek(charges: readonly Charge[]): Soon<Decision>;
  /** Gives units back, never more than were taken; for `concurrency` it frees a place. */
  refund(charges: readonly Charge[]): Soon<void>;
  /** Charges whatever is there, also below zero where the algorithm can: costs known afterwards. */
  report(charges: readonly Charge[]): Soon<Decision>;
  reset(limit: Limit, key: string): Soon<void>;
  /** Refuses the key for so long whatever its state. */
  penalize(limit: Limit, key: string, ms: number): Soon<void>;
};
