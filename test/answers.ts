import { appendFileSync } from "node:fs";
import type { ErrorCode } from "../src/platform/errors/errors.ts";
import { errorsOf } from "../src/platform/http/openapi.ts";
import type { Route } from "../src/platform/http/route.ts";
import type { Metrics } from "../src/platform/metrics/metrics.ts";

/**
 * Which route answered which status while the tests ran. The app counts that itself for its
 * metrics; here the counts are added to a file when an app under test stops, and once all tests
 * are done test/answers-check.ts compares the file with what the routes say they can answer.
 */
export type Answers = { route: string; declared: number[]; answered: number[] };

/** Errors that a route can be made to answer at will; outages and limits of size are not. */
const provokable = [400, 401, 403, 404, 409, 429];

/** Call when a test's app stops. Does nothing outside `bin/ci`. */
export function recordAnswers(routes: Route[], metrics: Metrics): void {
  const file = process.env["ROUTE_ANSWERS_FILE"];
  if (!file) return;
  const counted = countedIn(metrics.render());
  const lines = routes.map((route) => {
    const name = `${route.method} ${route.path}`;
    const answers: Answers = {
      route: name,
      declared: declaredBy(route),
      answered: [...(counted.get(name) ?? [])],
    };
    return `${JSON.stringify(answers)}\n`;
  });
  appendFileSync(file, lines.join(""));
}

/** Only a process that stops in the middle of a request leaves this answer to be seen. */
const notAtWill: ErrorCode[] = ["idempotency.in_progress"];

/** The provokable errors, and the first of its successes: others may need another server. */
export function declaredBy(route: Route): number[] {
  const errors = [...errorsOf(route)]
    .filter(([, codes]) => codes.some((code) => !notAtWill.includes(code)))
    .map(([status]) => status)
    .filter((status) => provokable.includes(status));
  const success = Math.min(...Object.keys(route.replies).map(Number));
  return [success, ...errors].toSorted((a, b) => a - b);
}

/** Statuses by route from the lines of `stoa_http_requests_total`. */
function countedIn(metrics: string): Map<string, Set<number>> {
  const out = new Map<string, Set<number>>();
  const line = /^stoa_http_requests_total\{route="([^"]*)",status="(\d+)"\} [1-9]/gm;
  for (const [, route, status] of metrics.matchAll(line) as Iterable<[string, string, string]>) {
    out.set(route, (out.get(route) ?? new Set()).add(Number(status)));
  }
  return out;
}

/** One line per route that did not answer all it declares. */
export function unanswered(file: string): string[] {
  const routes = new Map<string, { declared: Set<number>; answered: Set<number> }>();
  for (const line of file.split("\n").filter((l) => l !== "")) {
    const { route, declared, answered } = JSON.parse(line) as Answers;
    const known = routes.get(route) ?? { declared: new Set(), answered: new Set() };
    for (const status of declared) known.declared.add(status);
    for (const status of answered) known.answered.add(status);
    routes.set(route, known);
  }
  if (routes.size === 0) return ["no app under test recorded anything: call recordAnswers"];
  return [...routes].flatMap(([route, { declared, answered }]) => {
    const missing = [...declared].filter((status) => !answered.has(status));
    return missing.length > 0 ? [`${route}: no test sees it answer ${missing.join(", ")}`] : [];
  });
}
