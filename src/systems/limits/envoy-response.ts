import { isTighter, type Said } from "./outcome.ts";
import { unitOfMs, type Unit } from "./envoy-units.ts";
import type { RateLimitResponse, Status } from "./envoy-wire.ts";
import type { HeadersOf } from "./headers.ts";
import type { Answer } from "./limiter.ts";
import type { Definition } from "./rules.ts";
import type { Asked } from "./selection.ts";

/** One counter that a request is about, and which of its descriptors mean it. */
export type Place = Required<Asked> & {
  descriptors: number[];
  /** Null until, or unless, a limiter said something. */
  answer: Answer | null;
};

type Decided = {
  allowed: boolean;
  places: readonly Place[];
  /** How many the request has. */
  descriptors: number;
  headersOf: HeadersOf;
};

/** Of what is refused without a limiter: there is no time after which it would pass. */
export const never: Answer = {
  ...{ allowed: false, remaining: 0, resetMs: 0, retryAfterMs: 0, delayMs: 0 },
};
const countMax = 2 ** 32 - 1;

/**
 * Each descriptor is told of its tightest rule, the headers of the tightest of all. A descriptor
 * that is fine for itself is OK also when another one refuses the request.
 */
export function responseOf({
  allowed,
  places,
  descriptors,
  headersOf,
}: Decided): RateLimitResponse {
  const statuses = Array.from({ length: descriptors }, (_, i) =>
    statusOf(tightestOf(places.filter((place) => place.descriptors.includes(i)))),
  );
  const said = tightestOf(places);
  const headers = said ? headersOf(said) : {};
  if (!allowed && said && said.answer.retryAfterMs > 0) {
    headers["retry-after"] = String(Math.ceil(said.answer.retryAfterMs / 1000));
  }
  return { allowed, statuses, headers };
}

function tightestOf(places: readonly Place[]): Said | null {
  let tightest: Said | null = null;
  for (const { compiled, key, answer } of places) {
    if (answer === null || (tightest !== null && !isTighter(answer, tightest.answer))) continue;
    tightest = { compiled, key, answer };
  }
  return tightest;
}

function statusOf(said: Said | null): Status {
  if (said === null) return { allowed: true, limit: null, remaining: 0, resetMs: 0 };
  const { name, rule } = said.compiled;
  const { allowed, remaining, resetMs, retryAfterMs } = said.answer;
  return {
    allowed,
    limit: { name, requests: rule.limit, unit: unitOf(rule) },
    remaining: Math.min(countMax, Math.max(0, Math.floor(remaining))),
    resetMs: allowed ? resetMs : Math.max(resetMs, retryAfterMs),
  };
}

/** Other windows have no name there, and Envoy leaves unknown ones out of what it says. */
function unitOf({ algorithm, window_ms }: Definition): Unit {
  if (algorithm === "quota") return "month";
  if (algorithm === "concurrency" || algorithm === "list") return "unknown";
  return unitOfMs(window_ms);
}
