import { LRUCache } from "lru-cache";
import type { Clock } from "../../platform/clock/clock.ts";
import { AppError } from "../../platform/errors/errors.ts";
import { addressGroup } from "../../platform/http/address.ts";

/** Slows down whoever guesses the password of a link: a few wrong tries a minute and address. */
export type PasswordTries = {
  /** Throws when this one is too many; else counts it. */
  admit(linkId: string, address: string): void;
  succeeded(linkId: string, address: string): void;
};

const triesPerMinuteMax = 10;
const windowMs = 60_000;
const watchedMax = 50_000;

export function createPasswordTries(clock: Clock): PasswordTries {
  const tries = new LRUCache<string, { count: number; endsAt: number }>({ max: watchedMax });
  const keyOf = (linkId: string, address: string) => `${linkId} ${addressGroup(address)}`;
  return {
    admit(linkId, address) {
      const key = keyOf(linkId, address);
      const now = clock.monotonic();
      let seen = tries.get(key);
      if (!seen || seen.endsAt <= now) {
        seen = { count: 0, endsAt: now + windowMs };
        tries.set(key, seen);
      }
      if (++seen.count > triesPerMinuteMax) {
        throw new AppError("request.rate_limited", "Too many wrong passwords; wait a minute.", {
          retryAfterSeconds: (seen.endsAt - now) / 1000,
        });
      }
    },
    succeeded(linkId, address) {
      tries.delete(keyOf(linkId, address));
    },
  };
}
