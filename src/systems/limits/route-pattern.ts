import type { Route } from "../../platform/http/route.ts";

/** Which routes a rule's patterns reach. Both are written with parameters in braces. */
export type RouteName = { method: string; path: string };

/** Short links are followed beside the table of routes. */
export const redirectRoute: RouteName = { method: "GET", path: "/{code}" };

/**
 * `/api/v1/links` is that route alone, `/api/v1/links/{id}` the one whatever the parameter is
 * called, and `/api/v1/links/*` all below but not `/api/v1/links`.
 */
export function reaches(pattern: string, path: string): boolean {
  const wanted = pattern.split("/");
  const parts = path.split("/");
  const open = wanted.at(-1) === "*";
  const fixed = open ? wanted.slice(0, -1) : wanted;
  if (open ? parts.length <= fixed.length : parts.length !== fixed.length) return false;
  return fixed.every(
    (part, i) => part === parts[i] || (isParameter(part) && isParameter(parts[i])),
  );
}

function isParameter(part: string | undefined): boolean {
  return part !== undefined && part.startsWith("{") && part.endsWith("}");
}

/** The route that answers a concrete path; what no route answers may be a short link. */
export function routeOf(routes: readonly Route[], method: string, path: string): RouteName | null {
  const fits = (route: Route) => route.method === method && matches(route.path, path);
  // The one with the fewest parameters is asked first, as the server does.
  const found = routes.filter(fits).toSorted((a, b) => parameters(a.path) - parameters(b.path))[0];
  if (found) return { method, path: found.path };
  const followed = method === "GET" || method === "HEAD" || method === "POST";
  return followed && /^\/[^/]+$/.test(path) ? { method, path: redirectRoute.path } : null;
}

function matches(route: string, path: string): boolean {
  const a = route.split("/");
  const b = path.split("/");
  return a.length === b.length && a.every((part, i) => isParameter(part) || part === b[i]);
}

function parameters(path: string): number {
  return path.split("{").length;
}
