import { AppError } from "../errors/errors.ts";
import { problemOf } from "../http/problem.ts";
import { isShown } from "./media-types.ts";
import { spanOf } from "./range.ts";
import type { UploadRow } from "./store.ts";
import { thumbnailType } from "./thumbnails.ts";
import { blobKey, linkParts, thumbnailKey, type SignedLink, type UploadDeps } from "./upload.ts";

/**
 * Hands an upload out to whoever has a link. It may be a stranger's file on the origin that people
 * are signed in on, so a browser must never run any of it: pictures, sounds, films and plain text
 * are shown as what their content was found to be, the rest is only saved, nothing is guessed from
 * the bytes, and should a browser take it for a page all the same, that page may do nothing.
 */
const policy = "default-src 'none'; img-src 'self'; media-src 'self'; sandbox";
/** Bun sends a stream in chunks and without its length, so what is small is sent at once. */
const wholeBytesMax = 1024 * 1024;

type Handed = { key: string; bytes: number; etag: string; type: string };

export type Delivery = {
  deliver(
    signed: SignedLink & { signature: string },
    request: Request,
    requestId: string,
  ): Promise<Response>;
};

export function createDelivery(deps: UploadDeps): Delivery {
  const { signer, clock, base, store, db, blobs } = deps;
  return {
    async deliver({ signature, ...link }, request, requestId) {
      const now = clock.now();
      signer.check(linkParts(base, link), signature, { expires: link.expires, now });
      const [row] = await store.find(db, [link.id]);
      const handed = row ? handedFor(deps, row, link.variant) : null;
      if (handed === null) throw notFound();
      const headers = headersFor(handed, link, now);
      if (isKnown(request, handed.etag)) return new Response(null, { status: 304, headers });
      const span = mayBePart(request, handed.etag)
        ? spanOf(request.headers.get("range"), handed.bytes)
        : null;
      if (span === "beyond") return beyond(handed.bytes, requestId);
      const { first, last } = span ?? { first: 0, last: handed.bytes - 1 };
      headers.set("content-length", String(last - first + 1));
      if (span) headers.set("content-range", `bytes ${first}-${last}/${handed.bytes}`);
      const status = span ? 206 : 200;
      if (request.method === "HEAD") return new Response(null, { status, headers });
      const found = await blobs.get(handed.key, span ?? undefined);
      if (found === null) throw notFound();
      const isSmall = last - first < wholeBytesMax;
      const body = isSmall ? await new Response(found.body).bytes() : found.body;
      return new Response(body, { status, headers });
    },
  };
}

function handedFor({ system }: UploadDeps, row: UploadRow, variant: string): Handed | null {
  const { id, attempt, sha256, type } = row;
  if (variant === "whole") {
    return { key: blobKey(system, id, attempt), bytes: Number(row.bytes), etag: sha256, type };
  }
  if (row.thumbnail !== "made" || row.thumbnail_bytes === null) return null;
  const key = thumbnailKey(system, id, attempt);
  return { key, bytes: row.thumbnail_bytes, etag: `${sha256}.small`, type: thumbnailType };
}

function headersFor({ etag, type }: Handed, { name, expires }: SignedLink, now: number): Headers {
  const isText = type === "text/plain";
  return new Headers({
    "content-type": isText ? "text/plain; charset=utf-8" : type,
    "content-disposition": disposition(isShown(type) ? "inline" : "attachment", name),
    etag: `"${etag}"`,
    "accept-ranges": "bytes",
    "cache-control": `private, max-age=${Math.floor((expires - now) / 1000)}, immutable`,
    "x-content-type-options": "nosniff",
    "content-security-policy": policy,
    "referrer-policy": "no-referrer",
  });
}

/** RFC 6266: a name in ASCII for the old, and the whole one. */
function disposition(kind: "inline" | "attachment", name: string): string {
  if (name === "") return kind;
  const plain = name.replace(/[^\w .()-]/g, "_");
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${kind}; filename="${plain}"; filename*=UTF-8''${encoded}`;
}

function isKnown(request: Request, etag: string): boolean {
  const given = request.headers.get("if-none-match");
  if (given === null) return false;
  return given.split(",").some((one) => {
    const tag = one.trim().replace(/^W\//, "");
    return tag === "*" || tag === `"${etag}"`;
  });
}

/** A part of something else than the client has the beginning of would be of no use. */
function mayBePart(request: Request, etag: string): boolean {
  const given = request.headers.get("if-range");
  return given === null || given.trim() === `"${etag}"`;
}

function beyond(bytes: number, requestId: string): Response {
  const message = `Range: starts after the last of ${bytes} bytes.`;
  const response = problemOf(new AppError("uploads.range_beyond", message), requestId);
  response.headers.set("content-range", `bytes */${bytes}`);
  return response;
}

function notFound(): AppError {
  return new AppError("uploads.not_found", "There is no such file, or not any more.");
}
