import { describe, expect, test } from "bun:test";
import { bannedCalls, outwardImports, sleepsInTests } from "./calls.ts";
import { deadEntries, deadExports, deadFiles } from "./dead.ts";
import { importCycles, importDirections, systemCycles } from "./imports.ts";
import * as project from "./project.ts";
import { fileNames, fileSizes, lineLengths } from "./sizes.ts";
import { sourceOf, type Source, type Violation } from "./source.ts";

/** Each rule of tidy.test.ts against what it must refuse and what it must let be. */
type Files = Record<string, string>;
type Case = [rule: (sources: Source[]) => Violation[], bad: Files, good: Files];

const decisions = "docs/decisions/0001-x.md";
const fileSizesAlone = (sources: Source[]) => fileSizes(sources, {});
const lines = (count: number) => "x\n".repeat(count);
const manifest = (part: object) => ({ "package.json": JSON.stringify(part) });
const lock = (entry: object) => JSON.stringify({ packages: { "node_modules/a": entry } });

const cases: Record<string, Case> = {
  "platform to systems": [
    importDirections,
    { "src/platform/db/db.ts": 'import { a } from "../../systems/links/contract.ts";' },
    { "src/platform/db/db.ts": 'import { a } from "../log/log.ts";' },
  ],
  "into a block": [
    importDirections,
    { "src/systems/links/a.ts": 'import { a } from "../../platform/http/positions.ts";' },
    { "src/systems/links/a.ts": 'import { a } from "../../platform/http/route.ts";' },
  ],
  "into another system": [
    importDirections,
    { "src/systems/links/a.ts": 'import type { A } from "../accounts/store.ts";' },
    { "src/systems/links/a.ts": 'import type { A } from "../accounts/contract.ts";' },
  ],
  "out of the SDK": [
    importDirections,
    { "sdk/client.ts": 'import { z } from "zod";' },
    { "sdk/client.ts": 'import { z } from "./errors.ts";' },
  ],
  "code to tests": [
    importDirections,
    { "src/main.ts": 'import { world } from "../test/world.ts";' },
    { "src/main.test.ts": 'import { world } from "../test/world.ts";' },
  ],
  "the console to the server": [
    importDirections,
    { "src/console/app.tsx": 'import { a } from "../platform/log/log.ts";' },
    { "src/console/app.tsx": 'import { a } from "../../sdk/client.ts";' },
  ],
  "a cycle of three": [
    importCycles,
    {
      "src/a.ts": 'import "./b.ts";',
      "src/b.ts": 'import "./c.ts";',
      "src/c.ts": 'import "./a.ts";',
    },
    { "src/a.ts": 'import "./b.ts"; import "./c.ts";', "src/b.ts": 'import "./c.ts";' },
  ],
  "a cycle of systems": [
    systemCycles,
    {
      "src/systems/a/x.ts": 'import type { B } from "../b/contract.ts";',
      "src/systems/b/y.ts": 'import { a } from "../a/contract.ts";',
    },
    { "src/systems/a/x.ts": 'import type { B } from "../b/contract.ts";' },
  ],
  "a file nobody reaches": [
    deadFiles,
    { "src/main.ts": "", "src/platform/log/log.ts": "" },
    { "src/main.ts": 'import "./platform/log/log.ts";', "src/platform/log/log.ts": "" },
  ],
  "a file that only tests reach": [
    deadFiles,
    { "src/platform/log/x.test.ts": 'import "./log.ts";', "src/platform/log/log.ts": "" },
    { "src/main.ts": 'import "./platform/log/log.ts";', "src/platform/log/log.ts": "" },
  ],
  "an export nobody uses": [
    deadExports,
    { "src/a.ts": "export const lonely = 1;" },
    { "src/a.ts": "export const used = 1;", "src/b.ts": 'import { used } from "./a.ts";' },
  ],
  "an entry nobody names": [
    (sources) => deadEntries(sources, { path: "src/a.ts", entries: ["x.y"], spelled: (e) => e }),
    { "src/a.ts": '"x.y": 404', "src/b.ts": "// x.y", "src/b.test.ts": '"x.y"' },
    { "src/a.ts": '"x.y": 404', "src/b.ts": 'throw new AppError("x.y", "");' },
  ],
  "a way out": [
    outwardImports,
    { "src/systems/links/a.ts": 'import { connect } from "node:net";' },
    { "src/systems/links/a.ts": 'import { isIP } from "node:net";' },
  ],
  "a socket that anybody opens": [
    outwardImports,
    { "src/systems/links/a.ts": 'import { createServer } from "node:http2";' },
    { "src/systems/limits/grpc-server.ts": 'import { createServer } from "node:http2";' },
  ],
  "a way out beside what listens": [
    outwardImports,
    { "src/systems/limits/grpc-server.ts": 'import { createServer, connect } from "node:http2";' },
    { "src/a.ts": 'import type { IncomingHttpHeaders } from "node:http2";' },
  ],
  "a long file": [fileSizesAlone, { "src/a.ts": lines(201) }, { "src/a.ts": lines(200) }],
  "a very long test": [fileSizesAlone, { "a.test.ts": lines(401) }, { "a.test.ts": lines(400) }],
  "a long file that was not generated": [
    fileSizesAlone,
    { "sdk/types.ts": `// Types.\n${lines(500)}` },
    { "sdk/types.ts": `// Made by bin/sdk-types.ts from the routes.\n${lines(500)}` },
  ],
  "a long line": [
    lineLengths,
    { "src/a.ts": "x".repeat(101) },
    { "src/a.ts": `// https://example.com/${"x".repeat(101)}` },
  ],
  "a vague name": [fileNames, { "src/url-utils.ts": "" }, { "src/url.ts": "" }],
  "a name in camel case": [fileNames, { "src/urlCheck.ts": "" }, { "src/url-check.ts": "" }],
  "a barrel": [fileNames, { "src/links/index.ts": "" }, { "src/links/links.ts": "" }],
  "a path of one machine": [
    project.machinePaths,
    { "docs/a.md": `see /${"home"}/ada/stoa` },
    { "docs/a.md": "see https://example.com/home/ada and src/work/a.ts" },
  ],
  "a version range": [
    project.packagesPinned,
    manifest({ dependencies: { a: "^1.0.0" } }),
    manifest({ dependencies: { a: "1.0.0-beta.2" } }),
  ],
  "an unexplained package": [
    project.packagesExplained,
    { ...manifest({ dependencies: { a: "1.0.0" } }), [decisions]: "`b`" },
    { ...manifest({ dependencies: { a: "1.0.0" } }), [decisions]: "`a`" },
  ],
  "an unused package": [
    project.packagesUsed,
    manifest({ dependencies: { a: "1.0.0" } }),
    { ...manifest({ dependencies: { a: "1.0.0" } }), "src/a.ts": 'import "a/deep";' },
  ],
  "an undeclared package": [
    project.packagesUsed,
    { ...manifest({}), "src/a.ts": 'import { b } from "@b/b";' },
    { ...manifest({}), "src/a.ts": 'import { b } from "node:fs";' },
  ],
  "a development package in use": [
    project.packagesUsed,
    { ...manifest({ devDependencies: { a: "1.0.0" } }), "src/a.ts": 'import "a";' },
    { ...manifest({ devDependencies: { a: "1.0.0" } }), "src/a.test.ts": 'import "a";' },
  ],
  "an unread install script": [
    project.installScripts,
    { ...manifest({}), "package-lock.json": lock({ hasInstallScript: true }) },
    { ...manifest({ allowScripts: {} }), "package-lock.json": lock({}) },
  ],
  "an install script that nobody decided on": [
    project.installScripts,
    { ...manifest({}), "package-lock.json": lock({ hasInstallScript: true }) },
    {
      ...manifest({ allowScripts: { a: false } }),
      "package-lock.json": lock({ hasInstallScript: true }),
    },
  ],
  "a needless permission": [
    project.installScripts,
    { ...manifest({ allowScripts: { a: true } }), "package-lock.json": lock({}) },
    {
      ...manifest({ allowScripts: { a: true } }),
      "package-lock.json": lock({ hasInstallScript: true }),
    },
  ],
  "a download address": [
    project.lockWithoutHosts,
    { "package-lock.json": '"resolved": "https://registry.example/a.tgz"' },
    { "package-lock.json": '"integrity": "sha512-x"' },
  ],
  "a dead link": [
    project.deadLinks,
    { "docs/a.md": "[x](gone.md)" },
    { "docs/a.md": "[x](../package.json) [y](https://example.com)" },
  ],
  "a rule switched off": [
    project.lintRules,
    { ".oxlintrc.json": '"typescript/no-explicit-any": "off"' },
    {
      ".oxlintrc.json":
        '"max-lines-per-function": ["error", { "max": 70 }]' +
        '"typescript/no-explicit-any": "error" "typescript/ban-ts-comment": "error"' +
        '"import/no-cycle": "error"',
    },
  ],
};

