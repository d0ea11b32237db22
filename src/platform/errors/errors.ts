/**
 * Every error a caller may see has a code from this closed table. Systems throw
 * `AppError(code, message)`; only the http block turns a code into a status, so no system
 * knows about HTTP. Anything that is not an AppError is a bug or an outage: a 500 with a
 * hidden message and the request id, its cause logged once.
 */
export const errorStatus = {
  "request.invalid": 400,
  "request.malformed_json": 400,
  "request.unsupported_media_type": 415,
  "request.too_large": 413,
  "request.timeout": 408,
  "request.not_found": 404,
  "request.method_not_allowed": 405,
  "request.rate_limited": 429,
  "request.conflict": 409,
  "idempotency.key_reused": 422,
  "idempotency.in_progress": 409,
  "auth.required": 401,
  "auth.invalid_token": 401,
  "auth.invalid_credentials": 401,
  "auth.refresh_reused": 401,
  "auth.forbidden": 403,
  "auth.scope_missing": 403,
  "accounts.email_taken": 409,
  "accounts.sign_up_closed": 403,
  "accounts.not_found": 404,
  "accounts.key_not_found": 404,
  "accounts.session_not_found": 404,
  "accounts.key_limit": 422,
  "accounts.weak_password": 422,
  "accounts.tier_unknown": 422,
  "links.not_found": 404,
  "links.alias_taken": 409,
  "links.alias_reserved": 422,
  "links.alias_limit": 422,
  "links.url_refused": 422,
  "links.invalid": 422,
  "links.import_invalid": 422,
  "links.domain_not_found": 404,
  "links.domain_taken": 409,
  "links.domain_unverified": 422,
  "links.domain_in_use": 409,
  "links.domain_limit": 422,
  "links.password_wrong": 401,
  "links.gone": 410,
  "links.report_not_found": 404,
  "limits.denied": 403,
  "limits.rule_not_found": 404,
  "limits.rule_invalid": 422,
  "limits.rule_limit": 422,
  "limits.rule_name_taken": 409,
  "limits.rule_needed": 409,
  "limits.rule_changed": 412,
  "limits.question_invalid": 422,
  "realtime.upgrade_needed": 426,
  "realtime.origin_refused": 403,
  "chat.not_found": 404,
  "chat.role_needed": 403,
  "chat.person_refuses": 403,
  "chat.person_unknown": 422,
  "chat.banned": 403,
  "chat.removed": 403,
  "chat.wrong_kind": 422,
  "chat.group_full": 422,
  "chat.limit": 422,
  "chat.word_refused": 422,
  "chat.slow_mode": 429,
  "chat.too_late": 409,
  "chat.poll_closed": 409,
  "webhooks.not_found": 404,
  "webhooks.limit": 422,
  "webhooks.url_refused": 422,
  "events.not_found": 404,
  "jobs.not_found": 404,
  "blobs.unavailable": 503,
  "uploads.not_found": 404,
  "uploads.signature_wrong": 403,
  "uploads.expired": 410,
  "uploads.type_refused": 422,
  "uploads.incomplete": 409,
  "uploads.range_beyond": 416,
  "outbound.refused": 422,
  "outbound.failed": 502,
  "server.busy": 503,
  "server.database_unavailable": 503,
  "server.storage_full": 507,
  "server.internal": 500,
} as const;

export type ErrorCode = keyof typeof errorStatus;

/** One field that was wrong: where it stands in the input and what would be right. */
export type FieldError = { field: string; message: string };

export class AppError extends Error {
  readonly code: ErrorCode;
  readonly fields: FieldError[];
  /** Seconds after which the same call may succeed; becomes `Retry-After`. */
  readonly retryAfterSeconds: number | undefined;
  /** Said in the problem beside what every problem says. */
  readonly members: Record<string, string | number>;

  constructor(
    code: ErrorCode,
    message: string,
    options: {
      cause?: unknown;
      fields?: FieldError[];
      retryAfterSeconds?: number;
      members?: Record<string, string | number>;
    } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    this.fields = options.fields ?? [];
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.members = options.members ?? {};
  }
}

/** A broken invariant fails the request it happened in, never the process. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}
