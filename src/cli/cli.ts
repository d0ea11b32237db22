import type { z } from "zod";
import { AppError } from "../platform/errors/errors.ts";
import { maskSecrets } from "../platform/log/log.ts";
import { findCommand, readArguments } from "./arguments.ts";
import { type Call, createCall, type Env } from "./call.ts";
import type { Command } from "./command.ts";
import { commands } from "./commands.ts";
import { createTerminal, type Terminal } from "./terminal.ts";

/**
 * The `stoa` command. Exit codes: 0 done, 1 failed, 2 called wrongly or configured wrongly,
 * 130 interrupted.
 */
export async function runCommand(argv: string[], env: Env): Promise<number> {
  const terminal = createTerminal();
  ignoreClosedPipes();
  const stopping = new AbortController();
  try {
    const { command, rest } = findCommand(argumentsOf(argv), commands);
    const { args, flags } = readArguments(command, rest);
    if (flags["help"] === true) {
      const { describe } = await import("./help.ts");
      terminal.print(describe(command));
      return 0;
    }
    const call = createCall({ terminal, args, flags, env, signal: stopping.signal });
    return await runUntilStopped(command, call, stopping);
  } catch (error) {
    return explain(error, terminal, env);
  }
}

/** Calling for help is the same in every way that people try it. */
function argumentsOf(argv: string[]): string[] {
  const [first] = argv;
  if (first === undefined || first === "--help" || first === "-h") return ["help"];
  return first === "--version" || first === "-v" ? ["version"] : argv;
}

class Interrupted extends Error {
  override readonly name = "Interrupted";
}

const interruptedCode = 130;

/**
 * The first Ctrl-C ends the command: what it was doing in the database is rolled back as its
 * connection closes. A command that `endsItself` is told, and only the second one ends it.
 */
async function runUntilStopped(
  command: Command,
  call: Call,
  stopping: AbortController,
): Promise<number> {
  const run = await command.load();
  // These hear the signals themselves, from when they have something to end.
  if (command.name === "serve" || command.isInner) return await run(call);
  const stop = () => {
    if (!command.endsItself || stopping.signal.aborted) {
      call.say("stoa: interrupted");
      process.exit(interruptedCode);
    }
    stopping.abort(new Interrupted());
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  try {
    return await run(call);
  } finally {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  }
}

/** Errors that name what a person can do about them; anything else is shown whole. */
const forPeople = [
  "AppError",
  "BackupError",
  "CommandError",
  "EmbeddedPostgresError",
  "MigrationError",
];

function explain(error: unknown, terminal: Terminal, env: Env): number {
  if (!(error instanceof Error)) throw error;
  switch (error.name) {
    case "Interrupted":
      terminal.say("stoa: interrupted; nothing was left half done");
      return interruptedCode;
    case "UsageError":
      terminal.say(`stoa: ${error.message}`);
      return 2;
    case "ConfigError":
      terminal.say(`stoa: ${error.message}\nstoa doctor says more.`);
      return 2;
    case "ZodError":
      terminal.say(
        `stoa: ${(error as z.ZodError).issues.map(({ message }) => message).join("; ")}`,
      );
      return 2;
  }
  terminal.say(`stoa: ${maskSecrets(reasonOf(error))}`);
  const others = error instanceof AppError ? error.fields.slice(1) : [];
  for (const { field, message } of others) terminal.say(`  ${field}: ${message}`);
  if (!forPeople.includes(error.name) || env["STOA_LOG_LEVEL"] === "debug") {
    terminal.say(maskSecrets(Bun.inspect(error)));
  }
  return 1;
}

function reasonOf(error: Error): string {
  const { cause, message } = error;
  const outage = error instanceof AppError && error.code === "server.database_unavailable";
  return outage && cause instanceof Error ? `${message} ${cause.message}` : message;
}

/** `stoa link list | head` ends well. */
function ignoreClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
    });
  }
}
