/**
 * Passing on the visitor's query string and the rest of the path to a link's target.
 *
 * Query: a parameter of the visitor replaces the target's one of the same name, all others of
 * the target stay, as Dub does it: links are shared with `?utm_source=...` appended, and what
 * was appended last is what was meant. The target's fragment stays.
 *
 * Path: the segments after the code are appended below the target's path. Each is decoded,
 * refused where it could climb or start another address (`.`, `..`, slashes, backslashes,
 * control characters, under any number of encodings), and encoded again. As a last line the
 * result must have the origin of the target and its path as a prefix; anything else answers
 * the target itself. Only http and https targets are extended.
 */
const pathLengthMax = 2_048;
const queryLengthMax = 4_096;
const segmentsMax = 64;
const parametersMax = 100;
const decodingsMax = 4;
const resultLengthMax = 8_192;

/** `query` is the visitor's query string, `path` what follows the code, both as received. */
export function forwardTarget(
  target: string,
  visitor: { query?: string | undefined; path?: string | undefined },
): string {
  const { query = "", path = "" } = visitor;
  if ((query === "" || query === "?") && (path === "" || path === "/")) return target;
  const original = URL.parse(target);
  if (original === null || !/^https?:$/.test(original.protocol)) return target;
  const url = new URL(original);
  if (path !== "") appendPath(url, path);
  if (query !== "") mergeQuery(url, query);
  const same = url.origin === original.origin && url.username === original.username;
  const below = url.pathname.startsWith(original.pathname.replace(/\/$/, ""));
  return same && below && url.href.length <= resultLengthMax ? url.href : target;
}

function appendPath(url: URL, path: string): void {
  if (path.length > pathLengthMax) return;
  const segments = path.split("/").filter((segment) => segment !== "");
  if (segments.length === 0 || segments.length > segmentsMax) return;
  const safe = segments.map(safeSegment);
  if (safe.includes(null)) return;
  const base = url.pathname.endsWith("/") ? url.pathname.slice(0, -1) : url.pathname;
  url.pathname = `${base}/${safe.join("/")}${path.endsWith("/") ? "/" : ""}`;
}

/** The segment encoded once, or null where it is more than a plain name. */
function safeSegment(segment: string): string | null {
  const once = decode(segment);
  let text = once;
  for (let i = 0; i < decodingsMax && text !== null; i++) {
    if (text === "." || text === ".." || /[/\\\p{Cc}]/u.test(text)) return null;
    const next: string | null = decode(text);
    // Text that decodes no further, such as `100%` from `100%25`, is a name of its own.
    if (next === null || next === text) return encodeURIComponent(once!.toWellFormed());
    text = next;
  }
  return null;
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

function mergeQuery(url: URL, query: string): void {
  if (query.length > queryLengthMax) return;
  const given = [...new URLSearchParams(query)];
  if (given.length === 0 || given.length > parametersMax) return;
  for (const [name] of given) url.searchParams.delete(name);
  for (const [name, value] of given) url.searchParams.append(name, value);
}
