import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Call, CommandError } from "./call.ts";
import { problemOf, withLinks } from "./links-api.ts";

/** `stoa link import` and `stoa link export`: links from and to CSV files. */
const path = "/api/v1/links";
const errorsShownMax = 50;

type Step = { rows: number; created: number; skipped: number };
type RowError = { row: number; field: string; message: string };
type Imported = Step & { format: string; errors: RowError[] };
type Line = Step | Imported | Parameters<typeof problemOf>[0];

export async function importLinks(call: Call): Promise<number> {
  const [file = ""] = call.args;
  const bytes = await Bun.file(file)
    .bytes()
    .catch((cause: unknown) => {
      throw new CommandError(`cannot read ${file}: ${(cause as Error).message}`, { cause });
    });
  const query = new URLSearchParams({ dry_run: String(call.is("dry-run")) });
  for (const flag of ["format", "domain"]) {
    const value = call.text(flag);
    if (value !== undefined) query.set(flag, value);
  }
  const done = await withLinks(call, "write", async (api) => {
    const headers = { "content-type": "text/csv", accept: "application/x-ndjson" };
    const options = { body: bytes as Uint8Array<ArrayBuffer>, headers };
    const reply = await api.request("POST", `${path}/import?${query}`, options);
    return await follow(call, reply, countLines(bytes));
  });
  report(call, done);
  call.signal.throwIfAborted();
  return done.errors.length === 0 ? 0 : 1;
}

/** A line after every batch; the last one is the outcome, or the problem that ended it. */
async function follow(call: Call, reply: Response, lines: number): Promise<Imported> {
  const progress = call.progress("importing");
  const decoder = new TextDecoder();
  let rest = "";
  let last: Line | undefined;
  for await (const chunk of reply.body as ReadableStream<Uint8Array>) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      last = JSON.parse(part) as Line;
      if ("rows" in last) progress.at(Math.min(1, last.rows / lines), `${last.rows} rows`);
    }
  }
  progress.end();
  if (last && "errors" in last && "rows" in last) return last;
  throw problemOf((last ?? { detail: "the import ended early" }) as { detail: string });
}

function report(call: Call, done: Imported): void {
  if (call.is("json")) return call.json(done);
  const { format, rows, created, skipped, errors } = done;
  for (const { row, field, message } of errors.slice(0, errorsShownMax)) {
    call.say(`row ${row}: ${field}: ${message}`);
  }
  if (errors.length > errorsShownMax) call.say(`... and ${errors.length - errorsShownMax} more`);
  const would = call.is("dry-run") ? "would be made" : "made";
  const counts = `${rows} rows: ${created} ${would}, ${skipped} there already`;
  call.print(`${format}, ${counts}, ${errors.length} notes.`);
  if (call.signal.aborted) call.say("Interrupted between two batches; import again to go on.");
}

function countLines(bytes: Uint8Array): number {
  let lines = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) lines++;
  return Math.max(1, lines);
}

export async function exportLinks(call: Call): Promise<number> {
  const [file] = call.args;
  await withLinks(call, "read", async (api) => {
    const { body } = await api.request("GET", `${path}/export`);
    const source = Readable.from(body as ReadableStream<Uint8Array>);
    if (file === undefined) return await pipeline(source, process.stdout, { end: false });
    // Beside and then renamed: a file of that name is always a whole export.
    const partial = `${file}.partial`;
    try {
      await pipeline(source, createWriteStream(partial, { mode: 0o600 }));
      await rename(partial, file);
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
    call.say(`Wrote ${file}.`);
  });
  return 0;
}
