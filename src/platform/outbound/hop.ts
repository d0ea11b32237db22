import type { Answer } from "./exchange.ts";
import { refused } from "./outbound-error.ts";

export const urlBytesMax = 8_192;

export type HopRequest = {
  url: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
};

export type Hop = { url: URL; method: string; headers: Headers; body: Uint8Array | null };

const methods = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
/** Framing and the connection belong to this block; a caller's value could split a request. */
const ownHeaders = [
  "host",
  "connection",
  "content-length",
  "transfer-encoding",
  "te",
  "trailer",
  "upgrade",
  "expect",
  "keep-alive",
  "proxy-authorization",
  "proxy-connection",
];

export function firstHop(request: HopRequest): Hop {
  const method = (request.method ?? "GET").toUpperCase();
  if (!methods.has(method)) throw refused("method", `use one of ${[...methods].join(", ")}`);
  const body = typeof request.body === "string" ? Buffer.from(request.body) : request.body;
  return {
    url: parseUrl(request.url),
    method,
    headers: requestHeaders(request.headers ?? {}, body),
    body: body ?? null,
  };
}

function requestHeaders(given: Record<string, string>, body: Uint8Array | undefined): Headers {
  const headers = new Headers();
  try {
    for (const [name, value] of Object.entries(given)) headers.set(name, value);
  } catch (cause) {
    throw refused("header", "a header's name or value is not allowed in HTTP", cause);
  }
  for (const name of ownHeaders) headers.delete(name);
  headers.set("accept-encoding", "identity");
  if (!headers.has("accept")) headers.set("accept", "*/*");
  if (!headers.has("user-agent")) headers.set("user-agent", "Stoa");
  if (body !== undefined) headers.set("content-length", String(body.length));
  return headers;
}

function parseUrl(text: string, base?: URL): URL {
  const url = URL.parse(text, base);
  if (url === null) throw refused("url", "the address is not a URL");
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw refused("scheme", "only http and https are requested");
  }
  if (url.href.length > urlBytesMax) throw refused("url", `longer than ${urlBytesMax} bytes`);
  if (url.username !== "" || url.password !== "") {
    throw refused("credentials", "a URL must not carry a user name or password");
  }
  url.hash = "";
  return url;
}

const redirectStatuses = new Set([301, 302, 303, 307, 308]);
/** What a stranger may see; anything else may be a credential under a name of its own. */
const harmlessHeaders = ["accept", "accept-encoding", "accept-language", "user-agent"];
const bodyHeaders = ["content-length", "content-type", "content-encoding", "content-language"];

/**
 * Where a redirect leads and what may travel along, or null if the answer is none. Only a 307 or
 * 308 within one origin repeats a request that changes something; all else becomes a read.
 */
export function nextHop(hop: Hop, answer: Answer): Hop | null {
  const location = answer.headers.get("location");
  if (location === null || !redirectStatuses.has(answer.status)) return null;
  const url = parseUrl(location, hop.url);
  const foreign = url.origin !== hop.url.origin;
  if (!foreign && (answer.status === 307 || answer.status === 308)) return { ...hop, url };
  const headers = new Headers();
  for (const [name, value] of hop.headers) {
    if (foreign ? harmlessHeaders.includes(name) : !bodyHeaders.includes(name)) {
      headers.set(name, value);
    }
  }
  return { url, method: hop.method === "HEAD" ? "HEAD" : "GET", headers, body: null };
}
