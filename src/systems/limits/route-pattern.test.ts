import { expect, test } from "bun:test";
import { listOf } from "./lists.ts";
import { reaches } from "./route-pattern.ts";
import { composerOf, subjectOf } from "./subject.ts";

test.each([
  ["/api/v1/links", "/api/v1/links", true],
  ["/api/v1/links", "/api/v1/links/{id}", false],
  ["/api/v1/links/*", "/api/v1/links", false],
  ["/api/v1/links/*", "/api/v1/links/{id}", true],
  ["/api/v1/links/*", "/api/v1/links/{id}/stats", true],
  ["/api/v1/links/*", "/api/v1/linksmore", false],
  ["/api/v1/links/{any}", "/api/v1/links/{id}", true],
  ["/api/v1/links/{any}", "/api/v1/links/export", false],
  ["/api/v1/links/{any}/stats", "/api/v1/links/{id}/stats", true],
  ["/{code}", "/{code}", true],
  ["/{code}", "/api", false],
  ["/*", "/{code}", true],
  ["/*", "/api/v1/links/{id}", true],
])("%s reaches %s: %p", (pattern, path, expected) => {
  expect(reaches(pattern, path)).toBe(expected);
});

test.each([
  [["192.0.2.7"], { ip: "192.0.2.7" }, true],
  [["192.0.2.0/24"], { ip: "192.0.2.7" }, true],
  [["192.0.2.0/24"], { ip: "::ffff:192.0.2.7" }, true],
  [["192.0.2.0/24"], { ip: "192.0.3.7" }, false],
  [["2001:db8::/32"], { ip: "2001:db8:1::7" }, true],
  [["2001:db8::7"], { ip: "2001:db8::7" }, true],
  [["2001:db8::7"], { ip: "2001:db8::8" }, false],
  [["user:42"], { user: "42" }, true],
  [["42"], { user: "42" }, false],
  [["user:42"], { user: "4" }, false],
  [["api_key:9"], { api_key: "9", user: "1" }, true],
  [["user:42 ip:192.0.2.7"], { user: "42", ip: "192.0.2.7" }, true],
  [["0.0.0.0/0"], { user: "42" }, false],
])("a list of %j has %j: %p", (entries, parts, expected) => {
  const subject = subjectOf(parts);
  const key = composerOf(Object.keys(parts), [])(subject);
  expect(listOf(entries)!(key, subject)).toBe(expected);
});

test("keys of different callers are different, whatever they call themselves", () => {
  const keyOf = composerOf(["user", "ip"], ["ip"]);
  const seen = new Set<string | null>();
  const values = ["a", "a b", "a ip:b", "a%20b", "b", "ip:b", ""];
  for (const user of values) for (const ip of values) seen.add(keyOf(subjectOf({ user, ip })));
  expect(seen.size).toBe(values.length ** 2);
  expect(keyOf(subjectOf({ ip: "a" }))).toBe("ip:a");
  expect(keyOf(subjectOf({ user: "a" }))).toBeNull();
  expect(composerOf(["global"], [])(subjectOf({}))).toBe("global");
});
