import manifest from "../package.json";

/**
 * A software bill of materials from the lock file alone: what `npm ci` installs, with the very
 * hashes it insists on. The same lock file always gives the same document.
 * Format: https://cyclonedx.org/docs/1.6/json/
 */
export type LockedPackage = {
  version: string;
  license?: string;
  integrity?: string;
  dev?: boolean;
  optional?: boolean;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
};
export type Lock = { packages: Record<string, LockedPackage> };

export function sbomOf(lock: Lock) {
  const locked = Object.entries(lock.packages).filter(([path]) => path !== "");
  const refs = new Map(locked.map(([path, { version }]) => [path, purlOf(nameOf(path), version)]));
  const own = purlOf(manifest.name, manifest.version);
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        ...{ type: "application", "bom-ref": own, purl: own },
        ...{ name: manifest.name, version: manifest.version },
        licenses: [{ license: { id: manifest.license } }],
      },
    },
    components: locked.map(([path, entry]) => ({
      type: "library",
      "bom-ref": refs.get(path) as string,
      name: nameOf(path),
      version: entry.version,
      purl: refs.get(path) as string,
      scope: entry.dev ? "excluded" : entry.optional ? "optional" : "required",
      hashes: hashesOf(entry),
      licenses: licensesOf(entry),
    })),
    dependencies: Object.entries(lock.packages).map(([path, entry]) => ({
      ref: refs.get(path) ?? own,
      dependsOn: Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })
        .flatMap((name) => refs.get(installedAt(lock, path, name)) ?? [])
        .toSorted(),
    })),
  };
}

/** `node_modules/a/node_modules/@b/c` is `@b/c`. */
function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
}

function purlOf(name: string, version: string): string {
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}

/** Where npm finds what a package asks for: beside it, or beside one that it stands in. */
function installedAt(lock: Lock, from: string, name: string): string {
  for (let folder = from; folder !== ""; folder = folder.replace(/(^|\/)node_modules\/[^]*$/, "")) {
    const nested = `${folder}/node_modules/${name}`;
    if (nested in lock.packages) return nested;
  }
  return `node_modules/${name}`;
}

function hashesOf({ integrity = "" }: LockedPackage) {
  return integrity
    .split(" ")
    .filter((text) => text.startsWith("sha512-"))
    .map((text) => ({
      alg: "SHA-512",
      content: Buffer.from(text.slice(7), "base64").toString("hex"),
    }));
}

/** What is no SPDX identifier is given by name. */
function licensesOf({ license }: LockedPackage) {
  if (license === undefined) return [];
  return [{ license: /^[\w.+-]+$/.test(license) ? { id: license } : { name: license } }];
}

if (import.meta.main) {
  const lock = (await Bun.file(`${import.meta.dir}/../package-lock.json`).json()) as Lock;
  process.stdout.write(`${JSON.stringify(sbomOf(lock), null, 2)}\n`);
}
