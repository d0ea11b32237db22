import type { Caller, Reply } from "./api.ts";
import { textOf } from "./body-text.ts";
import { StoaConnectionError, StoaError, type Problem } from "./errors.ts";
import type { CallOptions } from "./transport.ts";

/** Sends CSV and reads the lines of progress that the server writes while it works. */
export type ImportProgress = { rows: number; created: number; skipped: number };
export type ImportOptions = CallOptions & {
  /** Told from the heading where it is absent. */
  format?: "stoa" | "bitly" | "kutt" | "yourls" | "shlink";
  /** Says what would happen and changes nothing. */
  dryRun?: boolean;
  /** Host of the domain that the links go to. */
  domain?: string;
  onProgress?: (progress: ImportProgress) => void;
};
type Imported = Reply<"post_links_import">;

export async function importLinks(
  api: Caller,
  csv: string | Blob,
  { format, dryRun, domain, onProgress, ...options }: ImportOptions,
): Promise<Imported> {
  const response = await api.response({
    ...options,
    method: "POST",
    path: "/links/import",
    query: { format, dry_run: dryRun || undefined, domain },
    raw: { body: csv, type: "text/csv" },
    accept: "application/x-ndjson",
  });
  for await (const line of linesOf(response)) {
    const value = JSON.parse(line) as Imported | Problem | ImportProgress;
    if ("format" in value) return value;
    if ("code" in value) throw new StoaError(value);
    onProgress?.(value);
  }
  throw new StoaConnectionError("The import broke off; importing again skips what was done.");
}

async function* linesOf(response: Response): AsyncGenerator<string, void> {
  let buffer = "";
  for await (const text of textOf(response)) {
    const lines = (buffer + text).split("\n");
    buffer = lines.pop() ?? "";
    yield* lines.filter((line) => line !== "");
  }
  if (buffer !== "") yield buffer;
}
