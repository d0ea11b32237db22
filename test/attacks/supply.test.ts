import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { sbomOf, type Lock } from "../../bin/sbom.ts";
import { root } from "../tidy/source.ts";

/**
 * What is installed is what was looked at. That versions are exact, that the lock file names no
 * download address and that install scripts are on a list is for test/tidy.test.ts to say.
 */
const lock = (await Bun.file(join(root, "package-lock.json")).json()) as Lock;
const packages = Object.entries(lock.packages).filter(([path]) => path !== "");

/** Permissive ones, one that only binds changes to its own files, and the data's. */
const licences = [
  ...["MIT", "ISC", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "0BSD"],
  ...["Unlicense", "BlueOak-1.0.0", "PostgreSQL"],
];
const licencesOfTools = ["MPL-2.0"];
/** A library of its own that is loaded, and that anybody may replace. */
const licenceOfLibraries = /\bLGPL-3\.0-or-later\b/;
const licencesOfData = ["SEE LICENSE IN DBIP-LICENSE (CC-BY-4.0)"];

function unwelcome({ packages: all }: Lock): string[] {
  return Object.entries(all)
    .filter(([path, { license = "none", dev }]) => {
      if (licences.includes(license) || (dev && licencesOfTools.includes(license))) return false;
      if (path.includes("/@img/sharp-") && licenceOfLibraries.test(license)) return false;
      return !(path.includes("/@ip-location-db/") && licencesOfData.includes(license));
    })
    .map(([path, { license }]) => `${path}: ${license}`);
}

describe("packages", () => {
  test("each has a licence that Stoa can be given away under", () => {
    expect(unwelcome(lock)).toEqual([]);
    const strange = { "node_modules/a": { version: "1.0.0", license: "AGPL-3.0" } };
    const unnamed = { "node_modules/b": { version: "1.0.0" } };
    expect(unwelcome({ packages: { ...strange, ...unnamed } })).toHaveLength(2);
  });

  test("each is pinned by a strong hash", () => {
    const weak = packages.filter(
      ([, entry]) => !/^sha512-[\w+/]{86}==$/.test(entry.integrity ?? ""),
    );
    expect(weak.map(([path]) => path)).toEqual([]);
  });
});

test("the bill of materials names every package once, with hash and licence", () => {
  const printed = Bun.spawnSync([join(root, "bin/sbom")]);
  expect(printed.exitCode).toBe(0);
  const bom = JSON.parse(printed.stdout.toString()) as ReturnType<typeof sbomOf>;
  expect(bom).toMatchObject({ bomFormat: "CycloneDX", specVersion: "1.6" });
  expect(bom.components).toHaveLength(packages.length);
  const refs = new Set(bom.components.map((c) => c["bom-ref"]));
  expect(refs.size).toBe(packages.length);
  expect(bom.components.filter((c) => c.hashes.length !== 1 || c.licenses.length !== 1)).toEqual(
    [],
  );
  expect(bom.components.find((c) => c.name === "hono")?.purl).toMatch(/^pkg:npm\/hono@\d/);
  expect([...refs].filter((ref) => ref.startsWith("pkg:npm/@"))).toEqual([]);
  const asked = bom.dependencies.flatMap((d) => d.dependsOn);
  expect(asked.filter((ref) => !refs.has(ref))).toEqual([]);
  expect(asked).toContain("pkg:npm/%40embedded-postgres/linux-x64@18.4.0-beta.17");
});
