import type { Hit } from "./clicks/clicks.ts";

/** What a click needs of a request. */
export function hitOf(
  request: Request,
  query: string,
  address: string,
  at: number,
  target: { idHigh: number; idLow: number },
): Hit {
  const { headers } = request;
  return {
    idHigh: target.idHigh,
    idLow: target.idLow,
    at,
    address,
    userAgent: headers.get("user-agent") ?? "",
    referrer: headers.get("referer") ?? "",
    query,
    purpose: purposeOf(request),
    doNotTrack: headers.get("sec-gpc") === "1" || headers.get("dnt") === "1",
    method: request.method === "HEAD" ? "HEAD" : "GET",
  };
}

/** What a browser says of fetching ahead. */
export function purposeOf(request: Request): string {
  const { headers } = request;
  return headers.get("sec-purpose") ?? headers.get("purpose") ?? headers.get("x-moz") ?? "";
}
