/**
 * Logs are JSON lines on stderr. A field whose name says it is a secret is never written,
 * and values that look like our own keys and tokens are masked wherever they appear, so a
 * careless call cannot leak one. A warning or an error that is the same again, as many are while
 * the database is away, is written once in ten seconds, with how often it came meanwhile.
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

export type LogOptions = {
  level?: Level;
  write?: (line: string) => void;
  base?: Fields;
  /** Milliseconds. */
  now?: () => number;
};

export function createLog(options: LogOptions = {}): Log {
  return logWith(options, new Repeats());
}

function logWith(options: LogOptions, repeats: Repeats): Log {
  const { write = writeStderr, base = {}, now = Date.now } = options;
  const floor = rank[options.level ?? "info"];
  const emit = (level: Level, message: string, fields: Fields = {}) => {
    if (rank[level] < floor) return;
    const said = { level, message, ...base, ...fields };
    const at = now();
    const repeated =
      rank[level] < rank.warn ? 0 : repeats.before(JSON.stringify(said, replace), at);
    if (repeated === null) return;
    const entry = { time: new Date(at).toISOString(), ...said, ...(repeated > 0 && { repeated }) };
    write(maskSecrets(JSON.stringify(entry, replace)) + "\n");
  };
  return {
    debug: (message, fields) => emit("debug", message, fields),
    info: (message, fields) => emit("info", message, fields),
    warn: (message, fields) => emit("warn", message, fields),
    error: (message, fields) => emit("error", message, fields),
    with: (fields) => logWith({ ...options, base: { ...base, ...fields } }, repeats),
  };
}

const repeatMs = 10_000;
const repeatsMax = 1_000;

/** What was said lately, and how often it was to be said again since. */
class Repeats {
  private readonly said = new Map<number | bigint, { at: number; again: number }>();

  /** How often it was left out before; null: it is to be left out now. */
  before(line: string, at: number): number | null {
    const key = Bun.hash(line);
    const last = this.said.get(key);
    if (last !== undefined && at - last.at < repeatMs && at >= last.at) {
      last.again++;
      return null;
    }
    if (this.said.size >= repeatsMax) this.said.clear();
    this.said.set(key, { at, again: 0 });
    return last?.again ?? 0;
  }
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
