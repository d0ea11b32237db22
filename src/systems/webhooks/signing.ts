import { createHmac, randomBytes } from "node:crypto";

/**
 * Signatures in the Standard Webhooks form: HMAC-SHA-256 over `id.timestamp.body`, keyed with the
 * bytes that the secret's base64 stands for. Source: https://www.standardwebhooks.com
 */
const secretPrefix = "whsec_";
const secretBytes = 32;

export function newSecret(): string {
  return secretPrefix + randomBytes(secretBytes).toString("base64");
}

export function signedHeaders(
  message: { id: string; timestampSeconds: number; body: string },
  secrets: string[],
): Record<string, string> {
  const { id, timestampSeconds, body } = message;
  const content = `${id}.${timestampSeconds}.${body}`;
  return {
    "webhook-id": id,
    "webhook-timestamp": String(timestampSeconds),
    "webhook-signature": secrets.map((secret) => `v1,${sign(content, secret)}`).join(" "),
  };
}

function sign(content: string, secret: string): string {
  const key = Buffer.from(secret.slice(secretPrefix.length), "base64");
  return createHmac("sha256", key).update(content).digest("base64");
}
