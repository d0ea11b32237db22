import { describe, expect, test } from "bun:test";
import { lineAt, readProject } from "../tidy/source.ts";

/**
 * No regular expression of the product may take long over a text that somebody made for it. All
 * are tried, because which of them ever meets a stranger's text is not for a test to know.
 */
const budgetMs = 50;
const lengths = [24, 28, 64, 512, 2_000, 10_000];

/** Texts that cannot be longer where they are matched, and what sees to it. */
const bounded: Record<string, { lengthMax: number; because: string }> = {
  "src/platform/auth/password-policy.ts /[\\d!]*$/": {
    lengthMax: 2_000,
    because: "passwordSchema takes 1,000 characters",
  },
  'src/console/admin/metrics-text.ts /(\\w+)="((?:[^"\\\\]|\\\\.)*)"/g': {
    lengthMax: 512,
    because: "Stoa's own metrics, read in the administrator's browser",
  },
  "sdk/transport.ts /\\/+$/": {
    lengthMax: 2_000,
    because: "the address that the program itself gives the client",
  },
};

const sources = (await readProject()).filter((s) => /^(src|sdk)\//.test(s.path));
const literals = sources
  .filter((s) => !/\.(test|fixture)\.tsx?$/.test(s.path))
  .flatMap((source) =>
    source.regexes.map(([start, end]) => {
      const flags = /^[a-z]*/.exec(source.text.slice(end))?.[0] ?? "";
      const regex = new RegExp(source.text.slice(start + 1, end - 1), flags);
      const { path } = source;
      return { path, at: `${path}:${lineAt(source.text, start)}`, regex };
    }),
  );

/** What a backtracking matcher likes least: one thing again and again, then almost the end. */
function evilTexts(regex: RegExp, length: number): string[] {
  const own = [...new Set(regex.source.replace(/\\./gu, " "))].slice(0, 40);
  const units = [
    "a",
    "A",
    "0",
    " ",
    "\t",
    "\n",
    "-",
    ".",
    "/",
    "%41",
    "é",
    "\u0301",
    "a-",
    "a.",
    "a ",
  ];
  const words = (regex.source.match(/[A-Za-z]{2,}/g) ?? []).slice(0, 8);
  const out: string[] = [];
  for (const unit of new Set([...units, ...own, ...words])) {
    const run = unit.repeat(Math.ceil(length / unit.length)).slice(0, length);
    out.push(run, `${run}!`, `${run}\0`, `x${run}\n`, ...words.map((word) => `${word}${run}!`));
  }
  for (const a of own.slice(0, 12)) {
    for (const b of own.slice(0, 12)) out.push(`${(a + b).repeat(length / 2)}\u2028`);
  }
  return out;
}

function msOf(regex: RegExp, text: string): number {
  const started = performance.now();
  regex.lastIndex = 0;
  regex.test(text);
  return performance.now() - started;
}

/** The first text that takes too long; measured again, because the machine has other work too. */
function slowOn(regex: RegExp, lengthMax = Infinity): string | null {
  for (const length of lengths.filter((l) => l <= lengthMax)) {
    for (const text of evilTexts(regex, length)) {
      let ms = msOf(regex, text);
      for (let again = 0; again < 3 && ms >= budgetMs && ms < 500; again++) {
        ms = Math.min(ms, msOf(regex, text));
      }
      if (ms >= budgetMs) return `${length} of ${JSON.stringify(text.slice(0, 20))}: ${ms} ms`;
    }
  }
  return null;
}

describe("regular expressions", () => {
  test("the search finds what backtracks", () => {
    expect(slowOn(/^(a+)+$/)).not.toBeNull();
    expect(slowOn(/-+$/)).not.toBeNull();
    expect(slowOn(/^a+$/)).toBeNull();
  });

  test("all of the product are found", () => {
    expect(literals.length).toBeGreaterThan(100);
    expect(literals.map((l) => l.path)).toContain("src/systems/links/safety.ts");
    const known = literals.map(({ path, regex }) => `${path} ${regex}`);
    expect(Object.keys(bounded).filter((name) => !known.includes(name))).toEqual([]);
  });

  test("none takes long", () => {
    const slow = literals.flatMap(({ path, at, regex }) => {
      const found = slowOn(regex, bounded[`${path} ${regex}`]?.lengthMax);
      return found === null ? [] : [`${at} ${regex}: ${found}`];
    });
    expect(slow).toEqual([]);
  }, 30_000);
});
