import { domainToASCII } from "node:url";
import { getDomain } from "tldts";
import { AppError } from "../../platform/errors/errors.ts";

/** Names of custom domains: how they are written, and where their proof stands. */
export function proofName(host: string): string {
  return `_stoa.${host}`;
}

/** Lower-case, in punycode, without a final dot; null when it is no host name. */
export function normalHost(text: string): string | null {
  const ascii = domainToASCII(text.trim().replace(/\.$/, "").toLowerCase());
  const ok =
    ascii.length <= 253 && /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/.test(ascii);
  return ok ? ascii : null;
}

/** A host that somebody can own; anything else is refused by field. */
export function requireHost(text: string, publicHost: string): string {
  const host = normalHost(text);
  const registrable = host && getDomain(host, { allowPrivateDomains: true });
  if (host && registrable && host !== publicHost) return host;
  const message = "a host name of a registrable domain, such as go.example.com";
  throw new AppError("links.invalid", `host: ${message}`, {
    fields: [{ field: "host", message }],
  });
}
