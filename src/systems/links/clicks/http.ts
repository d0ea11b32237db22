import { z } from "zod";
import type { Principal } from "../../../platform/auth/principal.ts";
import type { Reader } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import { idSchema, pageOf, pageQuery, route, type Route } from "../../../platform/http/route.ts";
import type { Clicks } from "./clicks.ts";
import { latestClicks, latestOrphans } from "./raw.ts";
import { clickSchema, orphanSchema, statsQuery, statsReply } from "./wire.ts";

/** Reading clicks: numbers, the latest ones, and live counts. */
export type ClickRouteDeps = {
  clicks: Pick<Clicks, "stats" | "live" | "names" | "now">;
  /** The caller's own link; a foreign one is as good as none. */
  findOwned(reader: Reader, principal: Principal, id: string): Promise<{ id: string } | null>;
};

const params = z.object({ id: idSchema });
const tag = "clicks";

export function clickRoutes({ clicks, findOwned }: ClickRouteDeps): Route[] {
  async function owned(reader: Reader, principal: Principal, id: string): Promise<string> {
    const link = await findOwned(reader, principal, id);
    if (!link) throw new AppError("links.not_found", `There is no link ${id} of yours.`);
    return link.id;
  }

  return [
    route({
      method: "GET",
      path: "/api/v1/links/{id}/stats",
      summary: "Clicks of a link over time or by country, referrer, device and more",
      tag,
      access: "member",
      scope: "links:read",
      params,
      query: statsQuery,
      replies: { 200: statsReply },
      errors: ["links.not_found"],
      async handler({ params: { id }, query, principal, reader }) {
        const link = await owned(reader, principal, id);
        return { status: 200, body: await clicks.stats.ofLink(reader, link, query) };
      },
    }),
    route({
      method: "GET",
      path: "/api/v1/stats",
      summary: "Clicks of all your links together",
      tag,
      access: "member",
      scope: "links:read",
      query: statsQuery,
      replies: { 200: statsReply },
      async handler({ query, principal, reader }) {
        const body = await clicks.stats.ofOwner(reader, principal.account_id, query);
        return { status: 200, body };
      },
    }),
    route({
      method: "GET",
      path: "/api/v1/links/{id}/clicks",
      summary: "The latest clicks of a link, one by one",
      tag,
      access: "member",
      scope: "links:read",
      params,
      query: pageQuery,
      replies: { 200: pageOf(clickSchema) },
      errors: ["links.not_found"],
      async handler({ params: { id }, query, principal, reader }) {
        const linkId = await owned(reader, principal, id);
        const asked = { ...query, linkId, now: clicks.now() };
        return { status: 200, body: await latestClicks(reader, clicks.names, asked) };
      },
    }),
    ...streamRoutes(clicks),
  ];
}

function streamRoutes(clicks: ClickRouteDeps["clicks"]): Route[] {
  return [
    route({
      method: "GET",
      path: "/api/v1/stats/live",
      summary: "Clicks of all your links as they happen: an event stream",
      tag,
      access: "member",
      scope: "links:read",
      replies: { 200: "text/event-stream" },
      errors: ["request.rate_limited"],
      stream: true,
      handler: ({ principal, signal }) => clicks.live.stream(principal, signal),
    }),
    route({
      method: "GET",
      path: "/api/v1/orphans",
      summary: "Clicks on codes that nobody has made, newest first",
      tag,
      access: "admin",
      scope: "links:read",
      query: pageQuery,
      replies: { 200: pageOf(orphanSchema) },
      async handler({ query, reader }) {
        return { status: 200, body: await latestOrphans(reader, clicks.names, query) };
      },
    }),
  ];
}
