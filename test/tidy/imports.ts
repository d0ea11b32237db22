import { isCode, isTest, type Import, type Source, type Violation } from "./source.ts";

/** Who may import whom. */

/** Files of a block that others may import, where that is more than `<block>/<block>.ts`. */
const entryFiles: Record<string, string[]> = {
  // Independent tools under one roof: who is calling, and each way to prove it.
  auth: ["jwks.ts", "keys.ts", "password-policy.ts", "password.ts", "principal.ts", "tokens.ts"],
  config: ["config.ts", "setting.ts"],
  blobs: ["blobs.ts", "copies.ts", "media-types.ts", "open.ts", "upload.ts", "uploads.ts"],
  db: [
    "backup.ts",
    "backup-files.ts",
    "db.ts",
    "embedded.ts",
    "migrate.ts",
    "restore.ts",
    "secrets.ts",
    "sqlstate.ts",
  ],
  events: ["events.ts", "outbox.ts"],
  http: [
    "address.ts",
    "body.ts",
    "front.ts",
    "guard.ts",
    "head.ts",
    "html.ts",
    "idempotency.ts",
    "openapi.ts",
    "problem.ts",
    "route.ts",
    "server.ts",
    "turn-away.ts",
    "write-group.ts",
  ],
  jobs: ["jobs.ts", "queue.ts"],
  // What a public address is holds for the URLs that people give as well.
  outbound: ["outbound.ts", "address.ts"],
  state: ["open.ts", "state.ts"],
};

/** Server code that lies with the console it serves. */
const consoleServer = ["src/console/build.ts", "src/console/serve.ts"];

export function importDirections(sources: Source[]): Violation[] {
  const out: Violation[] = [];
  for (const source of sources.filter((s) => isCode(s.path) && !isTest(s.path))) {
    for (const { specifier, target, line } of source.imports) {
      const message = target
        ? refusal(source.path, target)
        : packageRefusal(source.path, specifier);
      if (message) out.push({ path: source.path, line, message: `${specifier}: ${message}` });
    }
  }
  return out;
}

function refusal(from: string, to: string): string | null {
  // Benches are run, not shipped, and may share what tests share.
  const isShipped = !from.startsWith("bench/");
  if (isTest(to) && isShipped) return "code does not depend on tests; move what both use into src";
  if (from.startsWith("sdk/")) {
    return to.startsWith("sdk/") ? null : "sdk/ is installed alone and imports nothing outside it";
  }
  if (from.startsWith("src/platform/")) return platformRefusal(from, to);
  if (from.startsWith("src/systems/")) return systemRefusal(from, to);
  if (from.startsWith("src/console/") && !consoleServer.includes(from)) {
    const own = to.startsWith("src/console/") || to.startsWith("sdk/");
    return own ? null : "the console runs in a browser; go through sdk/";
  }
  return null;
}

function platformRefusal(from: string, to: string): string | null {
  if (to.startsWith("src/systems/")) {
    return "the platform knows no system; let the system hand it over through main.ts";
  }
  if (!to.startsWith("src/platform/")) return "the platform imports only the platform";
  return deepImport(from, to);
}

function systemRefusal(from: string, to: string): string | null {
  if (to.startsWith("src/platform/")) return deepImport(from, to);
  if (!to.startsWith("src/systems/")) return "a system imports the platform and contracts only";
  if (folderOf(from) === folderOf(to) || to.endsWith("/contract.ts")) return null;
  return "import the other system's contract.ts; what is not in there is its own";
}

function deepImport(from: string, to: string): string | null {
  const block = /^src\/platform\/([\w-]+)\/(.+)$/.exec(to);
  if (!block || folderOf(from) === folderOf(to)) return null;
  const [, name, file] = block as unknown as [string, string, string];
  const entries = entryFiles[name] ?? [`${name}.ts`];
  if (entries.includes(file)) return null;
  return `import ${entries.join(" or ")} of ${name}; the rest of the block is its own`;
}

function packageRefusal(from: string, specifier: string): string | null {
  if (from.startsWith("sdk/")) return "sdk/ runs in browsers, Node and Bun and has no dependencies";
  if (from.startsWith("src/console/") && !consoleServer.includes(from)) {
    return /^(node:|bun$|bun:)/.test(specifier) ? "the console runs in a browser" : null;
  }
  return null;
}

/** `src/platform/db` of `src/platform/db/embedded.ts`. */
function folderOf(path: string): string {
  return path.split("/").slice(0, 3).join("/");
}

/** Each cycle of imports once, with its way round. Types vanish before anything is loaded. */
export function importCycles(sources: Source[]): Violation[] {
  const graph = new Map<string, Import[]>();
  for (const source of sources) {
    if (!isCode(source.path) || isTest(source.path)) continue;
    graph.set(
      source.path,
      source.imports.filter((i) => i.target !== null && !i.typeOnly),
    );
  }
  const out: Violation[] = [];
  const state = new Map<string, "open" | "done">();
  const way: string[] = [];
  const visit = (path: string) => {
    state.set(path, "open");
    way.push(path);
    for (const { target, line } of graph.get(path) ?? []) {
      const to = target as string;
      if (state.get(to) === "open") {
        const round = [...way.slice(way.indexOf(to)), to].join(" -> ");
        out.push({ path, line, message: `${round}: move what they share into a third file` });
      } else if (!state.has(to) && graph.has(to)) visit(to);
    }
    way.pop();
    state.set(path, "done");
  };
  for (const path of graph.keys()) if (!state.has(path)) visit(path);
  return out;
}

/** Systems call each other downwards only; a call back up is an event. Here types count too. */
export function systemCycles(sources: Source[]): Violation[] {
  const edges: Source[] = sources
    .filter((s) => s.path.startsWith("src/systems/") && !isTest(s.path))
    .map((s) => ({
      ...s,
      path: folderOf(s.path),
      imports: s.imports
        .filter((i) => i.target?.startsWith("src/systems/"))
        .map((i) => ({ ...i, typeOnly: false, target: folderOf(i.target as string) }))
        .filter((i) => i.target !== folderOf(s.path)),
    }));
  const merged = new Map<string, Source>();
  for (const edge of edges) {
    const known = merged.get(edge.path);
    const imports = [...(known?.imports ?? []), ...edge.imports];
    merged.set(edge.path, { ...edge, path: edge.path, imports });
  }
  const asFiles = [...merged.values()].map((s) => ({
    ...s,
    path: `${s.path}/contract.ts`,
    imports: s.imports.map((i) => ({ ...i, target: `${i.target}/contract.ts` })),
  }));
  return importCycles(asFiles);
}
