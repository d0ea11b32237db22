import { describe, expect, test } from "bun:test";
import { madeDocuments } from "../bin/docs.ts";
import { settings } from "../src/platform/config/config.ts";
import { errorStatus } from "../src/platform/errors/errors.ts";
import { bannedCalls, outwardImports, sleepsInTests } from "./tidy/calls.ts";
import { deadEntries, deadExports, deadFiles } from "./tidy/dead.ts";
import { importCycles, importDirections, systemCycles } from "./tidy/imports.ts";
import * as project from "./tidy/project.ts";
import { fileNames, fileSizes, lineLengths } from "./tidy/sizes.ts";
import { readProject, root, type Violation } from "./tidy/source.ts";

/** The rules of the house that a program can check, over the whole tree. */
const sources = await readProject();

function hold(name: string, violations: () => Violation[]) {
  test(name, () => {
    const found = violations();
    if (found.length === 0) return;
    const list = found.map((v) => `  ${v.path}:${v.line} ${v.message}`).join("\n");
    expect.unreachable(`${found.length} place(s):\n${list}`);
  });
}

describe("imports", () => {
  hold("go in the allowed directions", () => importDirections(sources));
  hold("have no cycles", () => importCycles(sources));
  hold("between systems go one way", () => systemCycles(sources));
  hold("of ways out stand in platform/outbound", () => outwardImports(sources));
});

describe("code", () => {
  hold("keeps to the sizes of files", () => fileSizes(sources));
  hold("keeps to the length of lines", () => lineLengths(sources));
  hold("has files named by topic", () => fileNames(sources));
  hold("calls nothing that is banned", () => bannedCalls(sources));
  hold("waits for conditions in tests", () => sleepsInTests(sources));
  hold("names no path of one machine", () => project.machinePaths(sources));
});

describe("nothing is there that nobody uses:", () => {
  hold("files", () => deadFiles(sources));
  hold("exports", () => deadExports(sources));
  hold("error codes", () =>
    deadEntries(sources, {
      path: "src/platform/errors/errors.ts",
      entries: Object.keys(errorStatus),
      spelled: (code) => `"${code}"`,
    }),
  );
  hold("settings", () =>
    deadEntries(sources, {
      path: "src/platform/config/config.ts",
      entries: Object.keys(settings),
      spelled: (name) => name,
    }),
  );
});

describe("the project", () => {
  hold("pins its packages", () => project.packagesPinned(sources));
  hold("says why it has each package", () => project.packagesExplained(sources));
  hold("uses each package and declares each used", () => project.packagesUsed(sources));
  hold("lets only read install scripts run", () => project.installScripts(sources));
  hold("locks packages without addresses", () => project.lockWithoutHosts(sources));
  hold("has no dead links in documents", () => project.deadLinks(sources));
  hold("keeps its lint rules", () => project.lintRules(sources));

  test("documents settings and frames as they are", async () => {
    for (const { file, wanted } of await madeDocuments()) {
      const current = (await Bun.file(file).text()) === wanted;
      expect(current, `${file.pathname} is out of date: run bin/docs`).toBe(true);
    }
  });

  test("has scripts that a shell can read and run", () => {
    const scripts = sources.filter((s) => s.text.startsWith("#!"));
    expect(scripts.map((s) => s.path)).toContain("bin/ci");
    for (const { path, text } of scripts) {
      const shell = text.startsWith("#!/bin/sh") ? "sh" : "bash";
      const read = Bun.spawnSync([shell, "-n", path], { cwd: root });
      expect(`${path}: ${read.stderr.toString()}`).toBe(`${path}: `);
      expect(Bun.spawnSync(["test", "-x", path], { cwd: root }).exitCode, path).toBe(0);
    }
  });
});
