import { promises as dns } from "node:dns";
import { failed } from "./outbound-error.ts";

export const dnsTimeoutMs = 3_000;
export const dnsTries = 2;
export const txtRecordsMax = 100;
export const txtRecordBytesMax = 4_096;

export type Resolve = (host: string) => Promise<string[]>;

/** All addresses that the operating system would use, both families, in its order. */
export async function resolveHost(host: string): Promise<string[]> {
  const found = await dns.lookup(host, { all: true, order: "verbatim" });
  return found.map((entry) => entry.address);
}

const nothingThere = new Set(["ENOTFOUND", "ENODATA", "NXDOMAIN"]);

/** Asks the configured name servers, or those given as `address:port`, for TXT records. */
export function createTxtResolver(servers: string[] | undefined): Resolve {
  return async (host) => {
    const resolver = new dns.Resolver({ timeout: dnsTimeoutMs, tries: dnsTries });
    if (servers !== undefined) resolver.setServers(servers);
    try {
      const records = await resolver.resolveTxt(host);
      return records
        .slice(0, txtRecordsMax)
        .map((parts) => parts.join(""))
        .filter((text) => text.length <= txtRecordBytesMax);
    } catch (error) {
      if (nothingThere.has(String((error as { code?: unknown }).code))) return [];
      throw failed("dns", `the TXT records of ${host} cannot be resolved`, error);
    }
  };
}
