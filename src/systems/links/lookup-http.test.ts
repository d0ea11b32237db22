import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Person, startWorld, type World } from "../../../test/world.ts";
import type { Link } from "./wire.ts";

/** Finding what may have to be stopped, from whatever an administrator has in hand. */
let world: World;
let link: Link;
let domainId: string;
const host = "look.example.org";

beforeAll(async () => {
  world = await startWorld();
  const domain = await world.call("POST", "/api/v1/domains", { body: { host } });
  domainId = (domain.body as { id: string }).id;
  await world.db.write(
    (tx) => tx.run`UPDATE links.domains SET verified_at = now() WHERE id = ${domainId}`,
  );
  await world.call("PATCH", `/api/v1/domains/${domainId}`, { body: {} });
  const body = { url: "https://example.com/", alias: "Look-Here", domain: host };
  link = (await world.call("POST", "/api/v1/links", { body })).body;
}, 60_000);
afterAll(() => world.stop(), 60_000);

type Found = {
  link: Link | null;
  domain: { id: string; host: string; stopped: string | null } | null;
  owner: { id: string; email: string; stopped: string | null } | null;
};

async function lookUp(query: Record<string, string>, as: Person | string | null = world.admin) {
  const path = `/api/v1/admin/lookup?${new URLSearchParams(query)}`;
  const { status, body } = await world.call("GET", path, { as });
  return { status, body: body as Found };
}

test("a short URL leads to its link, its domain and its owner", async () => {
  for (const short_url of [
    link.short_url,
    `http://${host}/look-here+?utm_source=mail`,
    `https://${host.toUpperCase()}/LOOK-HERE`,
  ]) {
    const { body } = await lookUp({ short_url });
    expect(body).toMatchObject({
      link: { id: link.id, state: "active" },
      domain: { id: domainId, host, stopped: null },
      owner: { id: world.ada.id, email: world.ada.email, stopped: null },
    });
  }
  const own = await world.call("POST", "/api/v1/links", { body: { url: "https://example.com/" } });
  const { short_url } = own.body as Link;
  expect((await lookUp({ short_url })).body.domain).toBeNull();
});

test("a host leads to its owner, an account to itself, each with why it is stopped", async () => {
  const stop = (what: string, reason: string) =>
    world.call("POST", `/api/v1/admin/${what}/quarantine`, { as: world.admin, body: { reason } });
  await stop(`domains/${domainId}`, "scam");
  await stop(`owners/${world.ada.id}`, "scammer");
  const owner = { id: world.ada.id, stopped: "admin: scammer" };
  const domain = { id: domainId, stopped: "admin: scam" };
  expect((await lookUp({ host })).body).toMatchObject({ link: null, domain, owner });
  const account = await lookUp({ owner_id: world.ada.id });
  expect(account.body).toMatchObject({ link: null, domain: null, owner });
  // The link itself is not stopped; that what it hangs on is, it tells.
  const byLink = (await lookUp({ short_url: link.short_url })).body;
  expect(byLink.link).toMatchObject({ state: "quarantined", quarantine: { of: "domain" } });
});

test("what is not there, and questions that are none", async () => {
  const missing: Record<string, string>[] = [
    { short_url: "https://elsewhere.example.com/abc" },
    { short_url: `https://${host}/no-such-link` },
    { short_url: "not a URL" },
    { host: "unproved.example.org" },
    { host: "" },
    { owner_id: "12345" },
  ];
  for (const query of missing) {
    expect([query, (await lookUp(query)).status]).toEqual([query, 404]);
  }
  const wrong: Record<string, string>[] = [
    ...[{}, { host, owner_id: "1" }, { owner_id: "x" }, { other: "1" }],
  ];
  for (const query of wrong) expect([query, (await lookUp(query)).status]).toEqual([query, 400]);
});

test("only administrators may ask, and keys only with both scopes", async () => {
  expect((await lookUp({ host }, null)).status).toBe(401);
  expect((await lookUp({ host }, world.ada)).status).toBe(403);
  const key = async (scopes: string[]) => {
    const wish = { name: "k", scopes, expires_at: null };
    const { operations } = world.running;
    return (await world.db.write((tx) => operations.createKey(tx, world.admin.id, wish))).key;
  };
  expect((await lookUp({ host }, await key(["links:read"]))).status).toBe(403);
  expect((await lookUp({ host }, await key(["accounts:read"]))).status).toBe(403);
  expect((await lookUp({ host }, await key(["*:read"]))).status).toBe(200);
});
