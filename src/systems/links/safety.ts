/**
 * Decides whether a link may point to a URL, and gives the one spelling it is stored in.
 *
 * The text is refused whenever two parsers could read it differently (control characters, tabs
 * inside, backslashes, missing or extra slashes, invisible letters in the host): what was
 * checked here must be what every browser opens. What remains is parsed by the WHATWG rules,
 * and only the parser's own serialisation is judged and stored. Cleaning the text up instead
 * was rejected, because each cleaning step is a new spelling to get past the checks.
 *
 * Nothing is resolved: the check is pure and synchronous. A name that points to a private
 * address is caught where Stoa itself connects, in the outbound client.
 */
import { checkAddress } from "../../platform/outbound/address.ts";
import type { Blocklist } from "./blocklist.ts";
import { inspectHost, type HostFlag } from "./look-alikes.ts";

export const urlBytesMaxDefault = 2_048;

export type UrlPolicy = {
  /** Without colon. `neverSchemes` stay refused even when listed. */
  schemes: string[];
  /** Whether a host (ASCII, no trailing dot) is served by this Stoa. */
  ownHosts: (host: string) => boolean;
  urlBytesMax?: number;
  lists?: Blocklist;
};

export type UrlRefusal =
  "scheme" | "syntax" | "too_long" | "credentials" | "private_address" | "own_domain" | "blocked";

export type UrlVerdict =
  | {
      ok: true;
      /** WHATWG serialisation; an app URL as it was given, with non-ASCII percent-encoded. */
      url: string;
      /** ASCII (punycode), without port and trailing dot; empty for an app URL. */
      host: string;
      flags: HostFlag[];
      /** Unicode where that cannot mislead, else the same as `host`. */
      display_host: string;
    }
  | { ok: false; reason: UrlRefusal; message: string };

/** Schemes that run code, read files or wrap another URL: no configuration allows them. */
export const neverSchemes: ReadonlySet<string> = new Set(
  (
    "javascript data file vbscript blob about filesystem view-source livescript mocha jar mhtml " +
    "mk res resource chrome chrome-extension moz-extension ms-appx ms-msdt search-ms shell " +
    "ws wss wyciwyg feed urn"
  ).split(" "),
);

export function checkUrl(input: string, policy: UrlPolicy): UrlVerdict {
  const bytesMax = policy.urlBytesMax ?? urlBytesMaxDefault;
  const text = input.trim();
  if (text.length > bytesMax) return tooLong(bytesMax);
  // Lone surrogates, control characters and marks that reorder or break the text.
  if (!text.isWellFormed() || /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_C}]/u.test(text)) {
    return refuse("syntax", "must not hold control or direction characters");
  }
  const scheme = /^[a-z][a-z0-9+.-]*(?=:)/i.exec(text)?.[0].toLowerCase();
  const allowed = policy.schemes
    .map((name) => name.toLowerCase())
    .filter((name) => !neverSchemes.has(name));
  if (scheme === undefined || !allowed.includes(scheme)) {
    const names = allowed.join(", ");
    return refuse("scheme", `must start with an allowed scheme (${names}), as in https://`);
  }
  const web = scheme === "http" || scheme === "https";
  return web ? checkWebUrl(text, bytesMax, policy) : checkAppUrl(text, bytesMax);
}

function checkAppUrl(text: string, bytesMax: number): UrlVerdict {
  // Goes into a header and into pages, so it must be plain ASCII without quotes or brackets.
  const url = text.replace(/[^\x21-\x7e]|["<>`\\]/gu, encodeURIComponent);
  if (url.length > bytesMax) return tooLong(bytesMax);
  if (url.endsWith(":")) return refuse("syntax", "must name something after the scheme");
  return { ok: true, url, host: "", flags: [], display_host: "" };
}

/** Letters that show as nothing: format characters, fillers, joiners, variation selectors. */
const invisible = /[\p{Cf}\p{Default_Ignorable_Code_Point}\p{White_Space}]/u;

function checkWebUrl(text: string, bytesMax: number, policy: UrlPolicy): UrlVerdict {
  const parts = /^https?:\/\/(?<authority>[^/\\?#]+)(?<path>[^?#]*)/i.exec(text)?.groups;
  const authority = parts?.["authority"];
  if (authority === undefined) return refuse("syntax", "must be of the form https://host/path");
  if (authority.includes("@")) {
    return refuse("credentials", "must not carry a user name or password");
  }
  if (invisible.test(authority) || parts?.["path"]?.includes("\\")) {
    return refuse("syntax", "must not hold invisible characters in the host, nor backslashes");
  }
  const url = URL.parse(text);
  if (url === null || url.username !== "" || url.password !== "") {
    return refuse("syntax", "is not a valid URL");
  }
  const host = url.hostname.replace(/\.$/, "");
  if (host !== url.hostname) url.hostname = host;
  const problem = checkHost(host) ?? checkPolicy(url, policy);
  if (problem !== null) return problem;
  if (url.href.length > bytesMax) return tooLong(bytesMax);
  return { ok: true, url: url.href, host, ...inspectHost(host) };
}

/** Names that only mean something inside a network, or by design lead to any address. */
const insideNames: ReadonlySet<string> = new Set(
  (
    "localhost local localdomain internal intranet lan home corp private home.arpa " +
    "nip.io sslip.io xip.io localtest.me lvh.me vcap.me lacolhost.com local.gd"
  ).split(" "),
);
/** As the parser spells them, whatever spelling they came in. */
const isAddress = /^\[|^\d+(\.\d+){3}$/;

function checkHost(host: string): UrlVerdict | null {
  const inside = refuse("private_address", "must not point into a private network");
  if (isAddress.test(host)) return checkAddress(host).ok ? null : inside;
  const labels = host.split(".");
  // DNS limits: 253 characters of labels with 1 to 63 each.
  if (host.length > 253 || !labels.every((label) => /^[a-z0-9_-]{1,63}$/.test(label))) {
    return refuse("syntax", "must have a valid host name");
  }
  if (labels.length < 2) return inside;
  if (labels.some((_, i) => insideNames.has(labels.slice(i).join(".")))) return inside;
  return null;
}

function checkPolicy(url: URL, policy: UrlPolicy): UrlVerdict | null {
  if (policy.ownHosts(url.hostname)) {
    return refuse("own_domain", "must not point back to this service");
  }
  const hit = policy.lists?.matches(url) ?? null;
  return hit === null ? null : refuse("blocked", `is on a block list (${hit.list})`);
}

function tooLong(bytesMax: number): UrlVerdict {
  return refuse("too_long", `must not be longer than ${bytesMax} characters`);
}

function refuse(reason: UrlRefusal, message: string): UrlVerdict {
  return { ok: false, reason, message };
}
