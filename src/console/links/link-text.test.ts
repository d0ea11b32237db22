import { expect, test } from "bun:test";
import type { Link } from "../../../sdk/types.ts";
import { bucketsBetween, scaleOf } from "../charts/scale.ts";
import { countRows } from "./csv-rows.ts";
import { changesOf, draftOf, fromLocal, toLocal } from "./draft.ts";
import { linesOf, splitTags, withScheme } from "./link-text.ts";
import { rangeOf } from "./range.ts";

test("a scheme is added only where there is none", () => {
  expect(
    ["example.com/a", "localhost:3000/x", "http://a.b", "mailto:a@b.c"].map(withScheme),
  ).toEqual(["https://example.com/a", "https://localhost:3000/x", "http://a.b", "mailto:a@b.c"]);
  expect(splitTags(" a, b,,a ")).toEqual(["a", "b"]);
});

test("lines keep the numbers that the person sees, and commas inside URLs", () => {
  expect(linesOf("https://a.b/1,2\n\nc.d, my-alias, x; y")).toEqual([
    { line: 1, link: { url: "https://a.b/1,2" } },
    { line: 3, link: { url: "https://c.d", alias: "my-alias", tags: ["x", "y"] } },
  ]);
});

test("rows of CSV end outside quotes only", () => {
  expect(countRows('a,b\n1,"two\nlines"\r\n3,""""\n\n')).toBe(2);
  expect(countRows("only,heading")).toBe(0);
});

test("only what was changed is sent", () => {
  const link = {
    ...{ url: "https://a.b", title: null, description: "d", image: null, tags: ["x"] },
    ...{ starts_at: null, expires_at: "2030-01-02T03:04:05.678Z", max_clicks: null },
    ...{ expired_url: null, redirect: 302, forward_query: false, forward_path: false },
    ...{ robots: "noindex", rules: [], split: null, has_password: true },
  } as unknown as Link;
  const draft = draftOf(link);
  // The form knows no seconds; leaving a field alone must not round what is stored.
  expect(changesOf(draft, link)).toEqual({});
  const edited = {
    ...draft,
    description: " ",
    tags: "x, y",
    max_clicks: "5",
    remove_password: true,
  };
  expect(changesOf(edited, link)).toEqual({
    description: null,
    tags: ["x", "y"],
    max_clicks: 5,
    password: null,
  });
  expect(fromLocal(toLocal("2030-06-01T10:20:00.000Z"))).toBe("2030-06-01T10:20:00.000Z");
  expect(fromLocal("")).toBeNull();
});

test("axes end in round numbers above the highest value", () => {
  for (const highest of [1, 3, 7, 21, 99, 100, 1_234, 98_765]) {
    const { max, ticks } = scaleOf(highest);
    expect(max).toBeGreaterThanOrEqual(highest);
    expect(ticks.length).toBeWithin(2, 8);
    expect(ticks.every(Number.isInteger)).toBe(true);
  }
});

test("quiet hours, days, weeks and months have a bucket too, cut as the server cuts them", () => {
  const between = (interval: "hour" | "day" | "week" | "month") =>
    bucketsBetween("2026-02-27T22:30:00Z", "2026-03-02T00:00:00Z", interval);
  expect(between("hour")).toHaveLength(50);
  expect(between("day").map((key) => key.slice(5, 10))).toEqual(["02-27", "02-28", "03-01"]);
  // Weeks begin on Monday.
  expect(between("week").map((key) => key.slice(5, 10))).toEqual(["02-23"]);
  expect(between("month").map((key) => key.slice(0, 7))).toEqual(["2026-02", "2026-03"]);
});

test("a span in the address is believed only when it makes sense", () => {
  const now = Date.parse("2026-05-05T10:20:00Z");
  const range = (search: string) => rangeOf(new URLSearchParams(search), now);
  expect(range("")).toEqual({
    name: "7d",
    from: "2026-04-29T00:00:00.000Z",
    to: "2026-05-05T11:00:00.000Z",
    interval: "day",
    traffic: "human",
  });
  expect(range("range=24h").from).toBe("2026-05-04T11:00:00.000Z");
  expect(range("range=nonsense&traffic=x")).toMatchObject({ name: "7d", traffic: "human" });
  expect(range("range=custom&from=2026-05-03&to=2026-05-01")).toMatchObject({ name: "7d" });
  expect(range("range=custom&from=2026-05-01&to=2026-05-02")).toMatchObject({
    name: "custom",
    from: "2026-05-01T00:00:00.000Z",
    to: "2026-05-03T00:00:00.000Z",
    interval: "hour",
  });
});
