import { filesNamedIn, isCode, isTest, lineAt, type Source, type Violation } from "./source.ts";

/** What nobody uses: files, exports, error codes, settings. */

/** Where a program starts; everything in src must be reachable from one of these. */
const starts = /^(src\/main\.ts|bin\/[\w-]+(\.ts)?|bench\/.*|package\.json|tsconfig\.json)$/;

export function deadFiles(sources: Source[]): Violation[] {
  const byPath = new Map(sources.map((s) => [s.path, s]));
  const live = reach(
    byPath,
    [...byPath.keys()].filter((path) => starts.test(path)),
  );
  const tests = [...byPath.keys()].filter((path) => /\.test\.tsx?$/.test(path));
  const tested = reach(byPath, [...live, ...tests]);
  const out: Violation[] = [];
  for (const path of byPath.keys()) {
    if (!/^(src|sdk|test)\//.test(path) || /\.(md|d\.ts)$/.test(path)) continue;
    if (isTest(path) ? tested.has(path) : live.has(path)) continue;
    // Data that a test reads lies beside the test, or in a folder that the test lists.
    const isData = /\.(tsv|csv|txt|json)$/.test(path);
    if (isData && (tested.has(path) || path.includes("/fixtures/"))) continue;
    const message = tested.has(path)
      ? "only tests reach this; use it, delete it, or name it *.fixture.ts or *.child.ts"
      : "nothing reaches this; use it or delete it";
    out.push({ path, line: 1, message });
  }
  return out;
}

function reach(byPath: Map<string, Source>, from: string[]): Set<string> {
  const seen = new Set<string>();
  const queue = [...from];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    const source = byPath.get(path);
    if (!source || seen.has(path)) continue;
    seen.add(path);
    queue.push(...filesNamedIn(source), ...source.imports.flatMap((i) => i.target ?? []));
  }
  return seen;
}

/** Exported things that not even their own file uses a second time. */
export function deadExports(sources: Source[]): Violation[] {
  const code = sources.filter((s) => isCode(s.path));
  const users = new Map<string, Set<string>>();
  for (const source of code) {
    for (const [word] of source.uncommented.matchAll(/\b[A-Za-z]\w{2,}\b/g)) {
      users.set(word, (users.get(word) ?? new Set()).add(source.path));
    }
  }
  const out: Violation[] = [];
  const exported =
    /^export (?:async )?(?:function\*?|const|type|interface|(?:abstract )?class)\s+(\w+)/gm;
  for (const source of code.filter((s) => /^(src|sdk|test)\//.test(s.path))) {
    for (const match of source.code.matchAll(exported)) {
      const name = match[1] as string;
      const own = source.code.match(new RegExp(`\\b${name}\\b`, "g")) ?? [];
      if (own.length > 1 || (users.get(name)?.size ?? 0) > 1) continue;
      const line = lineAt(source.text, match.index);
      out.push({ path: source.path, line, message: `${name}: nothing uses it; delete it` });
    }
  }
  return out;
}

/** Error codes and settings that no code outside their table names. */
export function deadEntries(
  sources: Source[],
  table: { path: string; entries: string[]; spelled: (entry: string) => string },
): Violation[] {
  const others = sources.filter((s) => /^src\/.*\.tsx?$/.test(s.path) && !isTest(s.path));
  const text = others
    .filter((s) => s.path !== table.path)
    .map((s) => s.uncommented)
    .join("\n");
  const home = sources.find((s) => s.path === table.path)?.text ?? "";
  return table.entries
    .filter((entry) => !text.includes(table.spelled(entry)))
    .map((entry) => ({
      path: table.path,
      line: lineAt(home, Math.max(0, home.indexOf(entry))),
      message: `${entry}: nothing uses it; delete it`,
    }));
}
