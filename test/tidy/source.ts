import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

/**
 * The project's files as the tidy rules see them. Code is not parsed: comments and literals are
 * blanked out, at the same offsets, so that a pattern over what remains finds code and nothing
 * else. What takes a parser to decide (function length, unused names, `any`) is oxlint's to say.
 */
export type Source = {
  /** From the project's root, with slashes. */
  path: string;
  text: string;
  /** `text` with comments, strings, templates and regular expressions blanked. */
  code: string;
  /** `text` with comments blanked. */
  uncommented: string;
  imports: Import[];
  /** Where regular expressions stand, without their flags. */
  regexes: [start: number, end: number][];
};

export type Import = {
  specifier: string;
  /** The file it means, from the root; null for packages and built-ins. */
  target: string | null;
  typeOnly: boolean;
  /** What stands between the braces. */
  names: string;
  line: number;
};

export type Violation = { path: string; line: number; message: string };

export const root = join(import.meta.dir, "..", "..");

/** Every file of these kinds in the folders that hold code, tests and documents. */
export async function readProject(): Promise<Source[]> {
  const folders = ["src", "sdk", "test", "bench", "bin", "deploy", "docs", ".ci"];
  const out: Source[] = [];
  for (const pattern of ["*", ...folders.map((folder) => `${folder}/**/*`)]) {
    const found = new Bun.Glob(pattern).scan({ cwd: root, dot: true, onlyFiles: true });
    for await (const path of found) {
      if (/(^|\/)(node_modules|dist|\.cache)\/|\.log$|^\.git\//.test(path)) continue;
      const text = await Bun.file(join(root, path)).text();
      if (!text.includes("\0")) out.push(sourceOf(path, text));
    }
  }
  return out.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

export function sourceOf(path: string, text: string): Source {
  if (!/\.tsx?$/.test(path)) {
    return { path, text, code: text, uncommented: text, imports: [], regexes: [] };
  }
  const { code, uncommented, regexes } = blank(text);
  return { path, text, code, uncommented, imports: importsOf(path, uncommented, code), regexes };
}

const importPattern =
  /\b(import|export)\s+(type\s)?[^;"'`()=]*?\bfrom\s*["']([^"']+)["']|\bimport\s*\(?\s*["']([^"']+)["']/g;

function importsOf(path: string, uncommented: string, code: string): Import[] {
  const out: Import[] = [];
  for (const match of uncommented.matchAll(importPattern)) {
    // The same words inside a string are no import.
    if (!/^(import|export)/.test(code.slice(match.index))) continue;
    const specifier = (match[3] ?? match[4]) as string;
    const relative = specifier.startsWith(".");
    out.push({
      specifier,
      target: relative ? normalize(join(dirname(path), specifier)) : null,
      typeOnly: match[2] !== undefined,
      names: /\{([^}]*)\}/.exec(match[0])?.[1]?.trim() ?? "",
      line: lineAt(uncommented, match.index),
    });
  }
  return out;
}

/** Files that a file names: in code in any string (imports, SQL, workers), elsewhere anywhere. */
export function filesNamedIn(source: Source): string[] {
  const out: string[] = [];
  const quoted = /["'`]((?:\.{1,2}\/|\/)?[\w@./-]+\.\w+)["'`]/g;
  const anywhere = /((?:\.{1,2}\/|\/)?[\w@./-]+\.\w+)/g;
  for (const match of source.uncommented.matchAll(isCode(source.path) ? quoted : anywhere)) {
    const named = match[1] as string;
    const candidates = [join(dirname(source.path), named), named.replace(/^\.?\//, "")];
    for (const candidate of candidates) {
      if (existsSync(join(root, candidate))) out.push(normalize(candidate));
    }
  }
  return out;
}

export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let i = text.indexOf("\n"); i >= 0 && i < offset; i = text.indexOf("\n", i + 1)) line++;
  return line;
}

/** Tests, what they share, and the processes that they start. */
export function isTest(path: string): boolean {
  return /\.(test|fixture|child)\.tsx?$/.test(path) || path.startsWith("test/");
}

export function isCode(path: string): boolean {
  return /\.tsx?$/.test(path);
}

/** Replaces what is no code by spaces, keeping line ends and so every offset. */
export function blank(text: string): Pick<Source, "code" | "uncommented" | "regexes"> {
  const regexes: Source["regexes"] = [];
  const code = text.split("");
  const uncommented = [...code];
  /** Brace depths at which a template's `${` was opened. */
  const templates: number[] = [];
  let depth = 0;
  let before = "";
  for (let i = 0; i < text.length;) {
    const end = skipAt(text, i, before, templates.at(-1) === depth);
    if (end > i) {
      const comment = text.startsWith("//", i) || text.startsWith("/*", i);
      erase(code, i, end);
      if (comment) erase(uncommented, i, end);
      else before = '"';
      if (!comment && text[i] === "/") regexes.push([i, end]);
      // Only a template goes on where its expression ended, and only it opens one.
      if (text[i] === "}") templates.pop();
      if (/[`}]/.test(text.charAt(i)) && text.startsWith("${", end - 2)) templates.push(depth);
      i = end;
      continue;
    }
    const char = text.charAt(i);
    if (char === "{") depth++;
    if (char === "}") depth--;
    if (char.trim() !== "") before = /\w/.test(char) ? wordBefore(text, i) : char;
    i++;
  }
  return { code: code.join(""), uncommented: uncommented.join(""), regexes };
}

/** Where the literal or comment that begins at `i` ends; `i` when none begins there. */
function skipAt(text: string, i: number, before: string, closesTemplate: boolean): number {
  const char = text.charAt(i);
  if (text.startsWith("//", i)) return endOfLine(text, i);
  if (text.startsWith("/*", i)) return endAfter(text, "*/", i + 2);
  if (char === '"' || char === "'") return endOfString(text, i);
  if (char === "`" || (char === "}" && closesTemplate)) return endOfTemplate(text, i + 1);
  if (char === "/" && mayStartRegex(before)) return endOfRegex(text, i);
  return i;
}

function endOfLine(text: string, i: number): number {
  const end = text.indexOf("\n", i);
  return end < 0 ? text.length : end;
}

function endAfter(text: string, mark: string, i: number): number {
  const end = text.indexOf(mark, i);
  return end < 0 ? text.length : end + mark.length;
}

/** An apostrophe in the text of a page is no string: those end on their own line. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length && text[i] !== "\n"; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === text[start]) return i + 1;
  }
  return start;
}

/** Up to and with the closing backtick, or the `${` that goes back to code. */
function endOfTemplate(text: string, start: number): number {
  for (let i = start; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === "`") return i + 1;
    else if (text.startsWith("${", i)) return i + 2;
  }
  return text.length;
}

function endOfRegex(text: string, start: number): number {
  let inClass = false;
  for (let i = start + 1; i < text.length && text[i] !== "\n"; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === "[") inClass = true;
    else if (text[i] === "]") inClass = false;
    else if (text[i] === "/" && !inClass) return i + 1;
  }
  return start;
}

function mayStartRegex(before: string): boolean {
  return /^([(,=:[!&|?;{+~^*%>-]|return|typeof|case|in|of|await|)$/.test(before);
}

function wordBefore(text: string, end: number): string {
  let start = end;
  while (start > 0 && /\w/.test(text.charAt(start - 1))) start--;
  return text.slice(start, end + 1);
}

function erase(chars: string[], start: number, end: number): void {
  for (let i = start; i < end; i++) if (chars[i] !== "\n") chars[i] = " ";
}
