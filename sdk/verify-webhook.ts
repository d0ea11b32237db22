/**
 * Checks that a webhook was sent by Stoa and parses it. For receivers: give the body exactly as
 * it arrived, before anything parses it, and refuse the request when this throws. Deliveries may
 * repeat; `id` is the same in each repeat of one event. Runs on WebCrypto alone, so in browsers,
 * Node, Bun and workers. Form: https://www.standardwebhooks.com
 */
export type WebhookEvent<T = unknown> = {
  id: string;
  type: string;
  occurred_at: string;
  data: T;
};

export type WebhookProblem =
  | "missing_headers"
  | "bad_secret"
  | "bad_timestamp"
  | "too_old"
  | "too_new"
  | "wrong_signature"
  | "bad_body";

export class WebhookVerificationError extends Error {
  readonly problem: WebhookProblem;
  constructor(problem: WebhookProblem, message: string) {
    super(message);
    this.name = "WebhookVerificationError";
    this.problem = problem;
  }
}

const defaultToleranceSeconds = 300;
const secretPrefix = "whsec_";

/** Throws `WebhookVerificationError`. `secret` may be a list while a secret is being changed. */
export async function verifyWebhook<T = unknown>(
  rawBody: string | Uint8Array,
  headers: Headers | Record<string, string | string[] | undefined>,
  secret: string | readonly string[],
  options: { toleranceSeconds?: number; now?: () => number } = {},
): Promise<WebhookEvent<T>> {
  const { toleranceSeconds = defaultToleranceSeconds, now = Date.now } = options;
  const id = headerOf(headers, "webhook-id");
  const timestamp = headerOf(headers, "webhook-timestamp");
  const signatures = headerOf(headers, "webhook-signature");
  if (!id || !timestamp || !signatures) {
    throw new WebhookVerificationError("missing_headers", "A webhook-* header is missing.");
  }
  checkAge(timestamp, now() / 1000, toleranceSeconds);
  const body = typeof rawBody === "string" ? new TextEncoder().encode(rawBody) : rawBody;
  const content = joined(new TextEncoder().encode(`${id}.${timestamp}.`), body);
  for (const one of typeof secret === "string" ? [secret] : secret) {
    if (await anySignatureFits(content, signatures, await keyOf(one))) return parse<T>(body);
  }
  throw new WebhookVerificationError("wrong_signature", "No signature fits the body.");
}

function headerOf(
  headers: Headers | Record<string, string | string[] | undefined>,
  name: string,
): string | undefined {
  if (headers instanceof Headers) return headers.get(name) ?? undefined;
  const key = Object.keys(headers).find((candidate) => candidate.toLowerCase() === name);
  const value = key === undefined ? undefined : headers[key];
  return Array.isArray(value) ? value[0] : value;
}

/** An old message may have been recorded and sent again. */
function checkAge(timestamp: string, nowSeconds: number, toleranceSeconds: number): void {
  if (!/^\d{1,12}$/.test(timestamp)) {
    throw new WebhookVerificationError("bad_timestamp", "webhook-timestamp is not in seconds.");
  }
  const age = nowSeconds - Number(timestamp);
  if (age > toleranceSeconds) {
    throw new WebhookVerificationError("too_old", "The message is too old.");
  }
  if (age < -toleranceSeconds) {
    throw new WebhookVerificationError("too_new", "The message is from the future.");
  }
}

async function keyOf(secret: string): Promise<CryptoKey> {
  const encoded = secret.startsWith(secretPrefix) ? secret.slice(secretPrefix.length) : secret;
  const bytes = decodeBase64(encoded);
  if (!bytes || bytes.length === 0) {
    throw new WebhookVerificationError("bad_secret", "The secret is not whsec_ and base64.");
  }
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  return await crypto.subtle.importKey("raw", bytes, algorithm, false, ["verify"]);
}

/** `v1,<base64>` separated by spaces; other versions are skipped. WebCrypto compares evenly. */
async function anySignatureFits(
  content: Uint8Array<ArrayBuffer>,
  signatures: string,
  key: CryptoKey,
): Promise<boolean> {
  for (const signature of signatures.split(" ")) {
    if (!signature.startsWith("v1,")) continue;
    const bytes = decodeBase64(signature.slice(3));
    if (bytes && (await crypto.subtle.verify("HMAC", key, bytes, content))) return true;
  }
  return false;
}

function parse<T>(body: Uint8Array): WebhookEvent<T> {
  try {
    return JSON.parse(new TextDecoder().decode(body)) as WebhookEvent<T>;
  } catch {
    throw new WebhookVerificationError("bad_body", "The body is not JSON.");
  }
}

function decodeBase64(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(head.length + tail.length);
  out.set(head);
  out.set(tail, head.length);
  return out;
}