const banned: [bad: string, good: string][] = [
  ["const a = Date.now();", "const a = clock.now();"],
  ["const a = new Date();", "const a = new Date(ms); // new Date()"],
  ["const a = Math.random();", "const a = ids.next();"],
  ["const a = await fetch(url);", "const a = await outbound.fetch(url);"],
  ["run(fetch(url));", "type A = { fetch(url: string): void };"],
  ["run(a, fetch(url));", "serve({ a, fetch(request, server) { return answer; } });"],
  ["globalThis.fetch(url);", "return { async fetch(request) {} };"],
  ["await Bun.connect({});", 'const a = "Bun.connect";'],
  ['console.log("a");', 'log.info("console.log(a)");'],
  ['const a = process.env["A"];', "const a = config.port;"],
  ["process.exit(1);", "process.exitCode = 1;"],
  ["const a = new SQL(url);", "const a = openDb(options);"],
  ["const a = new RedisClient(url);", "const a = await openState(options);"],
  ["await Bun.password.hash(a);", "await passwords.hash(a);"],
  ["<p dangerouslySetInnerHTML={a} />", "<p>{a}</p>"],
  ["test.only('a', () => {});", "test('a', () => {});"],
  ["describe.skipIf(mac)('a', () => {});", "describe('any', () => {});"],
  ["const a: any = 1;", "const company: unknown = many;"],
  ["const a = b as any;", "const a = { any: 1 };"],
  ["export enum A { b }", "const enumerated = 1;"],
  [`// @ts-${"ignore"}`, "// type stripped"],
  [`// TO${"DO"}: later`, "// to do nothing is right here"],
];

