import { expect, test } from "bun:test";
import { createTerminal, tableLines } from "./terminal.ts";

function sinks(isTTY: boolean) {
  const said = { out: "", err: "" };
  const sink = (to: "out" | "err") => ({
    write: (text: string) => (said[to] += text),
    ...{ isTTY, columns: 60 },
  });
  return { said, terminal: createTerminal(sink("out"), sink("err")) };
}

test("results go to stdout, words to stderr", () => {
  const { said, terminal } = sinks(false);
  terminal.print("result");
  terminal.say("word");
  terminal.json({ a: 1 });
  expect(said).toEqual({ out: 'result\n{\n  "a": 1\n}\n', err: "word\n" });
});

test("a terminal shows one line that is drawn over, no wider than it is", () => {
  const { said, terminal } = sinks(true);
  const progress = terminal.progress("copying");
  progress.at(0, "links.links");
  progress.at(1, "a table with a name that is much longer than the line");
  progress.end();
  expect(said.out).toBe("");
  const drawn = said.err.split("\r").map((line) => line.replace("\x1b[2K", ""));
  expect(drawn[1]).toBe(`copying [${"-".repeat(24)}]   0 %  links.links`);
  expect(drawn[2]).toStartWith(`copying [${"#".repeat(24)}] 100 %  a table`);
  expect(drawn[2]?.trimEnd().length).toBeLessThan(60);
  expect(said.err).toEndWith("\n");
});

test("without a terminal each quarter is a line", () => {
  const { said, terminal } = sinks(false);
  const progress = terminal.progress("copying");
  for (let step = 0; step <= 100; step++) progress.at(step / 100, "x");
  progress.end();
  expect(said.err).toBe("copying: 25 %\ncopying: 50 %\ncopying: 75 %\ncopying: 100 %\n");
});

test("columns stand under each other by their width on the screen", () => {
  expect(
    tableLines([
      ["a", "b"],
      ["längere", "c"],
      ["日本", "d"],
    ]),
  ).toEqual(["a        b", "längere  c", "日本     d"]);
});
