import { type Config, loadConfig } from "../platform/config/config.ts";
import type { Terminal } from "./terminal.ts";

/** One call of a command: its arguments and flags, and the way to speak to who called it. */
export type Call = Terminal & {
  args: string[];
  text(flag: string): string | undefined;
  is(flag: string): boolean;
  many(flag: string): string[];
  /** Read when first asked for: `help` works with any configuration. */
  readonly config: Config;
  env: Env;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
};

export type Env = Record<string, string | undefined>;
export type FlagValues = Record<string, string | boolean | (string | boolean)[] | undefined>;

/** The command was called wrongly; nothing was done. Exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The command cannot do what it was asked to, for a reason that a person can act on. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

export function createCall(options: {
  terminal: Terminal;
  args: string[];
  flags: FlagValues;
  env: Env;
  signal: AbortSignal;
}): Call {
  const { flags, env } = options;
  let config: Config | undefined;
  const textOf = (flag: string) => {
    const value = flags[flag];
    return typeof value === "string" ? value : undefined;
  };
  return {
    ...options.terminal,
    args: options.args,
    text: textOf,
    is: (flag) => flags[flag] === true,
    many(flag) {
      const value = flags[flag];
      return Array.isArray(value) ? value.map(String) : [];
    },
    get config() {
      config ??= loadConfig(env);
      return config;
    },
    env,
    signal: options.signal,
  };
}
