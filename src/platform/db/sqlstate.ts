/**
 * What a PostgreSQL error means to a caller. The SQLSTATE is `errno` on Bun's client; errors of
 * the connection itself carry `code` ERR_POSTGRES_*.
 * Source: PostgreSQL manual, appendix A.
 */
type Shape = { errno?: unknown; code?: unknown; constraint?: unknown };

function stateOf(error: unknown): string {
  const errno = (error as Shape | null)?.errno;
  return typeof errno === "string" ? errno : "";
}

/** Serialisation failure or deadlock: the same transaction may simply be run again. */
export function isRetryable(error: unknown): boolean {
  const state = stateOf(error);
  return state === "40001" || state === "40P01";
}

/** The server is away, starting, stopping, read-only, full of connections, timed out or ill. */
export function isOutage(error: unknown): boolean {
  const state = stateOf(error);
  if (/^(08|57P0|58|53[034])/.test(state) || state === "57014" || state === "25006") return true;
  const code = (error as Shape | null)?.code;
  return (
    typeof code === "string" &&
    /^ERR_POSTGRES_(CONNECTION|IDLE|LIFETIME|CLOSED|NOT_CONNECTED)/.test(code)
  );
}

/** A statement took longer than `statement_timeout`, or somebody cancelled it. */
export function isTimeout(error: unknown): boolean {
  const { cause } = (error ?? {}) as { cause?: unknown };
  return stateOf(error) === "57014" || stateOf(cause) === "57014";
}

/** A lock was not to be had within `lock_timeout`. */
export function isLockTimeout(error: unknown): boolean {
  return stateOf(error) === "55P03";
}

/** Disk full. */
export function isStorageFull(error: unknown): boolean {
  return stateOf(error) === "53100";
}

/** The violated unique constraint's name, or null when the error is something else. */
export function uniqueViolation(error: unknown): string | null {
  if (stateOf(error) !== "23505") return null;
  const constraint = (error as Shape).constraint;
  return typeof constraint === "string" ? constraint : "";
}
