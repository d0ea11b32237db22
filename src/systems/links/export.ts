import type { Reader } from "../../platform/db/db.ts";
import { csvCell, stoaColumns } from "./csv-cells.ts";
import { shortUrl, type Naming } from "./link.ts";
import { exportPage, type ExportedRow } from "./transfer-store.ts";

/**
 * An owner's links as CSV, page by page as fast as the client takes them: a page is read only
 * when the one before is on its way, so memory holds one page however many links there are.
 */
const pageRows = 1_000;

export type ExportOptions = { reader: Reader; ownerId: string; naming: Naming };

export async function exportLinks(options: ExportOptions): Promise<ReadableStream<Uint8Array>> {
  const encoder = new TextEncoder();
  let after = "0";
  const next = async () => {
    const rows = await exportPage(options.reader, {
      ownerId: options.ownerId,
      after,
      limit: pageRows,
    });
    after = rows.at(-1)?.id ?? after;
    return rows;
  };
  // Read before the answer begins, so that an outage is a 503 and not half a file.
  let rows: ExportedRow[] | null = await next();
  let head = `${[...ownColumns, ...Object.keys(stoaColumns), ...lastColumns].join(",")}\r\n`;
  return new ReadableStream(
    {
      async pull(controller) {
        // An error here breaks the connection off: a cut file must not look whole.
        const page: ExportedRow[] = rows ?? (await next());
        rows = null;
        const lines = head + page.map((row) => lineOf(row, options.naming)).join("");
        head = "";
        if (lines !== "") controller.enqueue(encoder.encode(lines));
        if (page.length < pageRows) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}

const ownColumns = ["code", "domain", "short_url"];
const lastColumns = ["clicks", "created_at"];

function lineOf(row: ExportedRow, naming: Naming): string {
  const domain = row.host === "" ? new URL(naming.publicUrl).host : row.host;
  const cells = [
    row.code,
    domain,
    shortUrl(naming, row.host, row.code),
    ...Object.values(stoaColumns).map((column) => column.write(row)),
    row.clicks ?? "0",
    row.created_at.toISOString(),
  ];
  return `${cells.map(csvCell).join(",")}\r\n`;
}
