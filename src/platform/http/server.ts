import { Hono } from "hono";
import type { Authenticate, Principal } from "../auth/principal.ts";
import type { Clock } from "../clock/clock.ts";
import { explain, type Db } from "../db/db.ts";
import { AppError, errorStatus } from "../errors/errors.ts";
import type { Log } from "../log/log.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { admit, needCredentials } from "./admission.ts";
import { behind, type Guard } from "./guard.ts";
import { createIdempotency, type Claim } from "./idempotency.ts";
import { problemOf } from "./problem.ts";
import { createPositions } from "./positions.ts";
import { bodyOf, identify, jsonBodyOf, parse, queryOf, requestIdOf } from "./request.ts";
import { bySpecificity, notFound } from "./routing.ts";
import { RawJson, type Reply, type Route } from "./route.ts";
import { whileAllowed, type Watch } from "./stream.ts";
import { writeAlone } from "./write-group.ts";

/**
 * Runs routes: who is calling, may they, is the input right, do it, answer. Every way out of a
 * handler ends in a reply or in problem details; nothing throws through.
 */
export type ApiOptions = {
  routes: Route[];
  authenticate: Authenticate;
  db: Db;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  requestBodyBytesMax: number;
  requestTimeoutMs: number;
  requestsInFlightMax: number;
  /** Asked of every call before its body is read. */
  guard?: Guard;
  /** Tells when credentials stop being good, for streams. */
  watch?: Watch;
  /** Set when reads may go to a replica. */
  replicated?: boolean;
};

export type Api = {
  /** `address` is the visitor's, already freed of untrusted headers. */
  fetch(request: Request, address: string): Promise<Response>;
  inFlight(): number;
};

type Bindings = { Bindings: { address: string } };

export function createApi(options: ApiOptions): Api {
  const app = new Hono<Bindings>();
  const runner = new Runner(options);
  for (const route of options.routes.toSorted(bySpecificity)) {
    const path = route.path.replace(/\{(\w+)\}/g, ":$1");
    const measure = routeMetrics(options.metrics, route);
    app.on(route.method, path, async (c) => {
      const started = options.clock.monotonic();
      const call = {
        ...{ route, request: c.req.raw, rawParams: c.req.param() },
        ...{ address: c.env.address, requestId: requestIdOf(c.req.raw) },
      };
      const response = await runner.answer(call);
      const elapsed = options.clock.monotonic() - started;
      measure(response.status, elapsed / 1000);
      options.log.debug("request", {
        request_id: call.requestId,
        route: `${route.method} ${route.path}`,
        status: response.status,
        ms: Math.round(elapsed * 10) / 10,
      });
      return response;
    });
  }
  app.notFound((c) => notFound(options.routes, c.req.raw, c.req.path));
  app.onError((error, c) => runner.failed(error, requestIdOf(c.req.raw), c.req.path));
  return {
    fetch: async (request, address) => await app.fetch(request, { address }),
    inFlight: () => runner.inFlight,
  };
}

type Call = {
  route: Route;
  request: Request;
  rawParams: Record<string, string>;
  address: string;
  requestId: string;
};

class Runner {
  inFlight = 0;
  private readonly options: ApiOptions;
  private readonly idempotency = createIdempotency();
  private readonly positions: ReturnType<typeof createPositions>;

  constructor(options: ApiOptions) {
    this.options = options;
    this.positions = createPositions(options.db, options.replicated ?? false);
    const help = "Requests being served.";
    options.metrics.gauge("stoa_http_requests_in_flight", help, () => this.inFlight);
  }

  async answer(call: Call): Promise<Response> {
    const { route, requestId } = call;
    if (route.stream) {
      return await this.perform(call).catch((error) => this.failed(error, requestId, route.path));
    }
    this.inFlight++;
    try {
      if (this.inFlight > this.options.requestsInFlightMax) {
        throw new AppError("server.busy", "Too many requests at once.", { retryAfterSeconds: 1 });
      }
      return await withTimeout(this.perform(call), this.options.requestTimeoutMs);
    } catch (error) {
      return this.failed(error, requestId, route.path);
    } finally {
      this.inFlight--;
    }
  }

