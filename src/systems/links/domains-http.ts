import { z } from "zod";
import { AppError } from "../../platform/errors/errors.ts";
import { idSchema, route, type Route } from "../../platform/http/route.ts";
import { wellKnownPath } from "./domain-proof.ts";
import type { DomainRow } from "./domain.ts";
import type { Domains } from "./domains.ts";
import { normalHost, proofName } from "./host-name.ts";
import { quarantineOf } from "./standing.ts";
import { checkUrl, type UrlPolicy } from "./safety.ts";
import { createDomainBody, domainSchema, updateDomainBody } from "./domain-wire.ts";

/** The routes of custom domains, and the question a TLS proxy asks before it gets a certificate. */
const params = z.object({ id: idSchema });
const tag = "domains";

export function domainRoutes(domains: Domains, urlPolicy: () => UrlPolicy): Route[] {
  return [
    listRoute(domains),
    addRoute(domains, urlPolicy),
    verifyRoute(domains),
    updateRoute(domains, urlPolicy),
    removeRoute(domains),
    askRoute(domains),
  ];
}

function listRoute(domains: Domains): Route {
  return route({
    method: "GET",
    path: "/api/v1/domains",
    summary: "List your domains",
    tag,
    access: "member",
    scope: "links:read",
    replies: { 200: z.object({ items: z.array(domainSchema) }) },
    async handler({ principal, reader }) {
      const rows = await domains.list(reader, principal);
      return { status: 200, body: { items: rows.map(toWire) } };
    },
  });
}

function addRoute(domains: Domains, urlPolicy: () => UrlPolicy): Route {
  return route({
    method: "POST",
    path: "/api/v1/domains",
    summary: "Add a domain; the answer says how to prove it",
    tag,
    access: "member",
    scope: "links:write",
    idempotent: true,
    body: createDomainBody,
    replies: { 201: domainSchema },
    errors: ["links.domain_taken", "links.domain_limit", "links.invalid", "links.url_refused"],
    handler: ({ body, principal, write }) => {
      const wish = {
        ...body,
        root_url: checkTarget("root_url", body.root_url, body.host, urlPolicy()),
        not_found_url: checkTarget("not_found_url", body.not_found_url, body.host, urlPolicy()),
      };
      return write(async (tx) => {
        const row = await domains.add(tx, principal, wish);
        return { status: 201, body: toWire(row) };
      });
    },
  });
}

function verifyRoute(domains: Domains): Route {
  return route({
    method: "POST",
    path: "/api/v1/domains/{id}/verify",
    summary: "Look for the proof now",
    tag,
    access: "member",
    scope: "links:write",
    params,
    replies: { 200: domainSchema },
    errors: ["links.domain_not_found", "links.domain_unverified", "links.domain_taken"],
    async handler({ params: { id }, principal }) {
      return { status: 200, body: toWire(await domains.verify(principal, id)) };
    },
  });
}

function updateRoute(domains: Domains, urlPolicy: () => UrlPolicy): Route {
  return route({
    method: "PATCH",
    path: "/api/v1/domains/{id}",
    summary: "Change a domain's alphabet and its root and not-found redirects",
    tag,
    access: "member",
    scope: "links:write",
    params,
    body: updateDomainBody,
    replies: { 200: domainSchema },
    errors: ["links.domain_not_found", "links.url_refused"],
    async handler({ params: { id }, body, principal, reader, write }) {
      const { host } = await domains.owned(reader, principal, id);
      const wish = { ...body };
      for (const field of ["root_url", "not_found_url"] as const) {
        if (body[field]) wish[field] = checkTarget(field, body[field], host, urlPolicy());
      }
      const reply = await write(async (tx) => ({
        status: 200,
        body: toWire(await domains.update(tx, principal, id, wish)),
      }));
      await domains.settled();
      return reply;
    },
  });
}

function removeRoute(domains: Domains): Route {
  return route({
    method: "DELETE",
    path: "/api/v1/domains/{id}",
    summary: "Remove a domain that has no links",
    tag,
    access: "member",
    scope: "links:write",
    params,
    replies: { 204: null },
    errors: ["links.domain_not_found", "links.domain_in_use"],
    async handler({ params: { id }, principal, write }) {
      const reply = await write(async (tx) => {
        await domains.remove(tx, principal, id);
        return { status: 204 };
      });
      await domains.settled();
      return reply;
    },
  });
}

function askRoute(domains: Domains): Route {
  return route({
    method: "GET",
    path: "/api/v1/domains/ask",
    summary: "Whether a certificate may be had for a host (Caddy on-demand TLS)",
    tag,
    access: "public",
    query: z.object({ domain: z.string().min(1).max(253) }),
    replies: { 200: null },
    errors: ["links.domain_not_found"],
    handler({ query }) {
      if (domains.ownsHost(normalHost(query.domain) ?? "?")) return { status: 200 };
      throw new AppError("links.domain_not_found", `${query.domain} is not served here.`);
    },
  });
}

/** A domain that is not proved yet is no host of ours, and must not lead to itself either. */
function checkTarget(
  field: string,
  url: string | null | undefined,
  host: string,
  policy: UrlPolicy,
): string | null {
  if (!url) return null;
  const own = normalHost(host);
  const ownHosts = (name: string) => name === own || policy.ownHosts(name);
  const verdict = checkUrl(url, { ...policy, ownHosts });
  if (verdict.ok) return verdict.url;
  throw new AppError("links.url_refused", `${field}: ${verdict.message}`, {
    fields: [{ field, message: verdict.message }],
  });
}

function toWire(row: DomainRow) {
  return {
    id: row.id,
    host: row.host,
    verification: {
      txt_name: proofName(row.host),
      txt_value: row.token,
      well_known_url: `https://${row.host}${wellKnownPath}`,
    },
    verified_at: row.verified_at,
    quarantine: quarantineOf({
      quarantined: null,
      domain_quarantine: row.quarantined ? (row.quarantine_reason ?? "") : null,
      owner_quarantine: row.owner_quarantine,
    }),
    alphabet: row.alphabet,
    root_url: row.root_url,
    not_found_url: row.not_found_url,
    created_at: row.created_at,
  };
}
