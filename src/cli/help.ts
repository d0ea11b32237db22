import { findCommand } from "./arguments.ts";
import type { Command, Run } from "./command.ts";
import { tableLines } from "./terminal.ts";

/** What there is, on one screen, and what a command takes. */
export function helpOn(commands: readonly Command[]): Run {
  return async ({ args, print }) => {
    print(args.length === 0 ? overview(commands) : topic(commands, args));
    return 0;
  };
}

const screenWidth = 80;

const things: Record<string, string> = {
  user: "Accounts",
  key: "API keys",
  link: "Short links",
};

/** Commands on the same thing share a line. */
function overview(commands: readonly Command[]): string {
  const rows = new Map<string, [command: string, says: string]>();
  for (const { name, takes, says } of commands.filter(({ isInner }) => !isInner)) {
    const [thing, verb] = name.split(" ") as [string, string?];
    const before = rows.get(thing);
    if (verb === undefined) rows.set(thing, [takes ? `${thing} ${takes}` : thing, says]);
    else rows.set(thing, [thing, before ? `${before[1]}, ${verb}` : `${things[thing]}: ${verb}`]);
  }
  return [
    "stoa COMMAND [ARGUMENTS] [FLAGS]",
    "",
    ...tableLines([...rows.values()]).map((line) => short(`  ${line}`)),
    "",
    "stoa help COMMAND says what it takes. Results go to stdout, all else to stderr.",
    "Exit codes: 0 done, 1 failed, 2 called wrongly, 130 interrupted.",
    "Settings are environment variables: docs/configuration.md lists them.",
  ].join("\n");
}

/** A list of verbs that is too long for the screen goes on in the help of its thing. */
function short(line: string): string {
  if (line.length <= screenWidth) return line;
  return `${line.slice(0, line.lastIndexOf(",", screenWidth - " ...".length))}, ...`;
}

function topic(commands: readonly Command[], words: string[]): string {
  const [thing] = words;
  const group = commands.filter((command) => command.name.startsWith(`${thing} `));
  if (words.length > 1 || group.length === 0) return describe(findCommand(words, commands).command);
  return tableLines(group.map((command) => [usage(command), command.says])).join("\n");
}

export function describe(command: Command): string {
  const { says, flags = {}, examples = [] } = command;
  const rows = Object.entries(flags).map(([name, flag]) => [
    `  --${name}${flag.takes ? ` ${flag.takes}` : ""}`,
    flag.many ? `${flag.says} May be repeated.` : flag.says,
  ]);
  return [
    usage(command) + (rows.length > 0 ? " [FLAGS]" : ""),
    says,
    ...(rows.length > 0 ? ["", ...tableLines(rows)] : []),
    ...(examples.length > 0 ? ["", ...examples.map((example) => `  ${example}`)] : []),
  ].join("\n");
}

function usage({ name, takes }: Command): string {
  return `stoa ${name}${takes ? ` ${takes}` : ""}`;
}
