import { z } from "zod";
import { idSchema, type Reply, route, type Route } from "../../platform/http/route.ts";
import { requireOwned } from "./edit.ts";
import { shortUrl, type Naming } from "./link.ts";
import { qrMarginMax, qrPng, qrSizeMax, qrSizeMin, qrSvg } from "./qr.ts";

/** The picture never changes; a day is kind to caches that belong to somebody who leaves. */
const qrCacheControl = "private, max-age=86400, immutable";

const colour = z
  .string()
  .regex(/^#?[0-9a-fA-F]{6}$/, "a colour such as 1a2b3c")
  .transform((text) => `#${text.replace("#", "")}`);

const qrQuery = z.object({
  format: z.enum(["svg", "png"]).default("svg"),
  size: z.coerce
    .number()
    .int()
    .min(qrSizeMin)
    .max(qrSizeMax)
    .default(512)
    .describe("Pixels a side."),
  margin: z.coerce
    .number()
    .int()
    .min(0)
    .max(qrMarginMax)
    .default(4)
    .describe("Modules around it; readers want four."),
  dark: colour.default("#000000"),
  light: colour.default("#ffffff"),
  level: z.enum(["L", "M", "Q", "H"]).default("M").describe("Of error correction, least first."),
});
type QrQuery = z.output<typeof qrQuery>;

export function qrRoute({ naming }: { naming: Naming }): Route {
  return route({
    method: "GET",
    path: "/api/v1/links/{id}/qr",
    summary: "The QR code of a link as SVG or PNG",
    tag: "links",
    access: "member",
    scope: "links:read",
    params: z.object({ id: idSchema }),
    query: qrQuery,
    replies: { 200: ["image/svg+xml", "image/png"], 304: null },
    errors: ["links.not_found", "links.invalid"],
    async handler({ params: { id }, query, principal, reader, request }) {
      const row = await requireOwned(reader, principal, id);
      return qrOf(shortUrl(naming, row.host, row.code), query, request);
    },
  });
}

function qrOf(text: string, query: QrQuery, request: Request): Reply {
  const { format, ...options } = query;
  const hash = Bun.hash(JSON.stringify([text, query])).toString(36);
  const headers = { etag: `"${hash}"`, "cache-control": qrCacheControl };
  const given = request.headers.get("if-none-match")?.split(",") ?? [];
  if (given.some((known) => known.trim().replace(/^W\//, "") === headers.etag)) {
    return new Response(null, { status: 304, headers });
  }
  const picture = format === "svg" ? qrSvg(text, options) : (qrPng(text, options) as BodyInit);
  return new Response(picture, {
    headers: {
      ...headers,
      "content-type": format === "svg" ? "image/svg+xml" : "image/png",
      "content-disposition": `inline; filename="qr.${format}"`,
      "content-security-policy": "default-src 'none'",
      "x-content-type-options": "nosniff",
    },
  });
}
