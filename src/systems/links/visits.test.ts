import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { classifyAgent, parseAcceptLanguage, parseReferrer, parseUtm } from "./visits.ts";
import { userAgentLengthMax, verdict, verdictOfAgent } from "./visits.ts";

type Row = [kind: string, reason: string, device: string, os: string, ...rest: string[]];

const rows = readFileSync(new URL("./visits.agents.tsv", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => line.split("\t") as Row);
const chrome = rows[0]!.at(-1)!;

describe("agents", () => {
  test.each(rows)("%s by %s: %s %s %s %s %s", (kind, reason, device, os, browser, app, text) => {
    const said = { kind, reason };
    expect<unknown>(verdictOfAgent(text)).toEqual(said);
    const named = app === "-" ? {} : { app };
    expect<unknown>(classifyAgent(text)).toEqual({ device, os, browser, ...named, verdict: said });
  });

  test.each(["", "   ", null, undefined])("no User-Agent (%p) is a program", (none) => {
    expect(verdictOfAgent(none)).toEqual({ kind: "bot", reason: "no_user_agent" });
    expect(classifyAgent(none).device).toBe("bot");
  });

  test("never throw, and nothing beyond the cut is looked at", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 700 }), (text) => {
        expect(classifyAgent(text)).toEqual(classifyAgent(text.slice(0, userAgentLengthMax)));
      }),
      { numRuns: 50 },
    );
    const padded = `${chrome} ${" ".repeat(userAgentLengthMax)} Twitterbot/1.0`;
    expect(verdictOfAgent(padded).kind).toBe("human");
  });

  test("hostile User-Agents cost no more than the cut allows", () => {
    const pieces = ["a", "a ", "(", "1.1.", ";a", "Android ", "Mozilla/5.0 (", "Chrome/", "\t("];
    const started = process.cpuUsage();
    for (const piece of pieces) classifyAgent(`Mozilla/5.0 (${piece.repeat(100_000)}`);
    // Of the processor, since the machine may have much else to do.
    expect(process.cpuUsage(started).user / 1_000).toBeLessThan(500);
  });
});

describe("verdict", () => {
  const request = { method: "GET", userAgent: chrome };
  test.each([
    [{}, "human", "browser"],
    [{ secPurpose: "prefetch" }, "prefetch", "sec_purpose"],
    [{ secPurpose: "prefetch;prerender" }, "prefetch", "sec_purpose"],
    [{ purpose: "prefetch" }, "prefetch", "purpose"],
    [{ xPurpose: "preview" }, "prefetch", "purpose"],
    [{ xMoz: "prefetch" }, "prefetch", "x_moz"],
    [{ secPurpose: "", purpose: null, xMoz: "x" }, "human", "browser"],
    [{ method: "HEAD" }, "bot", "head_request"],
    [{ method: "HEAD", userAgent: "WhatsApp/2.23.20.0 A" }, "unfurler", "whatsapp"],
    [{ secPurpose: "prefetch", userAgent: "curl/8.9.1" }, "bot", "program:curl"],
  ])("of %p is %s: %s", (headers, kind, reason) => {
    expect(verdict({ ...request, ...headers })).toEqual({ kind, reason } as never);
  });

  test("takes what a cache already knows of the agent", () => {
    const agent = classifyAgent("curl/8.9.1");
    expect(verdict(request, agent)).toEqual({ kind: "bot", reason: "program:curl" });
  });
});

test.each([
  ["https://www.Example.com/a?b=c", "example.com"],
  ["http://news.example.co.uk:8080/", "news.example.co.uk"],
  ["https://example.com./", "example.com"],
  ["https://bücher.example/", "xn--bcher-kva.example"],
  ["android-app://com.Slack/", "android-app://com.slack"],
  ["android-app://com.google.android.gm/x", "android-app://com.google.android.gm"],
  ["android-app://a b/", ""],
  ["javascript:alert(1)", ""],
  ["about:blank", ""],
  ["file:///etc/passwd", ""],
  ["not a url", ""],
  ["", ""],
  [null, ""],
  [`https://example.com/${"a".repeat(5000)}`, ""],
])("referrer %s comes from %p", (header, host) => {
  expect(parseReferrer(header)).toBe(host);
});

test("utm fields are trimmed, capped, free of control characters, and the first wins", () => {
  const none = { utm_source: "", utm_medium: "", utm_campaign: "", utm_term: "", utm_content: "" };
  expect(parseUtm("")).toEqual(none);
  expect(parseUtm("?a=1&source=x")).toEqual(none);
  expect(
    parseUtm("?utm_source=%20News%00letter%0d%0a&utm_medium=e-mail&utm_medium=b&utm_term=%ff"),
  ).toEqual({ ...none, utm_source: "Newsletter", utm_medium: "e-mail", utm_term: "\u{fffd}" });
  expect(parseUtm(`?utm_content=${"ä".repeat(500)}`).utm_content).toBe("ä".repeat(128));
  const faces = encodeURIComponent("😀".repeat(300));
  expect(parseUtm(`?utm_campaign=${faces}`).utm_campaign).toBe("😀".repeat(128));
  expect(parseUtm(`?utm_campaign=${"x".repeat(100_000)}`)).toEqual(none);
});

test.each([
  ["de-CH,de;q=0.9,en;q=0.8", ["de-ch", "de", "en"]],
  ["en;q=0.1, fr;q=0.9,it", ["it", "fr", "en"]],
  ["*", []],
  ["en;q=0,de", ["de"]],
  ["en;q=2,de;q=x,fr", ["fr"]],
  ["zh-Hant-TW", ["zh-hant-tw"]],
  ["<script>,en", ["en"]],
  ["", []],
  [null, []],
] as [string | null, string[]][])("Accept-Language %p prefers %p", (header, tags) => {
  expect(parseAcceptLanguage(header)).toEqual(tags);
});

test("a long Accept-Language is cut", () => {
  expect(parseAcceptLanguage("en,".repeat(10_000)).length).toBeLessThanOrEqual(20);
});
