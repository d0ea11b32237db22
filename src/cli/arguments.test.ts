import { describe, expect, test } from "bun:test";
import { findCommand, readArguments } from "./arguments.ts";
import { commands } from "./commands.ts";
import { nearest } from "./nearest.ts";

/** What reading these arguments comes to: a command with its parts, or the complaint. */
function read(line: string): string {
  try {
    const { command, rest } = findCommand(line.split(" ").filter(Boolean), commands);
    const { args, flags } = readArguments(command, rest);
    return `${command.name}: ${args.join(" ")} ${JSON.stringify(flags)}`;
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
}

describe("arguments", () => {
  test.each([
    ["user create ada@example.com", "user create: ada@example.com {}"],
    ["user create --role admin a@b.c", 'user create: a@b.c {"role":"admin"}'],
    ["user create a@b.c --role=admin --json", 'user create: a@b.c {"role":"admin","json":true}'],
    ["link create https://x.y --tag a --tag b", 'link create: https://x.y {"tag":["a","b"]}'],
    ["link create -- --odd", "link create: --odd {}"],
    ["link export", "link export:  {}"],
    ["help link import", "help: link import {}"],
    ["backup -h", 'backup:  {"help":true}'],
  ])("%s", (line, wanted) => {
    expect(read(line)).toBe(wanted);
  });

  test.each([
    ["doctr", 'there is no command "doctr"; did you mean "doctor"?'],
    ["usr list", 'there is no command "usr"; did you mean "user"?'],
    ["key craete a@b.c", 'there is no command "key craete"; did you mean "key create"?'],
    ["key zap x", 'there is no command "key zap"; there are create, list, revoke'],
    ["user", "say what to do: stoa user create|list|password|disable|enable|delete|role|tier"],
    ["link --json", "say what to do: stoa link create|list|show|delete|import|export"],
    ["frobnicate", 'there is no command "frobnicate"'],
    ["user list --jsn", 'user list: there is no --jsn; did you mean "--json"?'],
    ["user list -j", "user list: there is no -j"],
    ["link create x --alais y", 'link create: there is no --alais; did you mean "--alias"?'],
    ["restore x --force=yes", "restore: --force takes no value"],
    ["key create a@b.c --name", "key create: --name needs a value: --name TEXT"],
    ["key create a@b.c --name --scope", "key create: --name needs a value: --name TEXT"],
    ["link create x --alias a --alias b", "link create: --alias is given twice"],
    ["user role a@b.c", "user role: admin|member is missing: stoa user role EMAIL admin|member"],
    ["backup", "backup: FILE is missing: stoa backup FILE"],
    ["backup a b", 'backup: "b" is too much: stoa backup FILE'],
  ])("%s is refused", (line, message) => {
    expect(read(line)).toBe(`UsageError: ${message}`);
  });
});

test("the nearest name counts letters put in, left out, changed and swapped", () => {
  const names = ["serve", "migrate", "restore", "version"];
  expect(nearest("srve", names)).toBe("serve");
  expect(nearest("sevre", names)).toBe("serve");
  expect(nearest("servve", names)).toBe("serve");
  expect(nearest("migrat", names)).toBe("migrate");
  expect(nearest("MIGRATE", names)).toBe("migrate");
  expect(nearest("ver", names)).toBe("version");
  expect(nearest("unlike", names)).toBeNull();
  expect(nearest("x", names)).toBeNull();
});
