import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/**
 * As much of S3 as our client needs, on a free port: objects and uploads in parts, each request
 * signed by AWS Signature Version 4, which is worked out here from the specification and not by
 * the code under test. Faults are switched on by `fault`.
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
type S3Fault = "hang" | "slow_down" | "fail_once" | "quota" | "forget_part" | "error_in_200" | null;

type Bytes = Uint8Array<ArrayBuffer>;
type Stored = { bytes: Bytes; type: string; etag: string };

const keys = { id: "AKTEST", secret: "s3cret/with+signs" };
const region = "eu-test-1";
const bucket = "stoa-test";

export function startS3() {
  const store = new S3();
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    maxRequestBodySize: 1024 ** 3,
    idleTimeout: 0,
    fetch: (request) => store.answer(request),
  });
  const place = `localhost:${server.port}/${bucket}/in/here?region=${region}&tls=false`;
  const urlWith = (secret: string) => `s3://${keys.id}:${encodeURIComponent(secret)}@${place}`;
  return {
    store,
    port: server.port ?? 0,
    url: urlWith(keys.secret),
    urlWith,
    stop() {
      store.hanging.resolve();
      void server.stop(true);
    },
  };
}

export type S3Server = ReturnType<typeof startS3>;

class S3 {
  fault: S3Fault = null;
  readonly objects = new Map<string, Stored>();
  /** Uploads in parts that were neither completed nor given up. */
  readonly parts = new Map<string, { type: string; parts: Map<number, Bytes> }>();
  readonly seen: string[] = [];
  readonly hanging = Promise.withResolvers<void>();

  async answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const body = new Uint8Array(await request.arrayBuffer());
    this.seen.push(`${request.method} ${url.pathname}`);
    if (!isSigned(request, url, body)) return error(403, "SignatureDoesNotMatch");
    const key = keyOf(request, url);
    if (key === null) return error(404, "NoSuchBucket");
    if (this.fault === "hang") await this.hanging.promise;
    if (this.fault === "slow_down") return error(503, "SlowDown");
    if (this.fault === "fail_once") {
      this.fault = null;
      return error(500, "InternalError");
    }
    const uploadId = url.searchParams.get("uploadId");
    if (uploadId !== null || url.searchParams.has("uploads")) {
      return this.inParts(request, url, { key, uploadId, body });
    }
    return this.whole(request, key, body);
  }

  private whole(request: Request, key: string, body: Bytes): Response {
    if (request.method === "PUT") {
      if (this.fault === "quota") return error(507, "QuotaExceeded");
      const etag = createHash("md5").update(body).digest("hex");
      this.objects.set(key, { bytes: body, type: request.headers.get("content-type") ?? "", etag });
      return new Response(null, { headers: { etag: `"${etag}"` } });
    }
    if (request.method === "DELETE") {
      this.objects.delete(key);
      return new Response(null, { status: 204 });
    }
    const found = this.objects.get(key);
    if (!found) return error(404, "NoSuchKey");
    const headers = {
      etag: `"${found.etag}"`,
      "content-type": found.type,
      "last-modified": new Date(0).toUTCString(),
    };
    if (request.method === "HEAD") {
      const length = { "content-length": String(found.bytes.byteLength) };
      return new Response(null, { headers: { ...headers, ...length } });
    }
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "");
    if (!range) return new Response(found.bytes, { headers });
    const [first, last] = [Number(range[1]), Number(range[2])];
    if (first >= found.bytes.byteLength) return error(416, "InvalidRange");
    return new Response(found.bytes.subarray(first, last + 1), { status: 206, headers });
  }

  private inParts(
    request: Request,
    url: URL,
    { key, uploadId, body }: { key: string; uploadId: string | null; body: Bytes },
  ): Response {
    if (uploadId === null) {
      const id = crypto.randomUUID();
      this.parts.set(id, { type: request.headers.get("content-type") ?? "", parts: new Map() });
      return xml(`<InitiateMultipartUploadResult><UploadId>${id}</UploadId>`);
    }
    const upload = this.parts.get(uploadId);
    if (!upload) return error(404, "NoSuchUpload");
    if (request.method === "PUT") {
      if (this.fault === "quota") return error(507, "QuotaExceeded");
      upload.parts.set(Number(url.searchParams.get("partNumber")), body);
      const etag = createHash("md5").update(body).digest("hex");
      return new Response(null, { headers: { etag: `"${etag}"` } });
    }
    if (request.method === "DELETE") {
      this.parts.delete(uploadId);
      return new Response(null, { status: 204 });
    }
    if (this.fault === "error_in_200") return xml("<Error><Code>InternalError</Code></Error>");
    if (this.fault === "forget_part") upload.parts.delete(1);
    const sorted = [...upload.parts].sort(([a], [b]) => a - b).map(([, part]) => part);
    const bytes = new Uint8Array(Buffer.concat(sorted));
    const etag = `${createHash("md5").update(bytes).digest("hex")}-${sorted.length}`;
    this.objects.set(key, { bytes, type: upload.type, etag });
    this.parts.delete(uploadId);
    return xml(`<CompleteMultipartUploadResult><ETag>"${etag}"</ETag>`);
  }
}

