import type { Clock } from "../../platform/clock/clock.ts";
import type { AppError } from "../../platform/errors/errors.ts";
import type { AddressOf } from "../../platform/http/address.ts";
import type { Head } from "../../platform/http/head.ts";
import type { Histogram, Metrics } from "../../platform/metrics/metrics.ts";
import { Answers } from "./answers.ts";
import type { Clicks } from "./clicks/clicks.ts";
import type { Domains } from "./domains.ts";
import { emptyHit, fillHit, fillHitFromHead } from "./hit.ts";
import type { Target } from "./target.ts";
import type { Targets } from "./targets.ts";
import { hostOf } from "./visit.ts";
import { measureVisits, type Outcomes } from "./visit-metrics.ts";

/**
 * The short way of a redirect, which nearly every one takes: a plain link that is in memory,
 * checked against two instants and the limits of visits, counted, and answered without a promise.
 */
export type ShortWayDeps = {
  clock: Clock;
  metrics: Metrics;
  targets: Pick<Targets, "peek">;
  domains: Domains;
  clicks: Clicks;
  /** The limits of visits; null while there are none. */
  guard: () => VisitGuard | null;
  cacheControl: string;
};

export type VisitGuard = {
  /** Decides in place; false when it refuses or cannot say at once. */
  passes(address: string): boolean;
  /** What to answer instead; null lets the visitor go on. */
  refusal(address: string): Promise<AppError | null>;
};

export class ShortWay {
  private readonly deps: ShortWayDeps;
  private readonly latency: Histogram;
  private readonly outcomes: Outcomes;
  private readonly answers: Answers;
  private readonly hit = emptyHit();

  constructor(deps: ShortWayDeps) {
    this.deps = deps;
    this.answers = new Answers(deps.cacheControl);
    const { latency, outcomes } = measureVisits(deps.metrics);
    this.latency = latency;
    this.outcomes = outcomes;
  }

  /** Null when it is anything but a plain link in memory. `pathStart` is where the path begins. */
  known(
    request: Request,
    url: string,
    pathStart: number,
    visitor: (request: Request) => string,
  ): Response | null {
    const started = performance.now();
    if (request.method !== "GET") return null;
    const host = this.deps.domains.count > 0 ? hostOf(url, pathStart) : "";
    const queryStart = url.indexOf("?", pathStart);
    const code = url.slice(pathStart + 1, queryStart < 0 ? url.length : queryStart);
    const now = this.deps.clock.now();
    const target = this.plainTarget(host, code, started, now);
    if (target === null) return null;
    const address = visitor(request);
    if (!this.passes(address)) return null;
    fillHit(this.hit, request, queryStart < 0 ? "" : url.slice(queryStart), address, now);
    this.redirected(target, started);
    const headers = { location: target.url, "cache-control": this.deps.cacheControl };
    return new Response(null, { status: target.status, headers });
  }

  /** The same from a head that was read by position: the text of the whole answer. */
  quick(head: Head, peer: string, addressOf: AddressOf): string | null {
    const started = performance.now();
    const now = this.deps.clock.now();
    const target = this.plainTarget(head.host, head.code, started, now);
    if (target === null) return null;
    const address = addressOf(peer, head);
    if (!this.passes(address)) return null;
    fillHitFromHead(this.hit, head, address, now);
    this.redirected(target, started);
    return this.answers.to(target, now);
  }

  private plainTarget(host: string, code: string, started: number, now: number): Target | null {
    const { domains, targets } = this.deps;
    const domainId = domains.count > 0 ? domains.idOf(host) : "0";
    const target = targets.peek(domainId, code, started);
    if (target === undefined || !target.plain) return null;
    return now < target.startsAt || now >= target.expiresAt ? null : target;
  }

  /** False where a rule refuses, or cannot tell at once: the long way asks it to the end. */
  private passes(address: string): boolean {
    const guard = this.deps.guard();
    return guard === null || guard.passes(address);
  }

  /** Counts what `hit` says; `started` is monotonic. */
  private redirected(target: Target, started: number): void {
    this.hit.idHigh = target.idHigh;
    this.hit.idLow = target.idLow;
    this.deps.clicks.record(this.hit);
    this.outcomes.redirected.value++;
    this.latency.observe((performance.now() - started) / 1000);
  }
}
