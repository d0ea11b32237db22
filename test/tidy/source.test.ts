import { describe, expect, test } from "bun:test";
import { blank, sourceOf } from "./source.ts";

const blanked: [name: string, text: string, code: string][] = [
  ["a line comment", "a // b\nc", "a     \nc"],
  ["a block comment", "a /* b\n */ c", "a     \n    c"],
  ["a string", `f("a // b", 'it\\'s')`, `f(        ,        )`],
  ["a regular expression", "x = /[/'\"]+/.test(y)", "x =         .test(y)"],
  ["a division", "a / b / c", "a / b / c"],
  ["a division after a call", "f() / 2 + g() / 3", "f() / 2 + g() / 3"],
  ["a template", "x`a ${b} c`;", "x     b    ;"],
  ["a template in a template", "`${f(`${a}`)}`+b", "   f(   a  )  +b"],
  ["a template with braces", "`${{ a: { b } }}`;c", "   { a: { b } }  ;c"],
  ["two expressions in a template", "`${a}-${b}`;c", "   a    b  ;c"],
  ["an apostrophe in a page's text", "<p>it's {x}</p>", "<p>it's {x}</p>"],
  ["a closing tag", "<b>{x}</b> / y", "<b>{x}</b> / y"],
];

describe("blanking what is no code", () => {
  for (const [name, text, code] of blanked) {
    test(name, () => expect(blank(text).code).toBe(code));
  }

  test("comments alone", () => {
    expect(blank('a("b") // c').uncommented).toBe('a("b")     ');
  });
});

test("imports are found in every form, and not in strings", () => {
  const text = `
    import { a } from "./a.ts";
    import type { B } from "../b/b.ts";
    import "./c.css";
    export { d } from "./d.ts";
    const e = await import("./e.ts");
    import {
      f,
    } from "package";
    const g = 'import { g } from "./g.ts"';
    // import { h } from "./h.ts";
  `;
  const found = sourceOf("src/x/y.ts", text).imports;
  expect(found.map((i) => [i.target ?? i.specifier, i.typeOnly, i.line])).toEqual([
    ["src/x/a.ts", false, 2],
    ["src/b/b.ts", true, 3],
    ["src/x/c.css", false, 4],
    ["src/x/d.ts", false, 5],
    ["src/x/e.ts", false, 6],
    ["package", false, 7],
  ]);
});
