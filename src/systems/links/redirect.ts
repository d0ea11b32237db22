import type { Passwords } from "../../platform/auth/password.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Db } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import { problemOf } from "../../platform/http/problem.ts";
import type { Log } from "../../platform/log/log.ts";
import type { Histogram, Metrics } from "../../platform/metrics/metrics.ts";
import type { Clicks } from "./clicks/clicks.ts";
import type { CodeBlocks } from "./code-blocks.ts";
import type { Domain, Domains } from "./domains.ts";
import { forwardTarget } from "./forward.ts";
import type { Geo } from "./geo.ts";
import { emptyHit, fillHit, purposeOf } from "./hit.ts";
import { shortUrl, type Naming } from "./link.ts";
import * as pages from "./pages.ts";
import { askPassword } from "./password-form.ts";
import type { PasswordTries } from "./password-tries.ts";
import { fail } from "./refusal.ts";
import { answerReport, type ReportLink } from "./report-form.ts";
import { useClick } from "./store.ts";
import type { Target, TargetMore } from "./target.ts";
import type { VisitGuard } from "./short-way.ts";
import type { Known, Targets } from "./targets.ts";
import { isCodeLike, parseVisit, wantsHtml, type Visit } from "./visit.ts";
import { classifyAgent } from "./visits.ts";
import { measureVisits, type Outcomes } from "./visit-metrics.ts";

/**
 * Answers every `GET /{code}` that the short way left over, in one order: limits, gone, not yet,
 * unsafe, password, unfurler, click limit, rules, split, forwarding.
 */
export type RedirectDeps = {
  db: Db;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  targets: Targets;
  domains: Domains;
  codes: CodeBlocks;
  clicks: Clicks;
  geo: Geo | null;
  passwords: Passwords;
  passwordTries: PasswordTries;
  naming: Naming;
  /** The limits of visits; null while there are none. */
  guard: () => VisitGuard | null;
  cacheControl: string;
  report: ReportLink;
};

/** Looked up at once for one mistyped code; each costs a read that nothing else may need. */
const suggestionsMax = 8;
/** Made once: the trace that an error takes is not free, and guessers get this by the thousand. */
const noSuchLink = new AppError("links.not_found", "There is no such link.");

/** Who asks, looked up only when it is needed. */
export type Visitor = (request: Request) => string;
type Address = () => string;

export class Redirect {
  private readonly deps: RedirectDeps;
  private readonly latency: Histogram;
  private readonly count: Outcomes;
  private readonly hit = emptyHit();

  constructor(deps: RedirectDeps) {
    this.deps = deps;
    const { latency, outcomes } = measureVisits(deps.metrics);
    this.latency = latency;
    this.count = outcomes;
  }

  /** Everything under `/` that is no API, console or system path. */
  handle(request: Request, visitor: Visitor): Promise<Response> {
    const started = performance.now();
    const visit = parseVisit(request);
    const domain = this.deps.domains.count > 0 ? this.deps.domains.serving(visit.host) : null;
    return this.slowly(visit, () => visitor(request), domain ?? this.deps.domains.own, started);
  }

  private async slowly(
    visit: Visit,
    visitor: Address,
    domain: Domain,
    started: number,
  ): Promise<Response> {
    let response: Response;
    try {
      const refusal = await this.deps.guard()?.refusal(visitor());
      if (refusal) this.count.limited.add();
      response = refusal ? problemTo(visit, refusal) : await this.decide(visit, visitor, domain);
    } catch (error) {
      if (!(error instanceof AppError)) this.deps.log.error("redirect failed", { error });
      this.count.failed.add();
      response = problemTo(visit, error);
    }
    this.latency.observe((performance.now() - started) / 1000);
    if (visit.request.method === "HEAD") return new Response(null, response);
    return response;
  }

