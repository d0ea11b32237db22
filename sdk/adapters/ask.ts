import { pause, type CallOptions } from "../transport.ts";
import type { LimitAnswer, LimitQuestion } from "../types.ts";
import { questionOf, refundsOf, shortened, type What, type Whom } from "./question.ts";
import { passed, unavailable, uncountable, verdictOf, type Verdict } from "./verdict.ts";

/**
 * What every adapter does: asks Stoa whether a request may go on, within a time limit, and says
 * what is to be answered. Nothing here knows a web framework, and nothing needs one.
 */
export type Asked = {
  limits: {
    check(question: LimitQuestion, options: CallOptions): Promise<LimitAnswer>;
    refund(question: LimitQuestion, options: CallOptions): Promise<void>;
  };
};

export type LimitOptions<Request> = What &
  Whom<Request> & {
    /** Made by `createStoa`. Its key needs no more than the scope `limits:create`. */
    client: Asked;
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

const timeoutMsUsual = 250;
/** Nobody waits for a place to be given back. */
const refundTimeoutMs = 5_000;
/** After so many failures in a row nobody asks for a while, so that not every request waits. */
const failuresMax = 3;
const restMs = 1_000;
const reading = new Set(["GET", "HEAD", "OPTIONS"]);

/** `over` aborts when the response has been sent, or nobody is there any more to read it. */
export type Ask<Request> = (
  request: Request,
  method: string,
  over: AbortSignal,
) => Promise<Verdict>;

export function asking<Request>(options: LimitOptions<Request>): Ask<Request> {
  const { client, timeoutMs = timeoutMsUsual } = options;
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

  /** A place that cannot be given back comes back by itself, after the window of its rule. */
  function giveBack(place: LimitQuestion): void {
    client.limits.refund(place, { timeoutMs: refundTimeoutMs }).catch((error: unknown) => {
      options.onError?.(error);
    });
  }

  return async (request, method, over) => {
    const wanted = questionOf(options, request);
    if (wanted === null) return passed;
    const now = performance.now();
    if (now < restUntil) return unanswered(method);
    // The first after a rest asks for all others.
    if (failures >= failuresMax) restUntil = now + restMs;
    let question: LimitQuestion;
    let answer: LimitAnswer;
    try {
      question = { ...wanted, key: await shortened(wanted.key) };
      answer = await check(question);
    } catch (error) {
      return fail(error, method);
    }
    failures = 0;
    restUntil = 0;
    const places = answer.allowed ? refundsOf(options, question) : [];
    for (const place of places) {
      if (over.aborted) giveBack(place);
      else over.addEventListener("abort", () => giveBack(place), { once: true });
    }
    if (answer.allowed && answer.delay_ms > 0) await pause(answer.delay_ms);
    return verdictOf(answer, places.length > 0);
  };
}
