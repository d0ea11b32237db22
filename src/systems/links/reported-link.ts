import { AppError } from "../../platform/errors/errors.ts";
import type { Domains } from "./domains.ts";
import { normalHost } from "./host-name.ts";
import type { Naming } from "./link.ts";

/** Which link somebody means by a short URL as it was pasted, or by a code and a host. */
export function whichLink(
  { domains, naming }: { domains: Pick<Domains, "serving">; naming: Naming },
  {
    short_url,
    code,
    domain,
  }: { short_url?: string | undefined; code?: string | undefined; domain?: string | undefined },
): { code: string; domainId: string } {
  const url = short_url === undefined ? null : URL.parse(short_url);
  const named = url ? decoded(url.pathname.split("/")[1] ?? "") : code;
  const host = url ? url.hostname : domain;
  const own = host === undefined || host === new URL(naming.publicUrl).hostname;
  const domainId = own ? "0" : domains.serving(normalHost(host) ?? "?")?.id;
  const bare = named?.split("+")[0];
  if (domainId === undefined || !bare) {
    throw new AppError("links.not_found", "There is no such link here.");
  }
  return { code: bare, domainId };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text).replaceAll("\0", "");
  } catch {
    return text;
  }
}