  failed(error: unknown, requestId: string, path: string): Response {
    const { log } = this.options;
    const explained = explain(error);
    const status = explained instanceof AppError ? errorStatus[explained.code] : 500;
    if (status >= 500) {
      const say = status === 500 ? log.error : log.warn;
      say("request failed", { request_id: requestId, route: path, error: explained });
    }
    return problemOf(explained, requestId);
  }

  private async perform(call: Call): Promise<Response> {
    const { route, request, address, requestId } = call;
    const { clock, guard } = this.options;
    const { caller, refused } = await this.whoCalls(call);
    const work = async () => {
      if (refused) throw refused.error;
      return await this.run(call, caller);
    };
    const passage = guard ? await guard({ route, request, address, caller }) : null;
    if (!passage) return await work();
    const failed = (error: unknown) => this.failed(error, requestId, route.path);
    return await behind(passage, { clock, signal: request.signal, work, failed });
  }

  /** Refused credentials are nobody's, and still a call that the guard must hear of. */
  private async whoCalls({ request, address }: Call) {
    try {
      return { caller: await this.options.authenticate(request, address), refused: null };
    } catch (error) {
      return { caller: null, refused: { error } };
    }
  }

  private async run(call: Call, caller: Principal | null): Promise<Response> {
    const { route, request, address, requestId } = call;
    const { positions } = this;
    admit(route, caller);
    const url = new URL(request.url);
    const params = parse("path", route.params, call.rawParams);
    const query = parse("query", route.query, queryOf(url));
    const bytes = await bodyOf(route, request, this.options.requestBodyBytesMax);
    const body = jsonBodyOf(route, bytes);
    const once = (write: (claim: Claim | null) => Promise<Reply>) =>
      this.once(call, bytes, caller, write);
    const answer = async (signal: AbortSignal) =>
      route.handler({
        ...{ params, query, body, request, url, address, requestId, caller, signal },
        get principal() {
          return caller ?? needCredentials();
        },
        reader: positions.readerFor(caller, request),
        write: (work) => once((claim) => writeAlone(this.options.db, claim, work)),
        writeTogether: (group, one) => once((claim) => group.write(one, claim)),
      });
    const reply = route.stream
      ? await whileAllowed(request, caller, this.options.watch, answer)
      : await answer(request.signal);
    if (route.method !== "GET") await positions.remember(caller);
    return finish(reply, requestId, await positions.headerFor(caller));
  }

  private async once(
    { route, request }: Call,
    bytes: Uint8Array,
    caller: Principal | null,
    write: (claim: Claim | null) => Promise<Reply>,
  ): Promise<Reply> {
    const key = request.headers.get("idempotency-key");
    if (key === null || !route.idempotent) return await write(null);
    const claim = identify(route, request, bytes, caller, key);
    return await this.idempotency.once(claim, () => write(claim));
  }
}

function finish(reply: Reply, requestId: string, extra: Record<string, string>): Response {
  if (reply instanceof Response) {
    reply.headers.set("x-request-id", requestId);
    return reply;
  }
  const headers = new Headers({
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-request-id": requestId,
    ...extra,
    ...reply.headers,
  });
  if (reply.body === undefined) return new Response(null, { status: reply.status, headers });
  headers.set("content-type", "application/json");
  const text = reply.body instanceof RawJson ? reply.body.text : JSON.stringify(reply.body);
  return new Response(text, { status: reply.status, headers });
}

function withTimeout(work: Promise<Response>, ms: number): Promise<Response> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const message = "The request took too long; whether it took effect is unknown.";
      reject(new AppError("server.busy", message, { retryAfterSeconds: 5 }));
    }, ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function routeMetrics(metrics: Metrics, route: Route) {
  const labels = { route: `${route.method} ${route.path}` };
  const latency = metrics.histogram(
    "stoa_http_request_seconds",
    "Time from request to answer.",
    labels,
  );
  return (status: number, seconds: number) => {
    latency.observe(seconds);
    metrics
      .counter("stoa_http_requests_total", "Requests answered.", {
        ...labels,
        status: String(status),
      })
      .add();
  };
}
