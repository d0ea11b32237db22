import { bucket } from "./bucket.ts";
import { noDelay, type Counting } from "./counting.ts";

/**
 * A bucket of `burst` tokens that fills at `limit` per window; a cost takes that many tokens or is
 * refused. Tokens missing are units owed: with `cost` more there may be at most `burst` of them.
 */
export const tokenBucket: Counting = {
  ...bucket((limit, cost) => (limit.burst - cost) * limit.windowMs),
  delayMs: noDelay,
};
