import { EmbeddedState } from "./embedded.ts";
import { RedisState, type RedisStateOptions } from "./redis.ts";
import type { State } from "./state.ts";

/**
 * `redisUrl` is empty for one process alone. Resolves also when Redis is away: it is used from the
 * moment it answers.
 */
export async function openState(options: RedisStateOptions): Promise<State> {
  if (options.redisUrl === "") return new EmbeddedState();
  const state = new RedisState(options);
  await state.open();
  return state;
}
