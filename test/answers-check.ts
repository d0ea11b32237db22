import { unanswered } from "./answers.ts";

/** Run by bin/ci after the tests, with the file that they wrote. */
const missing = unanswered(await Bun.file(process.argv[2] ?? "").text());
for (const line of missing) process.stderr.write(`  ${line}\n`);
if (missing.length > 0) {
  process.stderr.write(`${missing.length} route(s) can answer what no test provokes.\n`);
  process.exit(1);
}
