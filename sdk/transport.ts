import { errorOf, StoaConnectionError, StoaError } from "./errors.ts";

/**
 * One call: credentials, time limit, retries. A call is sent again only when that cannot do a
 * thing twice: reads, replacements and deletes, and creates, which carry one idempotency key for
 * all their attempts. Anything else is sent again only after 429, which did nothing.
 * Waits are exponential with full jitter, so that clients cut off together do not return together:
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export type StoaOptions = {
  /** Where Stoa runs, e.g. `https://go.example.com`. In a browser: the page's own origin. */
  baseUrl?: string;
  apiKey?: string;
  /** Instead of a key. Called with `refresh` after the last token was refused. */
  getToken?: (options: { refresh: boolean }) => Promise<string | null> | string | null;
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** Attempts after the first. Default 3. */
  retries?: number;
  /** The first wait is up to this long, each next one up to twice as long. Default 200. */
  backoffMs?: number;
  /** No wait is longer, and a longer `Retry-After` is not waited for. Default 20,000. */
  backoffMsMax?: number;
  /** For each attempt. Default 30,000. */
  timeoutMs?: number;
};

/** What any call may be given besides its input. */
export type CallOptions = {
  signal?: AbortSignal;
  timeoutMs?: number;
  retries?: number;
  /** For creates: instead of the one made for this call. */
  idempotencyKey?: string;
};

export type Call = CallOptions & {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  path: string;
  query?: object;
  body?: unknown;
  /** Sent as it stands, instead of JSON. */
  raw?: { body: BodyInit; type: string };
  /** What is asked for, instead of JSON. */
  accept?: string;
  idempotent?: boolean;
  /** Without credentials, and without asking for them. */
  anonymous?: boolean;
};

export type Transport = {
  json<T>(call: Call): Promise<T>;
  /** The answer with its body unread; the time limit ends with its headers. */
  response(call: Call): Promise<Response>;
};

const defaults = { retries: 3, backoffMs: 200, backoffMsMax: 20_000, timeoutMs: 30_000 };
const retriedStatuses = new Set([408, 500, 502, 503, 504]);

export function createTransport(options: StoaOptions): Transport {
  const settings = { ...defaults, ...options };
  const send = options.fetch ?? fetchHere;
  const base = baseOf(options);
  // With a read replica behind the server: lets the next read see this client's own writes.
  let position: string | null = null;

  async function headersOf(call: Call, key: string | null, refresh: boolean): Promise<Headers> {
    const headers = new Headers({ accept: call.accept ?? "application/json" });
    const type = call.raw?.type ?? (call.body === undefined ? null : "application/json");
    if (type) headers.set("content-type", type);
    if (key) headers.set("idempotency-key", key);
    if (position) headers.set("stoa-position", position);
    if (!call.anonymous) {
      const token = options.apiKey || (await options.getToken?.({ refresh }));
      if (token) headers.set("authorization", `Bearer ${token}`);
    }
    return headers;
  }

  /** Sends once and reads the answer, within the time limit. */
  async function attempt<T>(
    call: Call,
    init: RequestInit,
    read: (response: Response) => Promise<T>,
  ): Promise<Outcome<T>> {
    const url = base + call.path + queryText(call.query);
    return await withinTime<T>(call, settings.timeoutMs, async (signal) => {
      const response = await send(url, { ...init, signal });
      position = response.headers.get("stoa-position") ?? position;
      return response.ok ? { value: await read(response) } : { failure: await errorOf(response) };
    });
  }

  async function perform<T>(call: Call, read: (response: Response) => Promise<T>): Promise<T> {
    const key = call.idempotent ? (call.idempotencyKey ?? crypto.randomUUID()) : null;
    const repeatable = key !== null || ["GET", "PUT", "DELETE"].includes(call.method);
    const retries = call.retries ?? settings.retries;
    const body = call.raw?.body ?? (call.body === undefined ? null : JSON.stringify(call.body));
    let refreshed = false;
    let unsure = false;
    for (let tries = 0; ;) {
      call.signal?.throwIfAborted();
      const headers = await headersOf(call, key, refreshed);
      const answer = await attempt(call, { method: call.method, headers, body }, read);
      if ("value" in answer) return answer.value;
      const { failure } = answer;
      if (failure instanceof StoaError) {
        if (failure.status === 401 && options.getToken && !call.anonymous && !refreshed) {
          refreshed = true;
          continue;
        }
        // The attempt whose answer was lost has deleted it.
        if (call.method === "DELETE" && unsure && failure.status === 404) return undefined as T;
      } else unsure = true;
      if (tries >= retries || !mayRepeat(failure, repeatable, settings)) throw failure;
      await pause(waitOf(failure, tries++, settings), call.signal);
    }
  }

  return {
    json: <T>(call: Call) => perform(call, (response) => readJson<T>(response)),
    response: (call) => perform(call, async (response) => response),
  };
}

/** Browsers refuse a `fetch` that was taken off its window. */
function fetchHere(url: string, init: RequestInit): Promise<Response> {
  return fetch(url, init);
}

/** Where the server is, without a slash at the end; a page's own server unless told. */
export function baseOf(options: Pick<StoaOptions, "baseUrl">): string {
  const base = (options.baseUrl ?? globalThis.location?.origin ?? "").replace(/\/+$/, "");
  if (base === "") throw new TypeError("createStoa: give a baseUrl, e.g. https://go.example.com");
  return base;
}

type Outcome<T> = { value: T } | { failure: StoaError | StoaConnectionError };

/** No answer in time is a failure like any other; only the caller's own abort is thrown. */
async function withinTime<T>(
  call: Call,
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  const timeout = new AbortController();
  const ms = call.timeoutMs ?? timeoutMs;
  const timer = setTimeout(() => timeout.abort(), ms);
  const { signal } = timeout;
  try {
    return await work(call.signal ? AbortSignal.any([call.signal, signal]) : signal);
  } catch (cause) {
    call.signal?.throwIfAborted();
    const message = signal.aborted ? `No answer within ${ms} ms.` : "The server cannot be reached.";
    return { failure: new StoaConnectionError(message, { cause, timedOut: signal.aborted }) };
  } finally {
    clearTimeout(timer);
  }
}

type Backoff = { backoffMs: number; backoffMsMax: number };

function mayRepeat(
  failure: StoaError | StoaConnectionError,
  repeatable: boolean,
  backoff: Backoff,
): boolean {
  if (!(failure instanceof StoaError)) return repeatable;
  if ((failure.retryAfterSeconds ?? 0) * 1000 > backoff.backoffMsMax) return false;
  if (failure.status === 429 || failure.code === "idempotency.in_progress") return true;
  return repeatable && retriedStatuses.has(failure.status);
}

function waitOf(failure: Error, tries: number, backoff: Backoff): number {
  const ceiling = Math.min(backoff.backoffMsMax, backoff.backoffMs * 2 ** tries);
  const asked = failure instanceof StoaError ? (failure.retryAfterSeconds ?? 0) * 1000 : 0;
  return asked + Math.random() * ceiling;
}

/** 204 is not the only success that says nothing; 202 is another. */
async function readJson<T>(response: Response): Promise<T> {
  const text = await response.text();
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

function queryText(query: object | undefined): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== "") search.append(name, String(value));
  }
  const text = search.toString();
  return text === "" ? "" : `?${text}`;
}

/** Ends early, with the signal's reason, when the signal aborts. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", stop, { once: true });
  });
}