  private async decide(visit: Visit, visitor: Address, domain: Domain): Promise<Response> {
    if (visit.code === "") {
      if (domain.root_url) return this.go(domain.root_url, 302);
      return this.unknown(visit, visitor, domain);
    }
    if (!isCodeLike(visit.code)) return this.unknown(visit, visitor, domain);
    const target = await this.find(visit, domain);
    if (target === null) return this.unknown(visit, visitor, domain);
    if (visit.rest !== "" && !target.more?.forwardPath) return this.unknown(visit, visitor, domain);
    const now = this.deps.clock.now();
    const gone = endingOf(target, now);
    if (visit.suffix === "+" && !gone) return this.preview(visit, target, domain);
    if (visit.suffix === "+report") {
      const link = { code: target.code, domainId: domain.id, address: visitor() };
      return await answerReport(visit.request, link, this.deps.report);
    }
    if (visit.suffix !== "") return this.unknown(visit, visitor, domain);
    if (gone) return this.ended(visit, target, gone);
    if (now < target.startsAt) return this.unknown(visit, visitor, domain);
    if (domain.quarantined || target.more?.quarantined) return this.warned(target, visit, visitor);
    if (target.more === null) return this.redirected(target, visit, visitor, target.url);
    return await this.decideMore(visit, visitor, target, target.more, domain);
  }

  private warned(target: Target, visit: Visit, visitor: Address): Response {
    this.count.page.add();
    this.recordVisit(target, visit, visitor());
    if (wantsHtml(visit.request)) return pages.warningPage(target.code, target.url);
    return fail("links.gone", "This link was stopped because its target may be unsafe.");
  }

  private async decideMore(
    visit: Visit,
    visitor: Address,
    target: Target,
    more: TargetMore,
    domain: Domain,
  ): Promise<Response> {
    const { request } = visit;
    const kind = this.deps.clicks.kindOf(
      request.headers.get("user-agent") ?? "",
      purposeOf(request),
    );
    if (more.card && kind === "unfurler") {
      this.count.page.add();
      this.recordVisit(target, visit, visitor());
      return pages.cardPage(
        more.card,
        shortUrl(this.deps.naming, domain.host, target.code),
        target.url,
      );
    }
    if (more.passwordHash !== null) {
      const link = { id: target.id, code: target.code, hash: more.passwordHash };
      const asked = await askPassword(request, visitor, link, this.deps);
      if (asked) {
        this.count.page.add();
        return asked;
      }
    }
    // Somebody looking ahead must not use up what a person was given.
    const takes = request.method !== "HEAD" && kind !== "unfurler" && kind !== "prefetch";
    if (more.limited && takes) {
      const left = await this.deps.db.write((tx) => useClick(tx, target.id));
      if (!left) return this.ended(visit, target, "used_up");
    }
    const chosen = this.choose(visit, visitor, target, more);
    return this.redirected(target, visit, visitor, chosen.url, chosen.app);
  }

  private choose(visit: Visit, visitor: Address, target: Target, more: TargetMore) {
    const { request } = visit;
    const userAgent = request.headers.get("user-agent") ?? "";
    const choice = more.choose?.({
      now: this.deps.clock.now(),
      agent: () => classifyAgent(userAgent),
      acceptLanguage: () => request.headers.get("accept-language"),
      place: () => this.deps.geo?.lookup(visitor()) ?? null,
      address: visitor,
      query: () => new URLSearchParams(visit.query),
    });
    const url = choice?.url ?? more.split?.(`${visitor()}\n${userAgent}`) ?? target.url;
    const forwarded = forwardTarget(url, {
      query: more.forwardQuery ? visit.query : undefined,
      path: more.forwardPath ? visit.rest : undefined,
    });
    return { url: forwarded, app: choice?.app ?? null };
  }

  private redirected(
    target: Target,
    visit: Visit,
    visitor: Address,
    url: string,
    app: string | null = null,
  ): Response {
    // HEAD asks about the link and does not follow it.
    if (visit.request.method !== "HEAD") this.recordVisit(target, visit, visitor());
    this.count.redirected.add();
    const noindex = target.more?.noindex ?? false;
    // After the password form the browser must not send the form on.
    const status = visit.request.method === "POST" ? 303 : target.status;
    if (app !== null && !/^https?:/i.test(app)) return pages.appPage(app, url);
    const answer = this.go(
      app ?? url,
      status,
      target.more ? "private, no-store" : this.deps.cacheControl,
    );
    if (noindex) answer.headers.set("x-robots-tag", "noindex");
    return answer;
  }

