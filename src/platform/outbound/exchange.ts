/**
 * One request and its answer on one fresh connection. The socket is given only addresses that
 * were checked: `lookup` hands them over, so no second resolution can happen between check and
 * connection, while TLS still verifies the host name. Bytes are counted as they arrive, on the
 * wire and after decompression, and the connection is dropped at the limit.
 */
import http from "node:http";
import https from "node:https";
import type { LookupFunction } from "node:net";
import { pipeline, type Duplex } from "node:stream";
import zlib from "node:zlib";
import { asFailed, failed } from "./outbound-error.ts";

export const headerBytesMax = 16 * 1024;

export type Exchange = {
  url: URL;
  /** Checked by the caller; the only places the connection may go to. */
  addresses: string[];
  method: string;
  headers: Headers;
  body: Uint8Array | null;
  bytesMax: number;
  truncate: boolean;
  signal: AbortSignal;
  ca: string | undefined;
};

export type Answer = { status: number; headers: Headers; body: Uint8Array; truncated: boolean };

export async function exchange(given: Exchange): Promise<Answer> {
  const { signal } = given;
  const request = open(given);
  // Of the two errors that a malformed body causes, the request's names the fault and comes first.
  let fault: unknown;
  request.on("error", (error) => {
    fault ??= error;
  });
  try {
    const response = await responseOf(request, given);
    const { body, truncated } = await readBody(response, given);
    // A body that lasts until the connection closes ends without an error when we close it.
    signal.throwIfAborted();
    return { status: response.statusCode ?? 0, headers: headersOf(response), body, truncated };
  } catch (error) {
    throw signal.aborted ? signal.reason : asFailed(fault ?? error, given.url.hostname);
  } finally {
    request.destroy();
  }
}

function open(given: Exchange): http.ClientRequest {
  const { url } = given;
  const options: https.RequestOptions = {
    protocol: url.protocol,
    hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? undefined : Number(url.port),
    path: url.pathname + url.search,
    method: given.method,
    headers: { ...Object.fromEntries(given.headers), host: url.host },
    // A pool would reuse connections by name, past the check of the address; a proxy from the
    // environment would resolve by itself.
    agent: false,
    lookup: lookupOf(given.addresses),
    maxHeaderSize: headerBytesMax,
    insecureHTTPParser: false,
  };
  if (url.protocol === "http:") return http.request(options);
  return https.request({ ...options, ca: given.ca, rejectUnauthorized: true });
}

function lookupOf(addresses: string[]): LookupFunction {
  const entries = addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  return (_host, options, done) => {
    const first = entries[0];
    if (first === undefined) return done(new Error("no address"), "", 0);
    if (options.all) return done(null, entries);
    done(null, first.address, first.family);
  };
}

function responseOf(request: http.ClientRequest, { body, signal }: Exchange) {
  return new Promise<http.IncomingMessage>((resolve, reject) => {
    const abort = () => request.destroy();
    signal.addEventListener("abort", abort, { once: true });
    request.once("response", resolve);
    request.on("error", reject);
    // A protocol switch, for one, ends a request with neither a response nor an error.
    request.once("close", () => {
      signal.removeEventListener("abort", abort);
      reject(new Error("closed without a response"));
    });
    if (signal.aborted) return abort();
    request.end(body);
  });
}

type Chunks = AsyncIterable<Uint8Array>;

const decoders: Record<string, () => Duplex> = {
  gzip: zlib.createGunzip,
  "x-gzip": zlib.createGunzip,
  deflate: zlib.createInflate,
  br: zlib.createBrotliDecompress,
};

/**
 * `identity` is what we ask for, but some servers compress regardless. Copying into one growing
 * buffer keeps memory near `bytesMax` even when every chunk is a single byte.
 */
async function readBody(response: http.IncomingMessage, given: Exchange) {
  const body = new GrowingBytes(given.bytesMax);
  for await (const chunk of decoded(response, given)) {
    const fits = body.append(chunk);
    if (fits) continue;
    if (given.truncate) return { body: body.bytes(), truncated: true };
    throw tooLarge(given);
  }
  return { body: body.bytes(), truncated: false };
}

function decoded(response: http.IncomingMessage, given: Exchange): Chunks {
  const encoding = (response.headers["content-encoding"] ?? "identity").trim().toLowerCase();
  const empty = given.method === "HEAD" || [204, 304].includes(response.statusCode ?? 0);
  if (encoding === "identity" || encoding === "" || empty) return response;
  const decoder = Object.hasOwn(decoders, encoding) ? decoders[encoding] : undefined;
  if (decoder === undefined) {
    throw failed("encoding", `${given.url.hostname} answers in an unsupported content encoding`);
  }
  // The error reaches the reader by the decoder, which the pipeline destroys with it.
  return pipeline(wireCapped(response, given), decoder(), () => {});
}

/** Compressed bytes that unpack to nothing would never meet the limit on unpacked ones. */
async function* wireCapped(response: Chunks, given: Exchange): AsyncGenerator<Uint8Array> {
  let read = 0;
  for await (const chunk of response) {
    read += chunk.length;
    if (read > given.bytesMax) throw tooLarge(given);
    yield chunk;
  }
}

function tooLarge(given: Exchange): Error {
  return failed("too_large", `${given.url.hostname} answers more than ${given.bytesMax} bytes`);
}

function headersOf(response: http.IncomingMessage): Headers {
  const headers = new Headers();
  const raw = response.rawHeaders;
  for (let i = 0; i + 1 < raw.length; i += 2) headers.append(raw[i] ?? "", raw[i + 1] ?? "");
  return headers;
}

class GrowingBytes {
  private buffer: Uint8Array;
  private length = 0;
  private readonly bytesMax: number;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
    this.buffer = new Uint8Array(Math.min(bytesMax, 16 * 1024));
  }

  /** Takes what fits below the limit; false if anything was left over. */
  append(chunk: Uint8Array): boolean {
    const taken = chunk.subarray(0, this.bytesMax - this.length);
    const needed = this.length + taken.length;
    if (needed > this.buffer.length) {
      const grown = new Uint8Array(Math.min(this.bytesMax, needed * 2));
      grown.set(this.buffer.subarray(0, this.length));
      this.buffer = grown;
    }
    this.buffer.set(taken, this.length);
    this.length = needed;
    return taken.length === chunk.length;
  }

  bytes(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }
}
