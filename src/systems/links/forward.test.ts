import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { forwardTarget } from "./forward.ts";

describe("query", () => {
  test.each([
    ["https://e.com/", "?a=1", "https://e.com/?a=1"],
    ["https://e.com/?a=1&b=2", "?b=3", "https://e.com/?a=1&b=3"],
    ["https://e.com/?b=1&b=2", "b=3&b=4", "https://e.com/?b=3&b=4"],
    ["https://e.com/#part", "?a=1", "https://e.com/?a=1#part"],
    ["https://e.com/?a=1", "?", "https://e.com/?a=1"],
    ["https://e.com/?a=1", "", "https://e.com/?a=1"],
    [
      "https://e.com/",
      "?next=//evil.com&a=%0d%0ab",
      "https://e.com/?next=%2F%2Fevil.com&a=%0D%0Ab",
    ],
    ["myapp://open/1", "?a=1", "myapp://open/1"],
    ["https://e.com/", `?a=${"x".repeat(5000)}`, "https://e.com/"],
    ["https://e.com/", `?${"a=1&".repeat(101)}`, "https://e.com/"],
  ])("%s with %s", (target, query, result) => {
    expect(forwardTarget(target, { query })).toBe(result);
  });
});

describe("path", () => {
  test.each([
    ["https://e.com", "/docs/intro", "https://e.com/docs/intro"],
    ["https://e.com/base", "/docs/", "https://e.com/base/docs/"],
    ["https://e.com/base/?a=1#f", "x", "https://e.com/base/x?a=1#f"],
    ["https://e.com/base", "/a%20b/%C3%BC", "https://e.com/base/a%20b/%C3%BC"],
    ["https://e.com/base", "/100%25", "https://e.com/base/100%25"],
    ["https://e.com/base", "/a:b@c", "https://e.com/base/a%3Ab%40c"],
    ["https://e.com/base", "//evil.com/x", "https://e.com/base/evil.com/x"],
    ["https://e.com/base", "/", "https://e.com/base"],
    ["https://e.com/base", "/a?b#c", "https://e.com/base/a%3Fb%23c"],
  ])("%s with %s", (target, path, result) => {
    expect(forwardTarget(target, { path })).toBe(result);
  });

  test.each([
    "/../admin",
    "/a/../../admin",
    "/%2e%2e/admin",
    "/%2E./admin",
    "/%252e%252e/admin",
    "/%25252525252e/x",
    "/..%2fadmin",
    "/..%5cadmin",
    "/\\evil.com",
    "/a%5c..%5c..",
    "/%00",
    "/a%0d%0aSet-Cookie:x",
    "/%ff",
    "/%",
    "/.",
    `/${"a/".repeat(65)}`,
    `/${"a".repeat(3000)}`,
  ])("%s is not followed", (path) => {
    expect(forwardTarget("https://e.com/base", { path })).toBe("https://e.com/base");
  });

  test("both together", () => {
    expect(forwardTarget("https://e.com/a?x=1", { path: "/b", query: "?y=2" })).toBe(
      "https://e.com/a/b?x=1&y=2",
    );
  });
});

test("whatever is forwarded, origin and base path stay the target's", () => {
  const nasty = fc.constantFrom("/", "\\", "..", ".", "%2e", "%2f", "%5c", "@", ":", "?", "#", "%");
  const piece = fc.oneof(nasty, fc.string({ unit: "binary", maxLength: 5 }));
  const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""));
  fc.assert(
    fc.property(text, text, (path, query) => {
      const result = new URL(forwardTarget("https://e.com:8443/base/x?k=v", { path, query }));
      expect(result.origin).toBe("https://e.com:8443");
      expect(result.username + result.password).toBe("");
      expect(result.pathname).toStartWith("/base/x");
      expect(decodeURIComponent(result.pathname).split("/")).not.toContain("..");
    }),
    { numRuns: 300 },
  );
});
