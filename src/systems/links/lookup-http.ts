import { z } from "zod";
import { requireScope } from "../../platform/auth/principal.ts";
import type { Reader } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import { idSchema, route, type Route } from "../../platform/http/route.ts";
import { aliasSkeleton } from "./aliases.ts";
import { normalHost } from "./host-name.ts";
import { toWire } from "./link.ts";
import { whichLink } from "./reported-link.ts";
import type { SafetyDesk } from "./safety-desk.ts";
import { findOwned, findTargets } from "./store.ts";
import { linkSchema, type Link } from "./wire.ts";

/**
 * What an administrator has in hand - a short URL, a host, an account's id - and all that belongs
 * to it: the link, its domain, its owner, and what of them is stopped.
 */
const lookupQuery = z
  .strictObject({
    short_url: z.string().max(2_048).optional(),
    host: z.string().max(253).optional(),
    owner_id: idSchema.optional(),
  })
  .refine((query) => Object.values(query).filter((value) => value !== undefined).length === 1, {
    path: ["short_url"],
    message: "give one of short_url, host and owner_id",
  });

const lookupReply = z.object({
  link: linkSchema.nullable().describe("Null where a host or an account was asked for."),
  domain: z
    .object({
      id: idSchema,
      host: z.string(),
      /** Why it is stopped by itself; null where it is not. */
      stopped: z.string().nullable(),
    })
    .nullable()
    .describe(
      "Null on Stoa's own host, which cannot be stopped, and where an account was asked for.",
    ),
  owner: z
    .object({
      id: idSchema,
      name: z.string(),
      email: z.string().nullable(),
      stopped: z.string().nullable(),
    })
    .nullable()
    .describe("Null where the account is deleted."),
});
type Found = z.infer<typeof lookupReply>;
type DomainFound = Found["domain"] & { owner_id: string };

export function lookupRoute(desk: SafetyDesk): Route {
  return route({
    method: "GET",
    path: "/api/v1/admin/lookup",
    summary: "Find what may have to be stopped, by a short URL, a host or an account's id",
    tag: "safety",
    access: "admin",
    scope: "links:read",
    query: lookupQuery,
    replies: { 200: lookupReply },
    errors: ["links.not_found", "links.domain_not_found", "accounts.not_found"],
    async handler({ query: { short_url, host, owner_id }, principal, reader }) {
      // It names people as well.
      requireScope(principal, "accounts:read");
      if (short_url !== undefined) {
        return { status: 200, body: await byShortUrl(desk, reader, short_url) };
      }
      if (host !== undefined) return { status: 200, body: await byHost(desk, reader, host) };
      const owner = await ownerOf(desk, reader, owner_id ?? "");
      if (owner) return { status: 200, body: { link: null, domain: null, owner } };
      throw new AppError("accounts.not_found", `There is no account ${owner_id}.`);
    },
  });
}

async function byShortUrl(desk: SafetyDesk, reader: Reader, shortUrl: string): Promise<Found> {
  const { code, domainId } = whichLink(desk, { short_url: shortUrl });
  const [target] = await findTargets(reader, [{ domainId, code, skeleton: aliasSkeleton(code) }]);
  const row = target && (await findOwned(reader, { id: target.id, ownerId: null }));
  if (!row) throw new AppError("links.not_found", `There is no link ${code.slice(0, 80)}.`);
  const link: Link = toWire(row, desk.naming, desk.now());
  const domain = await domainOf(reader, { id: row.domain_id });
  return { link, domain: shown(domain), owner: await ownerOf(desk, reader, row.owner_id) };
}

async function byHost(desk: SafetyDesk, reader: Reader, host: string): Promise<Found> {
  const domain = await domainOf(reader, { host: normalHost(host) ?? "?" });
  if (!domain) throw new AppError("links.domain_not_found", `${host} is no proved domain here.`);
  return { link: null, domain: shown(domain), owner: await ownerOf(desk, reader, domain.owner_id) };
}

async function domainOf(
  reader: Reader,
  by: { id: string } | { host: string },
): Promise<DomainFound | null> {
  const which = "id" in by ? reader.sql`id = ${by.id}` : reader.sql`host = ${by.host}`;
  return await reader.one<DomainFound>`
    SELECT id, host, owner_id,
      CASE WHEN quarantined THEN coalesce(quarantine_reason, '') END AS stopped
    FROM links.domains WHERE id <> 0 AND verified_at IS NOT NULL AND ${which}`;
}

function shown(domain: DomainFound | null): Found["domain"] {
  if (!domain) return null;
  const { owner_id: _, ...rest } = domain;
  return rest;
}

async function ownerOf(desk: SafetyDesk, reader: Reader, id: string): Promise<Found["owner"]> {
  const account = await desk.findAccount(reader, id);
  if (!account) return null;
  const row = await reader.one<{ reason: string }>`
    SELECT reason FROM links.quarantined_owners WHERE owner_id = ${id}`;
  return { id, name: account.name, email: account.email, stopped: row?.reason ?? null };
}
