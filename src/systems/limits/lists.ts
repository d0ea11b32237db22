import ipaddr from "ipaddr.js";
import { Recent } from "../../platform/cache/cache.ts";
import { normalAddress } from "../../platform/http/address.ts";

/**
 * The allow or deny list of a rule. An entry is a whole key, one part of a key (`user:42`), an
 * address or a range of addresses.
 */
export type Listed = (key: string | null, asked: Asked) => boolean;
export type Asked = {
  parts: Readonly<Record<string, string | undefined>>;
  address: string | null;
};

/** Addresses whose verdict is remembered: asking every range takes long where there are many. */
const judgedMax = 10_000;

/** Null for an empty list, which then costs nothing. */
export function listOf(entries: readonly string[]): Listed | null {
  if (entries.length === 0) return null;
  const exact = new Set(entries.map(normalAddress));
  const named = entries.some((entry) => !ipaddr.isValid(entry) && !ipaddr.isValidCIDR(entry));
  const ranges = entries.filter((entry) => ipaddr.isValidCIDR(entry)).map(ipaddr.parseCIDR);
  const judged = new Recent<boolean>(judgedMax);
  const inRange = (address: string): boolean => {
    if (ranges.length === 0) return false;
    let answer = judged.get(address);
    if (answer === undefined) {
      answer = contains(ranges, address);
      judged.set(address, answer);
    }
    return answer;
  };
  return (key, { parts, address }) => {
    if (address === null && key !== null && inRange(key)) return true;
    if (key !== null && exact.has(key)) return true;
    if (address !== null && (exact.has(address) || inRange(address))) return true;
    if (!named) return false;
    for (const name in parts) if (exact.has(`${name}:${parts[name]}`)) return true;
    return false;
  };
}

function contains(ranges: [ipaddr.IPv4 | ipaddr.IPv6, number][], address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  return ranges.some(
    ([network, bits]) => network.kind() === parsed.kind() && parsed.match(network, bits),
  );
}
