/**
 * Logs are JSON lines on stderr. A field whose name says it is a secret is never written,
 * and values that look like our own keys and tokens are masked wherever they appear, so a
 * careless call cannot leak one.
 */
export type Level = "debug" | "info" | "warn" | "error";
export type Fields = Record<string, unknown>;
export type Log = {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  with(fields: Fields): Log;
};

const rank: Record<Level, number> = { debug: 10, info: 20, warn: 30, error: 40 };
const secretName =
  /^(authorization|cookie|set-cookie|password|passwd|secret|token|api_?key|.*_(secret|token|password))$/i;
const secretValue =
  /\b(stoa_[a-z]{2,8}_)[A-Za-z0-9_-]{8,}|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+|(?<=:\/\/[^/\s:@]{1,64}:)[^@/\s]+(?=@)/g;

export function maskSecrets(text: string): string {
  return text.replace(secretValue, (_, prefix: string | undefined) => `${prefix ?? ""}[secret]`);
}

function describeError(error: Error): Fields {
  const out: Fields = { name: error.name, message: error.message, stack: error.stack };
  const code = (error as { code?: unknown }).code;
  if (code !== undefined) out["code"] = code;
  if (error.cause instanceof Error) out["cause"] = describeError(error.cause);
  else if (error.cause !== undefined) out["cause"] = String(error.cause);
  return out;
}

function replace(key: string, value: unknown): unknown {
  if (key !== "" && secretName.test(key)) return "[secret]";
  if (value instanceof Error) return describeError(value);
  if (typeof value === "bigint") return value.toString();
  return value;
}

export function createLog(
  options: { level?: Level; write?: (line: string) => void; base?: Fields } = {},
): Log {
  const floor = rank[options.level ?? "info"];
  const write = options.write ?? writeStderr;
  const base = options.base ?? {};
  const emit = (level: Level, message: string, fields: Fields = {}) => {
    if (rank[level] < floor) return;
    const entry = { time: new Date().toISOString(), level, message, ...base, ...fields };
    write(maskSecrets(JSON.stringify(entry, replace)) + "\n");
  };
  return {
    debug: (message, fields) => emit("debug", message, fields),
    info: (message, fields) => emit("info", message, fields),
    warn: (message, fields) => emit("warn", message, fields),
    error: (message, fields) => emit("error", message, fields),
    with: (fields) => createLog({ ...options, base: { ...base, ...fields } }),
  };
}

/** A reader that went away must not take the process with it. */
function writeStderr(line: string): void {
  try {
    process.stderr.write(line);
  } catch {
    // Nobody is listening; there is nowhere left to report that.
  }
}

/** Drops everything: for tests and for commands that speak to a person instead. */
export const silentLog: Log = createLog({ write: () => {} });
