import { AppError } from "../../platform/errors/errors.ts";
import type { Outbound } from "../../platform/outbound/outbound.ts";
import { proofName } from "./host-name.ts";

/** How an owner proves a domain: its token, in a DNS record or in a file that the host serves. */
export const wellKnownPath = "/.well-known/stoa-domain";
const tokenBytes = 24;
const proofBytesMax = 4_096;
const proofTimeoutMs = 5_000;

type Claimed = { host: string; token: string };

export function newToken(): string {
  const random = Buffer.from(crypto.getRandomValues(new Uint8Array(tokenBytes)));
  return `stoa-domain=${random.toString("base64url")}`;
}

export async function isProved({ host, token }: Claimed, outbound: Outbound): Promise<boolean> {
  const records = await outbound.resolveTxt(proofName(host)).catch((): string[] => []);
  if (records.includes(token)) return true;
  for (const scheme of ["https", "http"]) {
    const url = `${scheme}://${host}${wellKnownPath}`;
    const answer = await outbound
      .fetch({ url, bytesMax: proofBytesMax, timeoutMs: proofTimeoutMs, redirectsMax: 0 })
      .catch(() => null);
    if (answer?.status !== 200) continue;
    if (new TextDecoder().decode(answer.body).trim() === token) return true;
  }
  return false;
}

export function unproved({ host, token }: Claimed): AppError {
  const message =
    `no proof found: neither the TXT record ${proofName(host)} ` +
    `nor the file ${wellKnownPath} says ${token}`;
  return new AppError("links.domain_unverified", `host: ${message}`, {
    fields: [{ field: "host", message }],
  });
}
