import type { LimitAnswer } from "../types.ts";

/** What an answer of Stoa becomes in HTTP: headers, and the refusal if it is one. */
export type Verdict = {
  headers: Record<string, string>;
  /** Null when the request may go on. */
  refusal: { status: number; body: string } | null;
  /** Whether a place is held until the response is over. */
  holds: boolean;
};

export const passed: Verdict = { headers: {}, refusal: null, holds: false };

export function verdictOf(answer: LimitAnswer, holds: boolean): Verdict {
  return { headers: headersOf(answer), refusal: answer.allowed ? null : refusalOf(answer), holds };
}

/**
 * As Stoa says it of its own routes: the names of old, and the fields of the IETF's draft 11.
 * Source: https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
 */
function headersOf(answer: LimitAnswer): Record<string, string> {
  const { rule, limit, remaining, reset_at } = answer;
  const retryAfter = secondsUntilRetry(answer);
  const again: Record<string, string> =
    retryAfter === null ? {} : { "retry-after": String(retryAfter) };
  if (rule === null || limit === null || remaining === null || reset_at === null) return again;
  const resetMs = Date.parse(reset_at);
  const seconds = Math.max(retryAfter ?? 0, Math.ceil((resetMs - Date.now()) / 1000), 0);
  return {
    ...again,
    "x-ratelimit-limit": String(limit),
    "x-ratelimit-remaining": String(remaining),
    "x-ratelimit-reset": String(Math.ceil(resetMs / 1000)),
    "ratelimit-policy": `"${rule}";q=${limit}`,
    ratelimit: `"${rule}";r=${remaining};t=${seconds}`,
  };
}

/** Null when it is allowed, and on a deny list, where waiting is of no use. */
function secondsUntilRetry({ allowed, retry_after_ms }: LimitAnswer): number | null {
  if (allowed || retry_after_ms === null) return null;
  return Math.max(1, Math.ceil(retry_after_ms / 1000));
}

function refusalOf({ rule, retry_after_ms }: LimitAnswer): { status: number; body: string } {
  const members = { rule: rule ?? undefined, retry_after_ms: retry_after_ms ?? undefined };
  if (retry_after_ms === null) {
    return problem(403, "limits.denied", "The rule refuses this caller.", members);
  }
  const detail = "No more is allowed at the moment; see Retry-After.";
  return problem(429, "request.rate_limited", detail, members);
}

const titles: Record<number, string> = {
  400: "Bad Request",
  403: "Forbidden",
  429: "Too Many Requests",
  503: "Service Unavailable",
};

function problem(status: number, code: string, detail: string, members: object = {}) {
  const body = { type: "about:blank", title: titles[status], status, code, detail, ...members };
  return { status, body: JSON.stringify(body) };
}

export const unavailable: Verdict = {
  headers: { "retry-after": "1" },
  refusal: problem(503, "limits.unavailable", "Whether this is allowed cannot be said now."),
  holds: false,
};
export const uncountable: Verdict = {
  headers: {},
  refusal: problem(400, "limits.question_invalid", "This request cannot be counted."),
  holds: false,
};

export const problemType = "application/problem+json";

/** Where several limits concern one answer, the tightest speaks. */
export function mayReplace(there: unknown, headers: Record<string, string>): boolean {
  if (there === undefined || there === null || there === "") return true;
  const remaining = headers["x-ratelimit-remaining"];
  return remaining !== undefined && Number(remaining) < Number(there);
}
