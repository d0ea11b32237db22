import { z } from "zod";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Db, Writer } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import { readBody } from "../../platform/http/body.ts";
import { problemOf } from "../../platform/http/problem.ts";
import { type Context, route, type Route } from "../../platform/http/route.ts";
import { csvFormats } from "./csv-formats.ts";
import { exportLinks } from "./export.ts";
import { type Import, openImport } from "./import.ts";
import type { Naming } from "./link.ts";
import { qrRoute } from "./qr-http.ts";
import type { Shorten } from "./shorten.ts";
import { importReply } from "./wire.ts";

/** Links on their way in, out and onto paper. */
export type TransferDeps = {
  db: Db;
  clock: Clock;
  shorten: Shorten;
  naming: Naming;
  uploadMsMax: number;
};

const tag = "links";
export const importBytesMax = 10 * 1024 * 1024;
/** More answer 503. A file takes a place once it is here, so that a slow one keeps nobody out. */
export const importsAtOnceMax = 4;
/** Each may hold a file in memory; more of one owner's answer 503. */
export const uploadsPerOwnerMax = 8;
const importQuery = z.object({
  format: z.enum(["auto", ...csvFormats]).default("auto"),
  dry_run: z.stringbool().default(false),
  domain: z.string().min(1).max(253).optional(),
});

export function transferRoutes(deps: TransferDeps): Route[] {
  return [importRoute(deps), exportRoute(deps), qrRoute(deps)];
}

function importRoute({ db, shorten, naming, uploadMsMax }: TransferDeps): Route {
  let running = 0;
  const uploads = new Map<string, number>();

  async function upload({ request, principal }: Pick<Context, "request" | "principal">) {
    const owner = principal.account_id;
    const before = uploads.get(owner) ?? 0;
    if (before >= uploadsPerOwnerMax) throw busy(`${before} files of yours are being received`);
    uploads.set(owner, before + 1);
    try {
      return await readBody(request, importBytesMax, AbortSignal.timeout(uploadMsMax));
    } finally {
      const left = (uploads.get(owner) ?? 1) - 1;
      if (left > 0) uploads.set(owner, left);
      else uploads.delete(owner);
    }
  }

  return route({
    method: "POST",
    path: "/api/v1/links/import",
    summary: "Make links of the CSV that Stoa, Bitly, Kutt, YOURLS or Shlink exported",
    tag,
    access: "member",
    scope: "links:create",
    query: importQuery,
    rawBody: "text/csv",
    bodyBytesMax: importBytesMax,
    stream: true,
    replies: { 200: importReply },
    errors: [
      ...(["links.import_invalid", "request.too_large", "request.timeout"] as const),
      "request.unsupported_media_type",
    ],
    async handler(context) {
      requireCsv(context.request);
      const bytes = await upload(context);
      if (running >= importsAtOnceMax) throw busy(`${importsAtOnceMax} imports are running`);
      running++;
      const done = () => void running--;
      try {
        const { format, domain, dry_run: dryRun } = context.query;
        const { principal: owner, signal } = context;
        const asked = { owner, signal, format, domain, dryRun, write: writerOf(context) };
        const opened = await openImport({ db, shorten, naming, ...asked }, bytes);
        if (wantsProgress(context.request)) return progressOf(opened, context.requestId, done);
        const body = await lastOf(opened);
        done();
        return { status: 200, body };
      } catch (error) {
        done();
        throw error;
      }
    },
  });
}

function busy(why: string): AppError {
  return new AppError("server.busy", `${why}; try again in a moment.`, { retryAfterSeconds: 5 });
}

/** Through the request's own transactions, so that its next read sees what it wrote. */
function writerOf(context: Pick<Context, "write">) {
  return async <T>(work: (tx: Writer) => Promise<T>): Promise<T> => {
    let result: { value: T } | undefined;
    await context.write(async (tx) => {
      result = { value: await work(tx) };
      return { status: 200 };
    });
    return (result as { value: T }).value;
  };
}

async function lastOf(opened: Import) {
  const run = opened.run();
  for (;;) {
    const step = await run.next();
    if (step.done) return step.value;
  }
}

/** A line of progress after every batch, then the reply, or the problem that ended it. */
function progressOf(opened: Import, requestId: string, done: () => void): Response {
  const run = opened.run();
  const encoder = new TextEncoder();
  const line = (value: unknown) => encoder.encode(`${JSON.stringify(value)}\n`);
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const step = await run.next();
        controller.enqueue(line(step.value));
        if (!step.done) return;
      } catch (error) {
        controller.enqueue(line(await problemOf(error, requestId).json()));
      }
      done();
      controller.close();
    },
    async cancel() {
      done();
      await run.return(undefined as never);
    },
  });
  const headers = { "content-type": "application/x-ndjson", "cache-control": "no-store" };
  return new Response(body, { headers });
}

function wantsProgress(request: Request): boolean {
  return (request.headers.get("accept") ?? "").includes("application/x-ndjson");
}

function requireCsv(request: Request): void {
  const type = (request.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase();
  if (type === "text/csv" || type === "text/tab-separated-values") return;
  throw new AppError("request.unsupported_media_type", "Content-Type: send text/csv.");
}

function exportRoute({ clock, naming }: TransferDeps): Route {
  return route({
    method: "GET",
    path: "/api/v1/links/export",
    summary: "All of one's links as CSV, which an import reads back",
    tag,
    access: "member",
    scope: "links:read",
    replies: { 200: "text/csv" },
    async handler({ reader, principal }) {
      const body = await exportLinks({ reader, ownerId: principal.account_id, naming });
      const day = new Date(clock.now()).toISOString().slice(0, 10);
      return new Response(body, {
        headers: {
          "content-type": "text/csv; charset=utf-8; header=present",
          "content-disposition": `attachment; filename="stoa-links-${day}.csv"`,
          "cache-control": "no-store",
          "x-content-type-options": "nosniff",
        },
      });
    },
  });
}
