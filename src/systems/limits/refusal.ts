import { AppError } from "../../platform/errors/errors.ts";
import { StateAwayError } from "../../platform/state/state.ts";
import type { Outcome } from "./outcome.ts";

/** What a refused caller is told; null when it may go on. */
export function refusalOf({ allowed, denied, tightest, unavailable }: Outcome): AppError | null {
  if (allowed) return null;
  if (denied !== null) {
    const rule = denied.compiled.name;
    const message = `The rule ${rule} refuses this caller.`;
    return new AppError("limits.denied", message, { members: { rule } });
  }
  if (unavailable || tightest === null) {
    const message = "Whether a limit allows this cannot be said at the moment.";
    return new AppError("server.busy", message, { retryAfterSeconds: 1 });
  }
  const rule = tightest.compiled.name;
  const retry_after_ms = Math.ceil(tightest.answer.retryAfterMs);
  const message = `The rule ${rule} allows no more at the moment; see Retry-After.`;
  return new AppError("request.rate_limited", message, {
    retryAfterSeconds: retry_after_ms / 1000,
    members: { rule, retry_after_ms },
  });
}

/** Of what must reach shared state, and is not decided without it. */
export async function unlessAway(work: void | Promise<void>): Promise<void> {
  try {
    await work;
  } catch (cause) {
    if (!(cause instanceof StateAwayError)) throw cause;
    const message = "Shared state does not answer; whether this was done is not known.";
    throw new AppError("server.busy", message, { retryAfterSeconds: 1, cause });
  }
}
