import type { Limiter } from "./limiter.ts";
import { SpreadLimiter, type SpreadLimiterOptions } from "./spread-limiter.ts";

/**
 * The limiter of this process. Alone it is the memory limiter, which is exact whatever accuracy a
 * rule asks for; with Redis it is what processes share. `close` gives back what was taken in
 * advance and tells what others do not know yet.
 */
export function limiterOf(options: SpreadLimiterOptions): {
  limiter: Limiter;
  close(): Promise<void>;
} {
  const { state, memory } = options;
  if (!state.shared) return { limiter: memory, close: async () => {} };
  const limiter = new SpreadLimiter(options);
  return { limiter, close: () => limiter.close() };
}
