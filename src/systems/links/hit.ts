import type { Head } from "../../platform/http/head.ts";
import type { Hit } from "./clicks/clicks.ts";

/** To be filled anew for each click, which is written down before the next one comes. */
export function emptyHit(): Hit {
  return {
    ...{ idHigh: 0, idLow: 0, at: 0, address: "", userAgent: "", referrer: "", query: "" },
    ...{ purpose: "", doNotTrack: false, method: "GET" },
  };
}

/** Writes down of a request what a click needs. The same object is filled for each one. */
export function fillHit(
  hit: Hit,
  request: Request,
  query: string,
  address: string,
  at: number,
): void {
  const { headers } = request;
  hit.at = at;
  hit.address = address;
  hit.userAgent = headers.get("user-agent") ?? "";
  hit.referrer = headers.get("referer") ?? "";
  hit.query = query;
  hit.purpose = purposeOf(request);
  hit.doNotTrack = headers.get("sec-gpc") === "1" || headers.get("dnt") === "1";
  hit.method = request.method === "HEAD" ? "HEAD" : "GET";
}

/** The same of a head that was read by position. */
export function fillHitFromHead(hit: Hit, head: Head, address: string, at: number): void {
  hit.at = at;
  hit.address = address;
  hit.userAgent = head.userAgent;
  hit.referrer = head.referrer;
  hit.query = head.query;
  hit.purpose = head.secPurpose || head.purpose || head.xMoz;
  hit.doNotTrack = head.doNotTrack;
  hit.method = "GET";
}

/** What a browser says of fetching ahead. */
export function purposeOf(request: Request): string {
  const { headers } = request;
  return headers.get("sec-purpose") ?? headers.get("purpose") ?? headers.get("x-moz") ?? "";
}
