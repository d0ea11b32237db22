import { segment, type Body, type Caller, type Filter, type Query } from "./api.ts";
import type { CallOptions } from "./transport.ts";
import type { Lookup, Quarantined, Report } from "./types.ts";

/** Reports by anybody, and what administrators make of them. */
export function safetyOf(api: Caller) {
  return {
    report: (report: Body<"post_reports">, options: CallOptions = {}) =>
      api.send<void>({
        ...options,
        method: "POST",
        path: "/reports",
        body: report,
        anonymous: true,
      }),
    reports: (query: Filter<"get_admin_reports"> = {}, options?: CallOptions) =>
      api.list<Report>("/admin/reports", query, options),
    /** Upholding stops the link. */
    decide: (id: string, decision: "uphold" | "dismiss", options?: CallOptions) =>
      api.post<void>(`/admin/reports/${segment(id)}/decide`, { decision }, options),
    /** Give one of them; the answer has what belongs to it as well. */
    lookUp: (query: Query<"get_admin_lookup">, options?: CallOptions) =>
      api.get<Lookup>("/admin/lookup", query, options),
    quarantined: (query: Filter<"get_admin_quarantine"> = {}, options?: CallOptions) =>
      api.list<Quarantined>("/admin/quarantine", query, options),
    /** Visitors see a warning instead of being sent on. */
    quarantine: (
      what: "links" | "owners" | "domains",
      id: string,
      reason: string,
      options?: CallOptions,
    ) => api.post<void>(`/admin/${what}/${segment(id)}/quarantine`, { reason }, options),
    release: (what: "links" | "owners" | "domains", id: string, options?: CallOptions) =>
      api.post<void>(`/admin/${what}/${segment(id)}/release`, undefined, options),
  };
}
