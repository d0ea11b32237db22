/**
 * What can go wrong, typed. `StoaError` is an answer of the server, as problem details (RFC 9457);
 * `StoaConnectionError` is the lack of one: whether the call took effect is then unknown.
 */
export type FieldProblem = { field: string; message: string };

export type Problem = {
  title: string;
  status: number;
  code: string;
  detail: string;
  request_id: string;
  errors?: FieldProblem[];
};

export class StoaError extends Error {
  override readonly name: string = "StoaError";
  /** Namespaced and stable, e.g. `links.alias_taken`. */
  readonly code: string;
  readonly status: number;
  /** The fields of the input that were wrong, and what would be right. */
  readonly fields: FieldProblem[];
  /** Quote it when asking the operator of the server. */
  readonly requestId: string;
  readonly retryAfterSeconds: number | undefined;

  constructor(problem: Problem, retryAfterSeconds?: number) {
    super(problem.detail);
    this.code = problem.code;
    this.status = problem.status;
    this.fields = problem.errors ?? [];
    this.requestId = problem.request_id;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** The message for one field, or undefined. */
  field(name: string): string | undefined {
    return this.fields.find((entry) => entry.field === name)?.message;
  }
}

/** 400, 413, 415, 422: the input must change before the call can succeed. */
export class InvalidInputError extends StoaError {
  override readonly name = "InvalidInputError";
}
/** 401: no credentials, or they no longer hold. */
export class UnauthenticatedError extends StoaError {
  override readonly name = "UnauthenticatedError";
}
/** 403: the credentials hold, but do not reach this far. */
export class ForbiddenError extends StoaError {
  override readonly name = "ForbiddenError";
}
/** 404 and 410. */
export class NotFoundError extends StoaError {
  override readonly name = "NotFoundError";
}
/** 409: somebody was faster, or has it already. */
export class ConflictError extends StoaError {
  override readonly name = "ConflictError";
}
/** 429: `retryAfterSeconds` says when. */
export class RateLimitedError extends StoaError {
  override readonly name = "RateLimitedError";
}
/** 5xx, after all retries. */
export class ServerError extends StoaError {
  override readonly name = "ServerError";
}

/** No answer: the network failed, the time was up, or the body broke off. */
export class StoaConnectionError extends Error {
  override readonly name = "StoaConnectionError";
  readonly timedOut: boolean;
  constructor(message: string, options: { cause?: unknown; timedOut?: boolean } = {}) {
    super(message, { cause: options.cause });
    this.timedOut = options.timedOut ?? false;
  }
}

export async function errorOf(response: Response): Promise<StoaError> {
  const text = await response.text().catch(() => "");
  const problem = problemOf(response, text);
  const kind = kindOf(response.status);
  return new kind(problem, retryAfterOf(response));
}

/** A proxy in front may answer for the server, in its own words. */
function problemOf(response: Response, text: string): Problem {
  const { status } = response;
  const requestId = response.headers.get("x-request-id") ?? "";
  const foreign = {
    title: response.statusText,
    status,
    code: "http.unexpected",
    detail: `The server answered ${status} without saying why.`,
    request_id: requestId,
  };
  try {
    const body = JSON.parse(text) as Partial<Problem> | null;
    if (typeof body?.code !== "string") return foreign;
    return { ...foreign, ...body, status };
  } catch {
    return foreign;
  }
}

function kindOf(status: number): new (problem: Problem, retryAfter?: number) => StoaError {
  if (status === 401) return UnauthenticatedError;
  if (status === 403) return ForbiddenError;
  if (status === 404 || status === 410) return NotFoundError;
  if (status === 409) return ConflictError;
  if (status === 429) return RateLimitedError;
  if (status >= 500) return ServerError;
  return status >= 400 ? InvalidInputError : StoaError;
}

/** Seconds, or an HTTP date. */
function retryAfterOf(response: Response): number | undefined {
  const value = response.headers.get("retry-after");
  if (value === null) return undefined;
  if (/^\d+$/.test(value.trim())) return Number(value);
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, (at - Date.now()) / 1000);
}
