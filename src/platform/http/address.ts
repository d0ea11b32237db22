import ipaddr from "ipaddr.js";
import { detached, Recent } from "../cache/cache.ts";

/**
 * The visitor's address. `X-Forwarded-For` is written by anybody, so it is read from its right
 * end and only as far as the hops are proxies named in the configuration.
 */
export type AddressOf = (
  peer: string,
  headers: { get(name: "x-forwarded-for"): string | null },
) => string;

/** Proxies in a row that are looked at, and addresses whose verdict is remembered. */
const hopsMax = 20;
const judgedMax = 10_000;
const resolvedMax = 200_000;
/** Longer headers are read, but not remembered. */
const forwardedLengthMax = 200;

type Range = [ipaddr.IPv4 | ipaddr.IPv6, number];

export function trustProxies(ranges: readonly string[]): AddressOf {
  const trusted = ranges.map(parseRange);
  const isTrusted = (address: ipaddr.IPv4 | ipaddr.IPv6) =>
    trusted.some(
      ([network, bits]) => network.kind() === address.kind() && address.match(network, bits),
    );
  // Where nobody is trusted the header is not even read: this runs for every request.
  if (trusted.length === 0) return normalAddress;
  const judged = new Recent<boolean>(judgedMax);
  let lastPeer = "";
  let isLastProxy = false;
  const isProxy = (address: string) => {
    let answer = judged.get(address);
    if (answer === undefined) {
      answer = ipaddr.isValid(address) && isTrusted(ipaddr.process(address));
      judged.set(detached(address), answer);
    }
    return answer;
  };
  // What a trusted peer said comes out the same whichever of them said it.
  const resolved = new Recent<string>(resolvedMax);
  return (peer, headers) => {
    const forwardedFor = headers.get("x-forwarded-for");
    if (forwardedFor === null) return normalAddress(peer);
    // Most requests come through the proxy that the one before came through.
    if (peer !== lastPeer) {
      isLastProxy = isProxy(peer);
      lastPeer = peer;
    }
    if (!isLastProxy) return normalAddress(peer);
    if (isIPv4(forwardedFor)) return forwardedFor;
    const known = resolved.get(forwardedFor);
    if (known !== undefined) return known;
    let current = peer;
    const hops = forwardedFor.split(",").slice(-hopsMax);
    while (hops.length > 0 && isProxy(current)) {
      const next = (hops.pop() as string).trim();
      if (!isIPv4(next) && !ipaddr.IPv6.isValid(next)) break;
      current = next;
    }
    const address = normalAddress(current);
    const short = forwardedFor.length <= forwardedLengthMax;
    if (current !== peer && short) resolved.set(detached(forwardedFor), detached(address));
    return address;
  };
}

/** Four numbers up to 255 without leading zeros, which others read as octal. */
function isIPv4(text: string): boolean {
  if (text.length > 15) return false;
  let dots = 0;
  let digits = 0;
  let number = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === 46) {
      if (digits === 0 || ++dots > 3) return false;
      digits = number = 0;
      continue;
    }
    if (char < 48 || char > 57 || (digits > 0 && number === 0)) return false;
    number = number * 10 + char - 48;
    digits++;
    if (number > 255) return false;
  }
  return dots === 3 && digits > 0;
}

/** Whether a socket bound to this host can be reached from this machine alone. */
export function isLoopbackHost(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** `::ffff:192.0.2.1` is 192.0.2.1; anything else is kept. */
export function normalAddress(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}

/** One client may hold a whole IPv6 /64, so that is what limits count. */
export function addressGroup(address: string): string {
  if (!address.includes(":") || !ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  if (parsed.kind() === "ipv4") return parsed.toString();
  const parts = (parsed as ipaddr.IPv6).parts.slice(0, 4);
  return `${parts.map((part) => part.toString(16)).join(":")}::/64`;
}

function parseRange(range: string): Range {
  if (range.includes("/")) return ipaddr.parseCIDR(range) as Range;
  const address = ipaddr.process(range);
  return [address, address.kind() === "ipv4" ? 32 : 128];
}
