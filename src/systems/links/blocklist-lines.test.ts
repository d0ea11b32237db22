import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { entriesOf } from "./blocklist-lines.ts";

describe("lines", () => {
  test.each<[string, string[] | null]>([
    ["", []],
    ["# comment", []],
    ["! comment", []],
    ["[Adblock Plus 2.0]", []],
    ["Bad.Example", ["bad.example"]],
    ["  bad.example.  ", ["bad.example"]],
    ["*.bad.example", ["bad.example"]],
    [".bad.example", ["bad.example"]],
    ["||bad.example^", ["bad.example"]],
    ["bad.example # why", ["bad.example"]],
    ["münchen.de", ["xn--mnchen-3ya.de"]],
    ["1.2.3.4", ["1.2.3.4"]],
    ["[2606:4700::1]", ["[2606:4700::1]"]],
    ["0.0.0.0 bad.example", ["bad.example"]],
    ["127.0.0.1\tone.example two.example # x", ["one.example", "two.example"]],
    [":: bad.example", ["bad.example"]],
    ["http://Bad.Example:80/a#b", ["http://bad.example/a"]],
    ["https://bad.example/a b", ["https://bad.example/a"]],
    [
      '"1","2026-01-01 00:00:00","http://bad.example/x.exe","online","t","u","v","w"',
      ["http://bad.example/x.exe"],
    ],
    ["<html>", null],
    ["some words here", null],
    ["bad.example/path", null],
    ["user@bad.example", null],
    ["||bad.example^$third-party", null],
    ["http://", null],
    ['"1","2026","not a url"', null],
  ])("%p gives %p", (line, entries) => {
    expect(entriesOf(line)).toEqual(entries);
  });

  test("no line throws", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (line) => void entriesOf(line)));
  });
});
