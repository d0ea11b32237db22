import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSdk } from "../bin/sdk-build.ts";
import manifest from "./package.json" with { type: "json" };

/** Everything that the package says it exports is built, alone, and for its types as well. */
test("each path of the package leads to a module and its types", async () => {
  const folder = await mkdtemp(join(tmpdir(), "stoa-sdk-"));
  try {
    await buildSdk(join(folder, "dist"));
    const given: Record<string, string[]> = {};
    for (const [path, { types, default: file }] of Object.entries(manifest.exports)) {
      given[path] = Object.keys(await import(join(folder, file)));
      const source = await Bun.file(join(folder, types)).text();
      for (const [, target = ""] of source.matchAll(/ from "(\.[^"]+)\.js"/g)) {
        expect(await Bun.file(join(folder, types, "..", `${target}.ts`)).exists()).toBe(true);
      }
      expect(source).not.toMatch(/ from "[^.]/);
    }
    expect(given["."]).toContain("createStoa");
    for (const name of ["hono", "express", "fastify"]) {
      expect(given[`./${name}`]).toEqual(["limit"]);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
