import { AppError } from "../errors/errors.ts";
import { problemOf } from "./problem.ts";
import { requestIdOf } from "./request.ts";
import type { Route } from "./route.ts";

/** `/links/export` is asked before `/links/{id}`, which would take it for an id. */
export function bySpecificity(a: Route, b: Route): number {
  return a.path.replaceAll("{", "~") < b.path.replaceAll("{", "~") ? -1 : 1;
}

/** 405 where the path answers other methods, else 404. */
export function notFound(routes: Route[], request: Request, path: string): Response {
  const allow = routes.filter((r) => matches(r.path, path)).map((r) => r.method);
  const requestId = requestIdOf(request);
  if (allow.length === 0) {
    const message = `There is no ${path.slice(0, 200)} here; /docs lists the API.`;
    return problemOf(new AppError("request.not_found", message), requestId);
  }
  const message = `This path answers ${allow.join(", ")}.`;
  const response = problemOf(new AppError("request.method_not_allowed", message), requestId);
  response.headers.set("allow", allow.join(", "));
  return response;
}

function matches(pattern: string, path: string): boolean {
  const a = pattern.split("/");
  const b = path.split("/");
  return a.length === b.length && a.every((part, i) => part.startsWith("{") || part === b[i]);
}
