import { pause } from "../transport.ts";
import type { LimitAnswer, LimitQuestion } from "../types.ts";

/**
 * What every adapter does: asks Stoa whether a request may go on, within a time limit, and says
 * what is to be answered. Nothing here knows a web framework, and nothing needs one.
 */
type Key = LimitQuestion["key"];

/** What an adapter uses of a client made by `createStoa`. */
export type Asked = {
  limits: {
    check(
      question: LimitQuestion,
      options: { signal: AbortSignal; timeoutMs: number; retries: number },
    ): Promise<LimitAnswer>;
  };
};

export type LimitOptions<Request> = {
  /** Its key needs no more than the scope `limits:create`. */
  client: Asked;
  /** The name of a rule. */
  rule: string;
  /** Whom to count. Null lets the request pass without asking. */
  key: (request: Request) => Key | null;
  /** Default: what the rule says. */
  cost?: number | ((request: Request) => number);
  /**
   * What becomes of a request when Stoa gives no answer in time. Default: `open` for what reads,
   * `closed` for what changes something.
   */
  onFailure?: "open" | "closed";
  /** Default 250. */
  timeoutMs?: number;
  /** Told of every failure; whatever was thrown. */
  onError?: (error: unknown) => void;
};

export type Verdict = {
  headers: Record<string, string>;
  /** Null when the request may go on. */
  refusal: { status: number; body: string } | null;
};

const timeoutMsUsual = 250;
/** After so many failures in a row nobody asks for a while, so that not every request waits. */
const failuresMax = 3;
const restMs = 1_000;
/** Stoa takes no longer key. */
const keyLengthMax = 200;
const reading = new Set(["GET", "HEAD", "OPTIONS"]);
const passed: Verdict = { headers: {}, refusal: null };

export type Ask<Request> = (request: Request, method: string) => Promise<Verdict>;

export function asking<Request>(options: LimitOptions<Request>): Ask<Request> {
  const { client, rule, timeoutMs = timeoutMsUsual } = options;
  let failures = 0;
  let restUntil = 0;

  async function check(question: LimitQuestion): Promise<LimitAnswer> {
    const late = new AbortController();
    const timeout = pause(timeoutMs, late.signal).then(() => {
      throw new Error(`No answer of Stoa within ${timeoutMs} ms.`);
    });
    try {
      const limits = { signal: late.signal, timeoutMs, retries: 0 };
      return await Promise.race([client.limits.check(question, limits), timeout]);
    } finally {
      late.abort();
      timeout.catch(() => {});
    }
  }

  function fail(error: unknown, method: string): Verdict {
    options.onError?.(error);
    const status = (error as { status?: unknown } | null)?.status;
    // The question is at fault. If it could pass, a strange key would be the way past the limit.
    if (status === 400 || status === 422) return uncountable;
    if (++failures >= failuresMax) restUntil = performance.now() + restMs;
    return unanswered(method);
  }

  function unanswered(method: string): Verdict {
    const usual = reading.has(method) ? "open" : "closed";
    return (options.onFailure ?? usual) === "open" ? passed : unavailable;
  }

  return async (request, method) => {
    const key = options.key(request);
    if (key === null) return passed;
    const { cost } = options;
    const wanted = typeof cost === "function" ? cost(request) : cost;
    const now = performance.now();
    if (now < restUntil) return unanswered(method);
    // The first after a rest asks for all others.
    if (failures >= failuresMax) restUntil = now + restMs;
    let answer: LimitAnswer;
    try {
      const question = { rule, key: await shortened(key) };
      answer = await check(wanted === undefined ? question : { ...question, cost: wanted });
    } catch (error) {
      return fail(error, method);
    }
    failures = 0;
    restUntil = 0;
    if (answer.allowed && answer.delay_ms > 0) await pause(answer.delay_ms);
    return { headers: headersOf(answer), refusal: answer.allowed ? null : refusalOf(answer) };
  };
}

/** Of a key that is too long, what still tells it from all others. */
async function shortened(key: Key): Promise<Key> {
  if (typeof key === "string") return key.length > keyLengthMax ? await hash(key) : key;
  const parts = Object.entries(key).map(async ([name, value]) => [
    name,
    value.length > keyLengthMax ? await hash(value) : value,
  ]);
  return Object.fromEntries(await Promise.all(parts)) as Record<string, string>;
}

async function hash(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  const hex = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0"));
  return `sha256-${hex.join("")}`;
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

const unavailable: Verdict = {
  headers: { "retry-after": "1" },
  refusal: problem(503, "limits.unavailable", "Whether this is allowed cannot be said now."),
};
const uncountable: Verdict = {
  headers: {},
  refusal: problem(400, "limits.question_invalid", "This request cannot be counted."),
};

export const problemType = "application/problem+json";

/** Where several limits concern one answer, the tightest speaks. */
export function mayReplace(there: unknown, headers: Record<string, string>): boolean {
  if (there === undefined || there === null || there === "") return true;
  const remaining = headers["x-ratelimit-remaining"];
  return remaining !== undefined && Number(remaining) < Number(there);
}
