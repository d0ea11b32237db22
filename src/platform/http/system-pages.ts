import { timingSafeEqual } from "node:crypto";
import type { Config } from "../config/config.ts";
import type { Db } from "../db/db.ts";
import { docsPages } from "./docs.ts";
import { openapiOf } from "./openapi.ts";
import type { Route } from "./route.ts";

/** What the process says of itself, and the paths that every site is asked for. */
type Page = (request: Request, address: string) => Response | Promise<Response>;

export type SystemPagesOptions = {
  config: Config;
  db: Db;
  renderMetrics(): string | Promise<string>;
  routes: Route[];
  publicUrl: string;
  /** False while draining, so that the balancer stops sending. */
  isReady(): boolean;
};

const readyTimeoutMs = 1_000;
export const version = "0.1.0";

export function systemPages(options: SystemPagesOptions): Map<string, Page> {
  const { config, db, routes, publicUrl } = options;
  const document = openapiOf(routes, { version, serverUrl: publicUrl });
  const openapi = JSON.stringify(document);
  const text = (body: string, status = 200) =>
    new Response(body, {
      status,
      headers: {
        "content-type": "text/plain; charset=utf-8",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
      },
    });

  return new Map<string, Page>([
    ["/", () => new Response(null, { status: 302, headers: { location: "/console/" } })],
    ["/console", () => new Response(null, { status: 302, headers: { location: "/console/" } })],
    ["/healthz", () => text("ok\n")],
    ["/readyz", () => ready()],
    ["/metrics", (request, address) => scrape(request, address)],
    ["/robots.txt", () => text("User-agent: *\nDisallow: /api/\nDisallow: /console/\n")],
    ["/favicon.ico", () => new Response(null, { status: 204 })],
    ["/openapi.json", () => json(openapi)],
    ...docsPages(routes, document),
  ]);

  async function ready(): Promise<Response> {
    if (!options.isReady()) return text("draining\n", 503);
    const healthy = await db.healthy(readyTimeoutMs);
    return healthy ? text("ok\n") : text("the database does not answer\n", 503);
  }

  async function scrape(request: Request, address: string): Promise<Response> {
    if (!mayScrape(request, address)) return text("metrics need the token\n", 403);
    const type = "text/plain; version=0.0.4; charset=utf-8";
    return new Response(await options.renderMetrics(), {
      headers: { "content-type": type, "x-content-type-options": "nosniff" },
    });
  }

  function mayScrape(request: Request, address: string): boolean {
    if (config.metricsToken === "") {
      return address === "::1" || address === "localhost" || address.startsWith("127.");
    }
    const sent = Buffer.from(request.headers.get("authorization") ?? "");
    const wanted = Buffer.from(`Bearer ${config.metricsToken}`);
    return sent.length === wanted.length && timingSafeEqual(sent, wanted);
  }
}

function json(body: string): Response {
  return new Response(body, {
    headers: {
      "content-type": "application/json",
      "cache-control": "no-cache",
      "x-content-type-options": "nosniff",
    },
  });
}
