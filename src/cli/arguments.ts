import { parseArgs } from "node:util";
import { type FlagValues, UsageError } from "./call.ts";
import type { Command } from "./command.ts";
import { nearest } from "./nearest.ts";

/** Finds the command that the arguments name, and reads what it was given. */
export type Found = { command: Command; rest: string[] };

/** Commands are one or two words; flags may stand before, between and after them. */
export function findCommand(args: readonly string[], commands: readonly Command[]): Found {
  const [first, second] = args;
  const names = commands.map((command) => command.name);
  if (first === undefined) throw new UsageError(`say which command; see "stoa help"`);
  const pair = commands.find((command) => command.name === `${first} ${second}`);
  if (pair) return { command: pair, rest: args.slice(2) };
  const single = commands.find((command) => command.name === first);
  if (single) return { command: single, rest: args.slice(1) };
  const verbs = names.filter((name) => name.startsWith(`${first} `)).map(lastWord);
  if (verbs.length === 0) {
    const firstWords = [...new Set(names.map((name) => name.split(" ")[0] as string))];
    throw new UsageError(`there is no command "${first}"${meant(first, firstWords)}`);
  }
  const list = verbs.join(", ");
  if (second === undefined || second.startsWith("-")) {
    throw new UsageError(`say what to do: stoa ${first} ${verbs.join("|")}`);
  }
  const hint = meant(second, verbs, `${first} `) || `; there are ${list}`;
  throw new UsageError(`there is no command "${first} ${second}"${hint}`);
}

export function readArguments(command: Command, rest: readonly string[]) {
  const flags = command.flags ?? {};
  const options = Object.fromEntries([
    ["help", { type: "boolean" as const, short: "h" }],
    ...Object.entries(flags).map(([name, { takes, many }]) => [
      name,
      { type: takes ? ("string" as const) : ("boolean" as const), multiple: many ?? false },
    ]),
  ]);
  const known = [...Object.keys(flags), "help"];
  const { tokens } = parseArgs({
    ...{ args: [...rest], options, allowPositionals: true, strict: false, tokens: true },
  });
  const values: FlagValues = {};
  const args: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") args.push(token.value);
    if (token.kind !== "option") continue;
    const { name, rawName, value } = token;
    if (!known.includes(name)) {
      const bare = rawName.replace(/^-+/, "");
      throw new UsageError(`${command.name}: there is no ${rawName}${meant(bare, known, "--")}`);
    }
    put(command, values, name, value);
  }
  if (values["help"] !== true) requireCount(command, args);
  return { args, flags: values };
}

function put(command: Command, values: FlagValues, name: string, value: string | undefined) {
  const flag = command.flags?.[name];
  if (flag?.takes && (value === undefined || value.startsWith("--"))) {
    throw new UsageError(`${command.name}: --${name} needs a value: --${name} ${flag.takes}`);
  }
  if (!flag?.takes && value !== undefined) {
    throw new UsageError(`${command.name}: --${name} takes no value`);
  }
  const held = values[name];
  if (flag?.many) values[name] = [...(Array.isArray(held) ? held : []), value ?? true];
  else if (held === undefined) values[name] = value ?? true;
  else throw new UsageError(`${command.name}: --${name} is given twice`);
}

function requireCount(command: Command, args: string[]): void {
  const wanted = command.takes?.split(" ") ?? [];
  const needed = wanted.filter((name) => !name.startsWith("["));
  const missing = needed[args.length];
  const call = `stoa ${[command.name, ...wanted].join(" ")}`;
  if (missing !== undefined) {
    throw new UsageError(`${command.name}: ${missing} is missing: ${call}`);
  }
  const extra = args[wanted.length];
  if (extra !== undefined && !command.takes?.endsWith("...]")) {
    throw new UsageError(`${command.name}: "${extra}" is too much: ${call}`);
  }
}

export function meant(typed: string, names: readonly string[], before = ""): string {
  const near = nearest(typed, names);
  return near === null ? "" : `; did you mean "${before}${near}"?`;
}

function lastWord(name: string): string {
  return name.slice(name.lastIndexOf(" ") + 1);
}
