import { afterAll, expect, test } from "bun:test";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What `.ci/run` says in the end, of an `npm test` with these words and of real fault tests. */
const folder = mkdtempSync(join(tmpdir(), "stoa-run-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const steps = `
== types    ok         1 s
== lint     FAILED     2 s
== tests    FAILED     3 s`;
const coloured = `
src/deep/one.test.ts:
\u001b[31merror\u001b[0m\u001b[2m:\u001b[0m of the first
\u001b[31m(fail)\u001b[0m group > first\u001b[2m [1.00ms]\u001b[0m

 7 pass
\u001b[31m 1 fail\u001b[0m`;
const faultTests = `
import { expect, test } from "bun:test";
test("holds", () => {});
test("breaks", () => { throw new Error("of the second"); });
test("fails without an error", () => { expect.unreachable(); });
test("differs", () => { expect(["found"]).toEqual([]); });
test("holds too", () => {});`;

test("the last lines name what failed, then count it", async () => {
  const path = join(folder, "path");
  for (const made of [".ci", "bin", "node_modules", "path", "test/faults"]) {
    mkdirSync(join(folder, made), { recursive: true });
  }
  cpSync(join(import.meta.dir, "../.ci/run"), join(folder, ".ci/run"));
  symlinkSync(process.execPath, join(folder, "bin/bun"));
  await Bun.write(join(folder, "test/faults/two.test.ts"), faultTests);
  await Bun.write(join(path, "npm"), `#!/bin/sh\ncat <<'END'${coloured}${steps}\nEND\nexit 1\n`);
  chmodSync(join(path, "npm"), 0o755);
  const run = Bun.spawn([join(folder, ".ci/run")], {
    env: { PATH: `${path}:${process.env["PATH"]}`, TMPDIR: folder },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
  });
  const said = await new Response(run.stdout).text();
  const lines = said
    .replaceAll(/ \[[\d.]+ms\]/g, "")
    .trimEnd()
    .split("\n");
  const end = lines.slice(lines.indexOf("src/deep/one.test.ts: group > first"));
  const where = expect.stringMatching(/^ +at .*two\.test\.ts:\d+/);
  expect(end).toEqual([
    "src/deep/one.test.ts: group > first",
    "  error: of the first",
    "== lint     FAILED     2 s",
    "test/faults/two.test.ts: breaks",
    "  error: of the second",
    where,
    "test/faults/two.test.ts: fails without an error",
    expect.stringMatching(/^ {2}\w+Error: /),
    where,
    "test/faults/two.test.ts: differs",
    "  error: expect(received).toEqual(expected)",
    ...["  - []", "  + [", '  +   "found",', "  + ]"],
    ...["  - Expected  - 1", "  + Received  + 3"],
    where,
    "10 passed, 5 failed",
  ]);
  expect(await run.exited).toBe(1);
});
