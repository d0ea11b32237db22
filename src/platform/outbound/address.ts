/**
 * Says whether an address may be contacted from inside a network, whatever spelling it comes
 * in. Every text goes through the WHATWG URL host parser first, so that short (127.1), octal,
 * hex, integer, full-width and circled forms are read exactly as a client would read them.
 * The rule is an allow list: only what IANA lists as globally reachable unicast passes, so a
 * range that nobody thought of is refused. A denied list of networks was rejected for that.
 */
import ipaddr from "ipaddr.js";

export type AddressVerdict = { ok: true } | { ok: false; why: string };

/** Globally routed addresses that nevertheless answer with a cloud's own secrets. */
const metadataAddresses = new Set(["168.63.129.16"]);
const globalUnicast = ipaddr.IPv6.parseCIDR("2000::/3");
const nat64 = ipaddr.IPv6.parseCIDR("64:ff9b::/96");
const allowed: AddressVerdict = { ok: true };

export function checkAddress(ip: string): AddressVerdict {
  const canonical = canonicalAddress(ip);
  if (canonical === null) return refuse("not an address");
  const address = ipaddr.parse(canonical);
  return address instanceof ipaddr.IPv4 ? checkV4(address) : checkV6(address);
}

/** The address as a URL would carry it, without brackets, or null if the text is none. */
export function canonicalAddress(text: string): string | null {
  const bare = text.trim().replace(/^\[(.*)\]$/s, "$1");
  if (bare === "" || /[/?#@\\%\s]/u.test(bare)) return null;
  const authority = bare.includes(":") ? `[${bare}]` : bare;
  const host = URL.parse(`http://${authority}/`)?.hostname.replace(/^\[(.*)\]$/, "$1");
  return host !== undefined && ipaddr.isValid(host) ? host : null;
}

function checkV4(address: ipaddr.IPv4): AddressVerdict {
  const range = address.range();
  if (range !== "unicast") return refuse(range);
  return metadataAddresses.has(address.toString()) ? refuse("cloud metadata") : allowed;
}

/**
 * 64:ff9b::/96 is how an IPv6-only network reaches IPv4, so it is judged by the address inside.
 * The other forms that carry an IPv4 address (mapped, 6to4, Teredo) have no honest use in a
 * name's records and are refused as ranges; ISATAP hides one in the last 32 bits of any prefix.
 */
function checkV6(address: ipaddr.IPv6): AddressVerdict {
  if (address.match(nat64)) return checkV4(embeddedV4(address));
  const range = address.range();
  if (range !== "unicast") return refuse(range);
  if (!address.match(globalUnicast)) return refuse("not global unicast");
  const isatap = address.parts[5] === 0x5efe && ((address.parts[4] ?? 0) & 0xfdff) === 0;
  return isatap ? checkV4(embeddedV4(address)) : allowed;
}

function embeddedV4(address: ipaddr.IPv6): ipaddr.IPv4 {
  return new ipaddr.IPv4(address.toByteArray().slice(12));
}

function refuse(why: string): AddressVerdict {
  return { ok: false, why };
}
