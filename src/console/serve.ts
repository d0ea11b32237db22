import { consoleBase, shellPath, type Asset, type ConsoleAssets } from "./build.ts";

/**
 * Answers the console's own paths from memory. Everything that is not a file is the shell, which
 * finds its page by the address.
 */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  // What one has just recorded, to be heard before it is sent, is a blob of this page.
  "media-src 'self' blob:",
  "connect-src 'self'",
  "font-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

const shared = {
  "content-security-policy": policy,
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), microphone=(self), geolocation=(), payment=()",
};

/** Null for paths that are not the console's, and for files it does not have. */
export function serveConsole(assets: ConsoleAssets, request: Request): Response | null {
  const { pathname } = new URL(request.url);
  if (pathname === consoleBase.slice(0, -1)) return redirect(consoleBase);
  if (!pathname.startsWith(consoleBase)) return null;
  if (request.method !== "GET" && request.method !== "HEAD") return null;
  const isFile = /\.[a-z0-9]+$/i.test(pathname);
  const asset = assets.get(isFile ? pathname : shellPath);
  return asset ? answer(asset, request) : null;
}

function answer(asset: Asset, request: Request): Response {
  const headers = new Headers({
    ...shared,
    "content-type": asset.type,
    "cache-control": asset.immutable ? "public, max-age=31536000, immutable" : "no-cache",
    etag: asset.etag,
    vary: "accept-encoding",
  });
  const known = request.headers.get("if-none-match")?.split(",") ?? [];
  if (known.some((tag) => tag.trim().replace(/^W\//, "") === asset.etag)) {
    return new Response(null, { status: 304, headers });
  }
  const gzipped = acceptsGzip(request.headers.get("accept-encoding") ?? "");
  const bytes = gzipped ? asset.gzip : asset.bytes;
  if (gzipped) headers.set("content-encoding", "gzip");
  headers.set("content-length", String(bytes.byteLength));
  const body = request.method === "HEAD" ? null : (bytes as Uint8Array<ArrayBuffer>);
  return new Response(body, { headers });
}

function acceptsGzip(header: string): boolean {
  return header.split(",").some((entry) => {
    const [coding = "", ...parameters] = entry.split(";").map((part) => part.trim());
    const refused = parameters.some((parameter) => /^q=0(\.0+)?$/.test(parameter));
    return (coding === "gzip" || coding === "*") && !refused;
  });
}

function redirect(path: string): Response {
  return new Response(null, { status: 308, headers: { location: path } });
}