  private go(url: string, status: number, cacheControl = this.deps.cacheControl): Response {
    return new Response(null, {
      status,
      headers: { location: url, "cache-control": cacheControl },
    });
  }

  private async find(visit: Visit, domain: Domain): Promise<Known> {
    const found = await this.deps.targets.find(domain.id, visit.code);
    if (found !== null || domain.alphabet !== "people") return found;
    const spelled = this.deps.codes.codec("people").canonical(visit.code);
    return spelled && spelled !== visit.code
      ? await this.deps.targets.find(domain.id, spelled)
      : null;
  }

  private ended(visit: Visit, target: Target, why: pages.Ending): Response {
    this.count.gone.add();
    if (target.more?.expiredUrl && why !== "deleted") {
      return this.go(target.more.expiredUrl, 302, "no-store");
    }
    if (wantsHtml(visit.request)) return pages.gonePage(why);
    return fail("links.gone", `This link is ${why.replace("_", " ")}.`);
  }

  private async unknown(visit: Visit, visitor: Address, domain: Domain): Promise<Response> {
    this.count.unknown.add();
    const { clicks, clock } = this.deps;
    const now = clock.now();
    if (visit.request.method === "GET" && isCodeLike(visit.code) && clicks.takesOrphan(now)) {
      fillHit(this.hit, visit.request, visit.query, visitor(), now);
      clicks.recordOrphan(visit.code, this.hit);
    }
    if (domain.not_found_url) return this.go(domain.not_found_url, 302, "no-store");
    if (!wantsHtml(visit.request)) return problemOf(noSuchLink, crypto.randomUUID());
    return pages.notFoundPage(await this.suggestions(visit.code, domain));
  }

  /** Codes that exist and that the typed one may have meant. */
  private async suggestions(typed: string, domain: Domain): Promise<string[]> {
    const { codes, targets, clock } = this.deps;
    const candidates = codes.codec(domain.alphabet).suggest(typed).slice(0, suggestionsMax);
    const found = await Promise.all(candidates.map((code) => targets.find(domain.id, code)));
    return candidates.filter((_, i) => found[i] && !endingOf(found[i], clock.now()));
  }

  private preview(visit: Visit, target: Target, domain: Domain): Response {
    this.count.page.add();
    if (target.more?.passwordHash) return pages.passwordPage(target.code, null);
    const shown = {
      code: target.code,
      shortUrl: shortUrl(this.deps.naming, domain.host, target.code),
      target: target.url,
      card: target.more?.card ?? null,
    };
    if (wantsHtml(visit.request)) return pages.previewPage(shown);
    const { shortUrl: short_url, code } = shown;
    return Response.json({ code, short_url, url: target.url, ...target.more?.card });
  }

  private recordVisit(target: Target, visit: Visit, address: string): void {
    this.record(target, visit.request, visit.query, address, this.deps.clock.now());
  }

  private record(
    target: Target,
    request: Request,
    query: string,
    address: string,
    at: number,
  ): void {
    fillHit(this.hit, request, query, address, at);
    this.hit.idHigh = target.idHigh;
    this.hit.idLow = target.idLow;
    this.deps.clicks.record(this.hit);
  }
}

/** A page for people, JSON for programs. */
function problemTo(visit: Visit, error: unknown): Response {
  const response = problemOf(error, crypto.randomUUID());
  return wantsHtml(visit.request) ? pages.problemPage(response, error) : response;
}

export function endingOf(target: Target, now: number): pages.Ending | null {
  if (target.more?.deleted) return "deleted";
  return now >= target.expiresAt ? "expired" : null;
}