const sleeps: [bad: string, good: string][] = [
  ["await Bun.sleep(100);", "while (!done()) await Bun.sleep(5);"],
  ["await new Promise((r) => setTimeout(r, 9));", "const timer = setTimeout(stop, 9);"],
  ["await Bun.sleep(10);", "await Bun.sleep(1);"],
  ["{ await Bun.sleep(20); }", "for (;;) {\n  if (done()) break;\n  await Bun.sleep(5);\n}"],
];

function read(files: Files): Source[] {
  return Object.entries(files).map(([path, text]) => sourceOf(path, text));
}

describe("each rule refuses what it is for, and nothing else", () => {
  for (const [name, [rule, bad, good]] of Object.entries(cases)) {
    test(name, () => {
      expect(rule(read(bad))).not.toEqual([]);
      expect(rule(read(good))).toEqual([]);
    });
  }

  for (const [bad, good] of banned) {
    test(bad, () => {
      expect(bannedCalls(read({ "src/a.tsx": bad }))).toHaveLength(1);
      expect(bannedCalls(read({ "src/a.tsx": good }))).toEqual([]);
    });
  }

  for (const [bad, good] of sleeps) {
    test(bad, () => {
      expect(sleepsInTests(read({ "test/a.test.ts": bad }))).toHaveLength(1);
      expect(sleepsInTests(read({ "test/a.test.ts": good }))).toEqual([]);
    });
  }

  test("room for a long file is given, kept to, and given back", () => {
    const sources = read({ "src/a.ts": lines(240) });
    expect(fileSizes(sources, { "src/a.ts": 250 })).toEqual([]);
    expect(fileSizes(sources, { "src/a.ts": 239 })).toHaveLength(1);
    expect(fileSizes(sources, { "src/a.ts": 300 })).toHaveLength(1);
    expect(fileSizes([], { "src/a.ts": 250 })).toHaveLength(1);
  });

  test("the place is told by file and line", () => {
    const source = { "src/a.ts": "// a\n\nconst a = 1;\nconst b = Date.now();\n" };
    expect(bannedCalls(read(source))).toEqual([
      {
        path: "src/a.ts",
        line: 4,
        message:
          "Date.now(: use instead take a Clock and ask clock.now(), so that tests can move time",
      },
    ]);
  });
});
