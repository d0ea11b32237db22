import { describe, expect, test } from "bun:test";
import type { Body } from "../shapes.ts";
import { compileFilters, filterBody, type Filter } from "./filters.ts";
import { fold, foldWithPlaces } from "./fold.ts";

const filter = (text: string, more: Partial<Filter> = {}): Filter => ({
  ...{ id: text, text, action: "mask", anywhere: false },
  ...more,
});

function clean(text: string, ...filters: Filter[]): string | null {
  return filterBody([compileFilters(1, filters)], { text })?.text ?? null;
}

describe("words", () => {
  const cases: [string, Filter, string | null][] = [
    ["what a darn day", filter("darn"), "what a **** day"],
    ["DARN, Därn; ｄａｒｎ!", filter("darn"), "****, ****; ****!"],
    ["da\u200brn it", filter("darn"), "***** it"],
    ["dar\u0301n", filter("darn"), "*****"],
    ["darning socks", filter("darn"), "darning socks"],
    ["darning socks", filter("darn", { anywhere: true }), "****ing socks"],
    ["go to hell now", filter("to hell"), "go ******* now"],
    ["go to  HELL!", filter("to hell"), "go ********!"],
    ["to heaven, to hell", filter("to hell"), "to heaven, *******"],
    ["今天天气很坏", filter("天气", { anywhere: true }), "今天**很坏"],
    ["😀 darn 😀", filter("darn"), "😀 **** 😀"],
    ["a 😀 b", filter("😀"), "a ** b"],
    ["ﬁne", filter("fi", { anywhere: true }), "*ne"],
    ["nothing here", filter("darn"), "nothing here"],
    ["", filter("darn"), ""],
    ["say darn", filter("darn", { action: "refuse" }), null],
  ];
  test.each(cases)("%p", (text, one, expected) => {
    expect(clean(text, one)).toBe(expected);
  });

  test("are found by all filters at once, those that overlap too", () => {
    expect(clean("darn to hell", filter("darn"), filter("darn to"), filter("hell"))).toBe(
      "**** ** ****".replaceAll(" ", " ").replace("**** **", "*******"),
    );
  });
});

test("all that is read is looked at, and a body without any is the very same", () => {
  const sets = [compileFilters(1, [filter("darn")])];
  const body: Body = {
    text: "fine",
    poll: { question: "darn?", options: ["yes", "darn no"], several: false },
    attachments: [
      { upload_id: "1", kind: "file", name: "darn.pdf" },
      { upload_id: "2", kind: "file" },
    ],
  };
  expect(filterBody(sets, body)).toEqual({
    text: "fine",
    poll: { question: "****?", options: ["yes", "**** no"], several: false },
    attachments: [
      { upload_id: "1", kind: "file", name: "****.pdf" },
      { upload_id: "2", kind: "file" },
    ],
  });
  const good: Body = { text: "fine" };
  expect(filterBody(sets, good)).toBe(good);
});

test("a folded text knows where each of its characters came from", () => {
  const { text, from, until } = foldWithPlaces("Éﬁ\u200b😀");
  expect(text).toBe("efi😀");
  const units = [...Array(text.length).keys()];
  expect(units.map(from)).toEqual([0, 1, 1, 3, 3]);
  expect(units.map(until)).toEqual([1, 2, 2, 5, 5]);
  expect(fold("Éﬁ\u200b😀")).toBe(text);
  const plain = foldWithPlaces("No");
  expect([plain.text, plain.from(1), plain.until(1)]).toEqual(["no", 1, 2]);
});

test("text is folded the same with places and without", () => {
  for (const given of ["ΟΔΟΣ οδός", "Plain ASCII", "İstanbul", "한국어", "ﬃ ①", "a\u0301\u0323b"]) {
    expect(foldWithPlaces(given).text).toBe(fold(given));
  }
  expect(fold("ΟΔΟΣ")).toBe(fold("οδός"));
});

test("many filters and a long text take little time", () => {
  const filters = Array.from({ length: 500 }, (_, n) => filter(`word${n}`, { anywhere: n < 100 }));
  const set = compileFilters(1, filters);
  const text = "lorem ipsum dolor sit amet ".repeat(300).slice(0, 8_000);
  filterBody([set], { text });
  const began = performance.now();
  for (let n = 0; n < 20; n++) expect(filterBody([set], { text })?.text).toBe(text);
  // About 2 ms each; far above where a search that backtracks would be.
  expect((performance.now() - began) / 20).toBeLessThan(50);
});