/** The bucket is a label of the host or the first folder of the path. */
function keyOf(request: Request, url: URL): string | null {
  const path = decodeURIComponent(url.pathname.slice(1));
  if (request.headers.get("host")?.startsWith(`${bucket}.`)) return path;
  return path.startsWith(`${bucket}/`) ? path.slice(bucket.length + 1) : null;
}

function isSigned(request: Request, url: URL, body: Bytes): boolean {
  const header = request.headers.get("authorization") ?? "";
  const parts = /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=(.+)$/;
  const [, credential = "", names = "", signature = ""] = parts.exec(header) ?? [];
  const [id = "", day = "", where = "", ...service] = credential.split("/");
  if (service.join("/") !== "s3/aws4_request" || !/^[0-9a-f]{64}$/.test(signature)) return false;
  const at = request.headers.get("x-amz-date") ?? "";
  const payload = request.headers.get("x-amz-content-sha256") ?? "";
  if (id !== keys.id || where !== region || !at.startsWith(day)) return false;
  if (!names.split(";").includes("host")) return false;
  const isHonest =
    payload === "UNSIGNED-PAYLOAD" || payload === createHash("sha256").update(body).digest("hex");
  if (!isHonest) return false;
  const canonical = [
    request.method,
    encoded(decodeURIComponent(url.pathname), "/"),
    [...url.searchParams]
      .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
      .sort()
      .join("&"),
    ...names.split(";").map((name) => `${name}:${request.headers.get(name)?.trim() ?? ""}`),
    "",
    names,
    payload,
  ].join("\n");
  const scope = `${day}/${where}/s3/aws4_request`;
  const hash = createHash("sha256").update(canonical).digest("hex");
  const key = [day, where, "s3", "aws4_request"].reduce<string | Buffer>(
    (under, part) => createHmac("sha256", under).update(part).digest(),
    `AWS4${keys.secret}`,
  );
  const expected = createHmac("sha256", key)
    .update(["AWS4-HMAC-SHA256", at, scope, hash].join("\n"))
    .digest();
  return timingSafeEqual(expected, Buffer.from(signature, "hex"));
}

/** Everything but unreserved characters, as the signature wants it. */
function encoded(text: string, also = ""): string {
  return [...Buffer.from(text)]
    .map((byte) => {
      const char = String.fromCharCode(byte);
      if (/[A-Za-z0-9_.~-]/.test(char) || char === also) return char;
      return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    })
    .join("");
}

function xml(body: string): Response {
  const root = /^<(\w+)>/.exec(body)?.[1] ?? "";
  const text = body.endsWith(`</${root}>`) ? body : `${body}</${root}>`;
  return new Response(text, { headers: { "content-type": "application/xml" } });
}

function error(status: number, code: string): Response {
  const text = `<Error><Code>${code}</Code><Message>said by the test</Message></Error>`;
  return new Response(text, { status, headers: { "content-type": "application/xml" } });
}
