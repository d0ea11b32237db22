import type { Limit } from "./limiter.ts";

/** Ten a second, whatever the algorithm; a test says what it means to be different. */
export function limitOf(numbers: Partial<Limit> = {}): Limit {
  const limit = numbers.limit ?? 10;
  return {
    id: "rule",
    algorithm: "token_bucket",
    limit,
    windowMs: 1_000,
    burst: limit,
    waitMsMax: 0,
    queueMax: 0,
    penaltyMs: 0,
    accuracy: "local",
    subKeys: 1,
    onFailure: "open",
    ...numbers,
  };
}
