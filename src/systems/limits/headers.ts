import type { Clock } from "../../platform/clock/clock.ts";
import type { Config } from "../../platform/config/config.ts";
import type { Said } from "./outcome.ts";

/**
 * What an answer says of the rule that is nearest to refusing. `X-RateLimit-Reset` is a Unix time
 * in seconds, as the sites that made these names have it. The field of the IETF still moves, so
 * which of its drafts is spoken is a setting.
 * Source: https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
 */
export type HeadersOf = (said: Said) => Record<string, string>;

export function headersIn(dialect: Config["limitHeaders"], clock: Clock): HeadersOf {
  if (dialect === "none") return () => ({});
  if (dialect === "x") return (said) => xHeaders(said, clock);
  if (dialect === "draft-7") return draft7;
  if (dialect === "draft-11") return draft11;
  return (said) => ({ ...xHeaders(said, clock), ...draft11(said) });
}

function xHeaders({ compiled, answer }: Said, clock: Clock): Record<string, string> {
  const resetAt = Math.ceil((clock.now() + answer.resetMs) / 1000);
  return {
    "x-ratelimit-limit": String(compiled.rule.limit),
    "x-ratelimit-remaining": String(Math.max(0, Math.floor(answer.remaining))),
    "x-ratelimit-reset": String(resetAt),
  };
}

function draft11({ compiled, answer }: Said): Record<string, string> {
  const { rule, name } = compiled;
  const windowSeconds = secondsOfWindow(compiled);
  const unit = rule.algorithm === "concurrency" ? ';qu="concurrent-requests"' : "";
  const window = windowSeconds === null ? "" : `;w=${windowSeconds}`;
  return {
    "ratelimit-policy": `"${name}";q=${rule.limit}${unit}${window}`,
    ratelimit: `"${name}";r=${Math.max(0, Math.floor(answer.remaining))};t=${seconds(answer)}`,
  };
}

function draft7({ compiled, answer }: Said): Record<string, string> {
  const { rule } = compiled;
  const windowSeconds = secondsOfWindow(compiled);
  const remaining = Math.max(0, Math.floor(answer.remaining));
  const policy = windowSeconds === null ? `${rule.limit}` : `${rule.limit};w=${windowSeconds}`;
  return {
    "ratelimit-policy": policy,
    ratelimit: `limit=${rule.limit}, remaining=${remaining}, reset=${seconds(answer)}`,
  };
}

function seconds({ allowed, resetMs, retryAfterMs }: Said["answer"]): number {
  return Math.ceil((allowed ? resetMs : Math.max(resetMs, retryAfterMs)) / 1000);
}

/** Null where it has none, or none that whole seconds can tell. */
function secondsOfWindow({ rule }: Said["compiled"]): number | null {
  if (rule.algorithm === "concurrency" || rule.window_ms === 0) return null;
  return rule.window_ms % 1000 === 0 ? rule.window_ms / 1000 : null;
}
